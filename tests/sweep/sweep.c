/* The fault sweep: every call of every seam, at every position, fails in every way; then the faults stop, the same
 * command runs again, and source, stage and target must agree row for row.
 *
 *   sweep                          everything; the last lines say what was covered, and what failed
 *   sweep --scenario merge/first   one scenario
 *   sweep --scenario append/first --fault late --at 17 -v      one position, with everything that was logged
 *   sweep --first-failure          ends at the first failure (mutants)
 *   sweep --sparse 4               every 4th position, another one for each fault (sanitizers are slow)
 *
 * Positions are numbered over all seams of one run. Nothing is left to chance or to time: the same program gives the
 * same table. Scenarios are spread over two processes, each of them single-threaded. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/scenarios.h"
#include "sweep/tally.h"

enum { HEAL_RUNS_MAX = 3, REAL_EVERY = 37, JOBS = 2 };

/* What is done to a call. Two at once: the process stalls there, past its lease, while a second one runs from start to
 * end. */
static const struct injury {
    const char *name;
    enum fault fault;
    bool sticky, two_at_once;
} injuries[] = {
    {"once", FAULT_FAIL, false, false},
    {"stays", FAULT_FAIL, true, false},
    {"late", FAULT_LATE, false, false},
    {"torn", FAULT_TORN, false, false},
    {"stall", FAULT_STALL, false, false},
    {"two-at-once", FAULT_STALL, false, true},
    {"crash-before", FAULT_CRASH_BEFORE, false, false},
    {"crash-after", FAULT_CRASH_AFTER, false, false},
};
enum { INJURIES = sizeof(injuries) / sizeof(*injuries) };

static const enum mem_death deaths[] = {MEM_DEATH_ROLLED_BACK, MEM_DEATH_LINGERS, MEM_DEATH_COMMIT_SENT};

struct trial {
    const struct scenario *scenario;
    const struct injury *injury;
    int at;
    enum mem_death death;
    bool real;
    bool hit;       /* out: there was such a call */
    char what[96];  /* out: "extract store upload_part" */
    struct buf why; /* out: what does not hold; empty: all is well */
    bool verbose;
};

static struct {
    const char *scenario, *fault;
    int at, real_every, sparse;
    bool first_failure, verbose;
} asked = {.real_every = REAL_EVERY, .sparse = 1};

/* ---- one trial ---- */

struct stalling {
    struct world *world;
    const struct injury *injury;
    const struct scenario *scenario;
    struct world_report second;
};

static void stalled(void *context)
{
    struct stalling *stalling = context;
    world_clock_move_ms(&stalling->world->clock, WORLD_TTL_MS + 1000);
    if (stalling->injury->two_at_once)
        stalling->second = world_run(stalling->world, false);
}

static bool heal(struct world *w, const struct scenario *scenario, struct buf *why)
{
    struct world_report report = {0};
    for (int i = 0; i < HEAL_RUNS_MAX; i++) {
        report = world_run(w, false);
        if (report.rc == RC_OK)
            return true;
    }
    buf_addf(why, "after the faults had stopped: %s (%s)\n", report.error.text, report.error.todo);
    return false;
}

/* A failure must be told: a status, a text; and a success must be true. */
static bool is_honest(struct world *w, const struct trial *trial, const struct world_report *report, struct buf *why)
{
    struct world_rules rules = trial->scenario->rules;
    if (report->rc != RC_OK) {
        if (report->exit_status != 0 && report->error.text[0] != '\0')
            return true;
        buf_addf(why, "failed without a status or a text\n");
        return false;
    }
    if (trial->injury->two_at_once || trial->injury->fault == FAULT_CRASH_AFTER)
        return true; /* a zombie's word, or a dead man's */
    if (world_check(w, rules, why))
        return true;
    buf_addf(why, "... although the run was green\n");
    return false;
}

static void trial_run(struct trial *trial, const char *folder)
{
    const struct scenario *scenario = trial->scenario;
    struct world *w = world_new(scenario->variant, folder);
    struct stalling stalling = {.world = w, .injury = trial->injury, .scenario = scenario};
    struct world_rules rules = scenario->rules;
    bool ok;
    scenario->setup(w);
    w->options = scenario->options;
    w->no_target = scenario->no_target;
    if (!w->real)
        mem_database_set_death(w->database, trial->death);
    w->plan = (struct fault_plan){.fault = trial->injury->fault,
                                  .at = trial->at,
                                  .sticky = trial->injury->sticky,
                                  .stalled = stalled,
                                  .context = &stalling};
    struct world_report report = world_run(w, true);
    trial->hit = w->plan.fired > 0;
    if (trial->hit)
        snprintf(trial->what, sizeof(trial->what), "%s %s %s", world_arrow_of(w, trial->at), w->plan.seam,
                 w->plan.operation);
    rules.zombies = trial->injury->two_at_once;
    ok = is_honest(w, trial, &report, &trial->why);
    w->plan = (struct fault_plan){0};
    ok = ok && heal(w, scenario, &trial->why) && world_check(w, rules, &trial->why);
    if (ok && scenario->rules.waiting) { /* what waits must arrive, too */
        w->options = (struct run_options){0};
        rules.waiting = false;
        if (heal(w, scenario, &trial->why))
            world_check(w, rules, &trial->why);
    }
    if (trial->verbose)
        printf("%s\nreport: %s %s\n%s", w->log.at, rc_name(report.rc), report.error.text,
               trial->why.len ? trial->why.at : "all is well\n");
    world_free(w);
}

