# The few commands people type; meson and ninja do the work, tools/ holds the rest.
#
#   make          build/waybill
#   make demo     a shop of 500,000 rows moved, changed, killed in the middle, moved again, and compared
#   make check    everything below but `limits`; installs what tests need; the last line says what passed and failed
.PHONY: all demo check unit sweep sweep-asan mutants fuzz integration kill soak airflow limits bench docs deb asan tsan lint fmt clean

all: build/build.ninja
	@ninja -C build

# What meson says is wanted only when it fails.
configure = said=$$(meson setup $(@D) $(1) 2>&1) || { echo "$$said" >&2; echo "missing packages? as root: $$(tools/setup --say build)" >&2; exit 1; }
build/build.ninja:
	@$(call configure)
build-asan/build.ninja:
	@$(call configure,-Db_sanitize=address$(comma)undefined $(sanitized))
build-tsan/build.ninja:
	@$(call configure,-Db_sanitize=thread $(sanitized))
comma = ,
# Half as long to build as with -O2 -g, and as quick to run: the time is the sanitizer's own. -g1: functions and lines.
sanitized = -Db_lundef=false -Doptimization=1 -Dc_args=-g1 $(if $(shell command -v ld.gold),-Dc_link_args=-fuse-ld=gold)

demo:
	@tools/demo

check:
	@tools/setup check
	@NODES=30000 SPARSE=64 GREEN=yes SHARE=4 tools/check lint,asan,sweep-asan,sweep,mutants integration,tsan

# C tests: units, the conformance suites, the layers.
unit: all
	@tools/unit build

# Every call of every seam fails, at every position, in every way (tests/sweep/sweep.c); SPARSE=n: the first of each kind
# in each scenario, and every n-th; SHARE=4: of a quarter of the scenarios, whose turn it is (tools/turn).
SPARSE ?= 0
turn = $(if $(SHARE),--share $$(($1)) --turn $$(tools/turn $$(($1))))
sweep: build/build.ninja
	@ninja -C build --quiet tests/sweep/sweep
	@build/tests/sweep/sweep --sparse $(SPARSE) $(call turn,$(SHARE))

# The same under AddressSanitizer and UndefinedBehaviorSanitizer, three times as long: of what SHARE says a third.
sweep-asan: build-asan/build.ninja
	@ninja -C build-asan --quiet tests/sweep/sweep
	@build-asan/tests/sweep/sweep --sparse $(SPARSE) $(call turn,$(SHARE)*3)

# One mechanism taken out at a time; something must turn red. PATCHES=dir runs an outsider's; SHARE=4 the quarter whose turn it is.
mutants:
	@tools/mutants $(if $(PATCHES),PATCHES=$(PATCHES)) $(if $(GREEN),GREEN=$(GREEN)) $(if $(SHARE),SHARE=$(SHARE))

# Every parser of bytes from outside, a minute each (SECONDS=600: ten), and how much of it the inputs in the tree reach.
SECONDS = 60
fuzz:
	@tools/setup check
	@nice -n 10 tools/fuzz --seconds $(SECONDS)

# The finished program from outside: real files, real readers, kill -9, signals, live writers. Four at a time, of which most
# wait for something on two cores.
integration: build/build.ninja
	@ninja -C build --quiet outside
	@.venv/bin/pytest -n 4 --dist loadfile --no-loadscope-reorder tests/integration

# kill -9 between and inside the arrows of the protocol: make kill KILLS=100 SEED=7.
KILLS = 100
SEED = 1
kill: all
	@python3 tests/integration/kill_run.py --kills $(KILLS) --seed $(SEED)

# What takes too long for every day, between real servers: 3,000,000 rows, 60 kills and everything else that dies, two
# minutes of live writers, 300 random lives, 120 kills of loads into Redshift's stand-in, and the memory all of it takes. An hour
# and a half or so, and 25 GB of disk for a while.
soak: all
	@tools/setup check
	@.venv/bin/python tests/integration/parquet_random.py --schemas 2000
	@.venv/bin/python tests/integration/random_lives.py --lives 300
	@WAYBILL_ROWS=3000000 .venv/bin/pytest tests/integration/test_road.py
	@.venv/bin/python tests/integration/road_kill.py --kills 60 --rows 3000000 --grow 100000 --only-kills
	@.venv/bin/python tests/integration/road_kill.py --kills 0 --patience 10
	@.venv/bin/python tests/integration/road_kill.py --kills 60 --rows 300000 --redshift snapshot
	@.venv/bin/python tests/integration/road_kill.py --kills 60 --rows 300000 --redshift serializable
	@.venv/bin/python tests/integration/road_writers.py --seconds 120
	@.venv/bin/python bench/limits_servers build

# The DAGs of integrations/airflow in a real Airflow, which is installed first: some minutes.
airflow: all
	@tools/setup airflow
	@.venv/bin/pytest tests/integration/airflow_dags.py

# Peak memory of long and of wide tables, and the time to start.
limits: all
	@bench/limits build

# Rows a second on real servers, as a ratio to bare loops, beside other programs (docs/performance.md).
bench: all
	@tools/setup bench
	@.venv/bin/python bench/move --peers

# The same under AddressSanitizer and UndefinedBehaviorSanitizer.
asan: build-asan/build.ninja
	@ninja -C build-asan --quiet
	@tools/unit build-asan

# Whatever has more than one thread, under ThreadSanitizer.
tsan: build-tsan/build.ninja
	@tools/unit build-tsan --suite threads

lint:
	@tools/lint

# docs/reference.md, from the tables of the program.
docs: all
	@build/waybill docs reference >docs/reference.md

# build/waybill_VERSION_ARCHITECTURE.deb: the program, its man page, completions and documents.
deb: all
	@packaging/deb build

fmt:
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

clean:
	@rm -rf build build-asan build-tsan build-clang build-fuzz demo