static void real_trial(struct trial *trial)
{
    char folder[] = "/dev/shm/waybill-sweep-XXXXXX";
    char command[sizeof(folder) + 16];
    if (mkdtemp(folder) == NULL) {
        buf_addf(&trial->why, "no folder in /dev/shm\n");
        return;
    }
    trial_run(trial, folder);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        buf_addf(&trial->why, "the folder could not be removed\n");
}

/* ---- all positions of a scenario ---- */

static void count(struct tally *tally, struct trial *trial)
{
    tally_position(tally, trial->scenario->name, trial->what, trial->injury->name, trial->real);
    if (trial->why.len > 0)
        tally_failure(tally, trial->scenario->name, trial->injury->name, trial->at, trial->what, trial->real,
                      trial->why.at);
    buf_release(&trial->why);
}

/* false: past the last call of the run. */
static bool sweep_position(const struct scenario *scenario, const struct injury *injury, int at, struct tally *tally)
{
    struct trial trial = {.scenario = scenario, .injury = injury, .at = at, .verbose = asked.verbose};
    trial_run(&trial, NULL);
    if (!trial.hit) {
        if (trial.why.len > 0)
            count(tally, &trial);
        return false;
    }
    count(tally, &trial);
    bool dies_in_target =
        injury->fault >= FAULT_TORN && strstr(trial.what, " target ") != NULL && injury->fault != FAULT_STALL;
    for (int i = 1; i < 3 && dies_in_target; i++) {
        struct trial again = {.scenario = scenario, .injury = injury, .at = at, .death = deaths[i]};
        trial_run(&again, NULL);
        count(tally, &again);
    }
    if (asked.real_every > 0 && tally->positions % asked.real_every == 0) {
        struct trial real = {.scenario = scenario, .injury = injury, .at = at, .real = true};
        real_trial(&real);
        if (real.hit || real.why.len > 0)
            count(tally, &real);
        buf_release(&real.why);
    }
    return true;
}

static void sweep_scenario(const struct scenario *scenario, struct tally *tally)
{
    for (int i = 0; i < INJURIES; i++) {
        if (asked.fault != NULL && strcmp(asked.fault, injuries[i].name) != 0)
            continue;
        int first = asked.at > 0 ? asked.at : 1 + i % asked.sparse;
        for (int at = first; sweep_position(scenario, &injuries[i], at, tally) && asked.at == 0; at += asked.sparse) {
            if (asked.first_failure && tally->failures > 0)
                return;
        }
    }
}

/* ---- processes ---- */

static bool is_asked(const struct scenario *scenario)
{
    return asked.scenario == NULL || strncmp(scenario->name, asked.scenario, strlen(asked.scenario)) == 0;
}

/* Every JOBS-th scenario, into a tally that is written to the file. */
static void work(int job, FILE *results)
{
    AUTO(tally) *tally = tally_new();
    for (int i = 0, number = 0; i < scenario_count; i++) {
        if (!is_asked(&scenarios[i]) || number++ % JOBS != job)
            continue;
        sweep_scenario(&scenarios[i], tally);
        if (asked.first_failure && tally->failures > 0)
            break;
    }
    tally_write(tally, results);
    fflush(results);
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        int64_t number = 0;
        if (strcmp(argv[i], "-v") == 0)
            asked.verbose = true;
        else if (strcmp(argv[i], "--first-failure") == 0)
            asked.first_failure = true;
        else if (strcmp(argv[i], "--scenario") == 0)
            asked.scenario = argv[++i];
        else if (strcmp(argv[i], "--fault") == 0)
            asked.fault = argv[++i];
        else if (strcmp(argv[i], "--at") == 0 && str_to_int64(str(value), &number))
            asked.at = (int)number, i++;
        else if (strcmp(argv[i], "--real-every") == 0 && str_to_int64(str(value), &number))
            asked.real_every = (int)number, i++;
        else if (strcmp(argv[i], "--sparse") == 0 && str_to_int64(str(value), &number) && number > 0)
            asked.sparse = (int)number, i++;
        else {
            fprintf(stderr, "sweep: unknown argument '%s'\n", argv[i]);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    AUTO(tally) *total = tally_new();
    FILE *results[JOBS];
    pid_t pids[JOBS];
    parse(argc, argv);
    for (int job = 0; job < JOBS; job++) {
        results[job] = tmpfile();
        fflush(stdout);
        pids[job] = fork();
        if (pids[job] == 0) {
            work(job, results[job]);
            exit(0);
        }
    }
    for (int job = 0; job < JOBS; job++) {
        int status;
        waitpid(pids[job], &status, 0);
        rewind(results[job]);
        tally_read(total, results[job]);
        fclose(results[job]);
        if (status != 0)
            tally_failure(total, "-", "-", 0, "-", false, "a process of the sweep died (see above)\n");
    }
    tally_print(total);
    return total->failures == 0 && total->positions > 0 ? 0 : 1;
}
