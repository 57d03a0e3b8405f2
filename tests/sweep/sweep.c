/* The fault sweep: every call of every seam, at every position, fails in every way; then the faults stop, the same
 * command runs again, and source, stage and target must agree row for row.
 *
 *   sweep                          everything; the last lines say what was covered, and what failed
 *   sweep --scenario merge/first   one scenario, or all whose names begin so
 *   sweep --scenario append/first --fault late --at 17 -v      one position, with everything that was logged
 *   sweep --first-failure          ends at the first failure (mutants)
 *   sweep --sparse 8               the first position of each (scenario, arrow, seam, operation, fault), and every 8th
 *   sweep --share 3 --turn 1       every third scenario, from the second on: three turns together are everything
 *
 * A scenario is run once without faults. At each of its calls the process forks, once for every injury: the child is
 * hurt there and goes on, the parent waits for its verdict and goes on unhurt. Positions are numbered over all seams of
 * a run. Nothing is left to chance or to time: the same program gives the same table. Two processes share the
 * positions; no process has more than one thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/scenarios.h"
#include "sweep/tally.h"

enum { HEAL_RUNS_MAX = 3, REAL_EVERY = 23, LEAKS_EVERY = 11, JOBS = 2, TRIAL_SECONDS_MAX = 120 };

/* What is done to a call. */
static const struct injury {
    const char *name;
    enum fault fault;
    bool sticky;
    bool stale;  /* a stall lasts longer than the lease */
    bool second; /* meanwhile another process does something from start to end */
} injuries[] = {
    {"once", FAULT_FAIL, .sticky = false},
    {"stays", FAULT_FAIL, .sticky = true},
    {"late", FAULT_LATE},
    {"torn", FAULT_TORN},
    {"stall", FAULT_STALL, .stale = true},
    {"two-at-once", FAULT_STALL, .stale = true, .second = true},
    {"robbed", FAULT_STALL, .second = true}, /* an operator breaks its lease, and no time passes that could warn it */
    {"crash-before", FAULT_CRASH_BEFORE},
    {"crash-after", FAULT_CRASH_AFTER},
};
enum { INJURIES = sizeof(injuries) / sizeof(*injuries) };

static const enum mem_death deaths[] = {MEM_DEATH_ROLLED_BACK, MEM_DEATH_LINGERS, MEM_DEATH_COMMIT_SENT};
enum { DEATHS = sizeof(deaths) / sizeof(*deaths) };

/* One call, hurt in one way. */
struct trial {
    const struct scenario *scenario;
    const struct injury *injury;
    int at;
    struct world *world;
};

/* What a trial came to: shared with its process. */
struct verdict {
    bool hit;          /* there was such a call */
    char what[96];     /* "extract store upload_part" */
    char why[1 << 16]; /* what does not hold; "" : all is well */
};

/* The unhurt run of a scenario; in a child, the hurt one. */
struct trunk {
    struct trial trial;
    struct tally *tally;
    struct tally *seen; /* what a position was due for, in this process or in another: each sees all calls */
    int job;
    bool is_child;
};

static struct {
    const char *scenario, *fault;
    int at, real_every, sparse, share, turn;
    bool first_failure, verbose;
} asked = {.real_every = REAL_EVERY, .share = 1};

/* Shared by all processes of this sweep. */
static struct shared {
    bool ended; /* by a first failure */
    struct verdict verdicts[JOBS];
} * shared;

/* ---- a trial: what its process does ---- */

static struct world_report run_command(command_fn *command, struct world *w, bool hit)
{
    return command != NULL ? command(w, hit) : world_run(w, hit);
}

static void stalled(void *context)
{
    const struct trial *trial = &((struct trunk *)context)->trial;
    struct world *w = trial->world;
    if (trial->injury->stale)
        world_clock_move_ms(&w->clock, WORLD_TTL_MS + 1000);
    else
        world_break_leases(w);
    if (trial->injury->second) {
        run_command(trial->scenario->meanwhile, w, false);
        world_clock_move_ms(&w->clock, 1000);
    }
}

static bool heal(struct world *w, command_fn *command, struct buf *why)
{
    struct world_report report = {0};
    for (int i = 0; i < HEAL_RUNS_MAX; i++) {
        report = run_command(command, w, false);
        if (report.rc == RC_OK)
            return true;
    }
    buf_addf(why, "after the faults had stopped: %s (%s)\n", report.error.text, report.error.todo);
    return false;
}

/* What holds at any instant; and what a command says of itself: a failure has a status and a text, a success is true.
 */
static bool is_honest(const struct trial *trial, const struct world_report *report, struct buf *why)
{
    struct world_rules rules = trial->scenario->rules;
    if (report->rc != RC_OK && (report->exit_status == 0 || report->error.text[0] == '\0')) {
        buf_addf(why, "failed without a status or a text\n");
        return false;
    }
    /* a zombie's word does not count, nor a dead man's */
    rules.anytime = report->rc != RC_OK || trial->injury->second || trial->injury->fault == FAULT_CRASH_AFTER;
    rules.leased = trial->scenario->command != NULL;
    holds_fn *holds = trial->injury->second ? NULL : trial->scenario->holds;
    if (world_check(trial->world, rules, why) && (holds == NULL || holds(trial->world, report, why)))
        return true;
    buf_addf(why, "... as soon as the command had ended (%s)\n", rc_name(report->rc));
    return false;
}

/* First as it was left; then the faults stop, and it runs again. */
static bool trial_holds(const struct trial *trial, const struct world_report *report, struct buf *why)
{
    const struct scenario *scenario = trial->scenario;
    struct world *w = trial->world;
    struct world_rules rules = scenario->rules;
    if (!is_honest(trial, report, why))
        return false;
    rules.zombies |= trial->injury->second;
    rules.moving = false;
    w->plan = (struct fault_plan){0};
    world_rest(w);
    if (!heal(w, scenario->command, why) || !world_check(w, rules, why))
        return false;
    w->options = (struct run_options){0};
    rules.waiting = rules.lost = false; /* what waits must arrive, too */
    return !scenario->rules.waiting || (heal(w, NULL, why) && world_check(w, rules, why));
}

static void trial_end(const struct trial *trial, const struct world_report *report, struct verdict *verdict)
{
    AUTO_RELEASE(buf) why = {0};
    struct world *w = trial->world;
    verdict->hit = w->plan.fired > 0;
    if (verdict->hit)
        snprintf(verdict->what, sizeof(verdict->what), "%s %s %s", world_arrow_of(w, trial->at), w->plan.seam,
                 w->plan.operation);
    if (!trial_holds(trial, report, &why))
        snprintf(verdict->why, sizeof(verdict->why), "%s", why.at);
    if (asked.verbose)
        printf("%s\nreport: %s %s\n%s", or_empty(w->log.at), rc_name(report->rc), report->error.text,
               why.len ? why.at : "all is well\n");
    world_free(w);
}

static struct world *world_of(const struct scenario *scenario, const char *folder)
{
    struct world *w = world_new(scenario->variant, folder);
    AUTO_RELEASE(buf) why = {0};
    scenario->setup(w);
    if (!world_check(w, (struct world_rules){.anytime = true}, &why)) {
        fprintf(stderr, "%s: before anything was hit: %s", scenario->name, why.at);
        abort();
    }
    w->options = scenario->options;
    w->no_target = scenario->no_target;
    return w;
}

#ifdef __SANITIZE_ADDRESS__
const char *__asan_default_options(void);
/* Children live for milliseconds, and fork copies what the sanitizer keeps. */
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=2";
}
#endif

/* Under AddressSanitizer a process that exits looks for its leaks: as long as the trial itself, so every
 * LEAKS_EVERY-th.
 */
static _Noreturn void child_exit(const struct trunk *trunk)
{
    fflush(NULL);
#ifdef __SANITIZE_ADDRESS__
    if (trunk->tally->positions % LEAKS_EVERY == 0)
        exit(0);
#else
    (void)trunk;
#endif
    _exit(0);
}

static void hurt(struct trial *trial, struct fault_plan *plan)
{
    plan->fault = trial->injury->fault;
    plan->sticky = trial->injury->sticky;
    plan->at = trial->at;
    plan->stalled = stalled;
    plan->asked = NULL;
    alarm(TRIAL_SECONDS_MAX);
}

/* The same position over a directory and SQLite files, from the start. */
static void real_trial(struct trunk *trunk, struct verdict *verdict)
{
    char folder[] = "/dev/shm/waybill-sweep-XXXXXX", command[sizeof(folder) + 16];
    struct trial *trial = &trunk->trial;
    if (mkdtemp(folder) == NULL) {
        snprintf(verdict->why, sizeof(verdict->why), "no folder in /dev/shm\n");
        return;
    }
    trial->world = world_of(trial->scenario, folder);
    trial->world->plan.context = trunk;
    hurt(trial, &trial->world->plan);
    struct world_report report = run_command(trial->scenario->command, trial->world, true);
    trial_end(trial, &report, verdict);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "'%s' could not be removed\n", folder);
}

/* ---- branches ---- */

/* Waits for the child, and counts what it found. */
static void judge(struct trunk *trunk, pid_t child, bool real)
{
    const struct trial *trial = &trunk->trial;
    struct verdict *verdict = &shared->verdicts[trunk->job];
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0)
        snprintf(verdict->why, sizeof(verdict->why), "its process ended with %s %d (see above)\n",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (!verdict->hit && verdict->why[0] == '\0')
        return; /* a real run may have fewer calls */
    tally_position(trunk->tally, trial->scenario->name, verdict->what, trial->injury->name, real);
    if (verdict->why[0] != '\0')
        tally_failure(trunk->tally, trial->scenario->name, trial->injury->name, trial->at, verdict->what, real,
                      verdict->why);
    shared->ended |= asked.first_failure && verdict->why[0] != '\0';
}

/* true in the child. */
static bool branch(struct trunk *trunk, bool real)
{
    struct verdict *verdict = &shared->verdicts[trunk->job];
    verdict->hit = false;
    verdict->why[0] = '\0';
    snprintf(verdict->what, sizeof(verdict->what), "- - -");
    fflush(NULL);
    pid_t child = fork();
    trunk->is_child = child == 0;
    if (child > 0)
        judge(trunk, child, real);
    return trunk->is_child;
}

static bool branch_for(struct trunk *trunk, struct fault_plan *plan, const struct injury *injury, const char *seam)
{
    struct trial *trial = &trunk->trial;
    trial->injury = injury;
    bool dies_in_target = injury->fault >= FAULT_TORN && injury->fault != FAULT_STALL && strcmp(seam, "target") == 0;
    for (int i = 0; i < (dies_in_target ? DEATHS : 1); i++) {
        if (branch(trunk, false)) {
            mem_database_set_death(trial->world->database, deaths[i]);
            hurt(trial, plan);
            return true;
        }
    }
    if (asked.real_every > 0 && !trial->scenario->in_memory && trunk->tally->positions % asked.real_every == 0 &&
        branch(trunk, true)) {
        real_trial(trunk, &shared->verdicts[trunk->job]);
        child_exit(trunk);
    }
    return false;
}

static bool is_swept(const struct scenario *scenario, const char *arrow)
{
    for (int i = 0; i < ARROWS_MAX && scenario->arrows[i] != NULL; i++) {
        if (strcmp(scenario->arrows[i], arrow) == 0)
            return true;
    }
    return scenario->arrows[0] == NULL;
}

/* The first of its kind, or one of every so many. */
static bool is_due(const struct trunk *trunk, const struct injury *injury, const char *seam, const char *operation)
{
    char what[96];
    const struct trial *trial = &trunk->trial;
    const char *arrow = world_arrow_of(trial->world, trial->at);
    if (trial->scenario->seam != NULL && strcmp(trial->scenario->seam, seam) != 0)
        return false;
    if (!is_swept(trial->scenario, arrow))
        return false;
    if (asked.fault != NULL && strcmp(asked.fault, injury->name) != 0)
        return false;
    int sparse = asked.sparse > trial->scenario->sparse ? asked.sparse : trial->scenario->sparse;
    if (sparse == 0 || asked.at > 0)
        return true;
    snprintf(what, sizeof(what), "%s %s %s", arrow, seam, operation);
    bool is_first = !tally_knows(trunk->seen, trial->scenario->name, what, injury->name);
    tally_position(trunk->seen, trial->scenario->name, what, injury->name, false);
    return is_first || trial->at / JOBS % sparse == 0;
}

/* Before a call of the unhurt run; returns in the children, too, and what they return to is hurt. */
static void branch_all(struct fault_plan *plan, const char *seam, const char *operation)
{
    struct trunk *trunk = plan->context;
    bool mine = asked.at > 0 ? plan->calls == asked.at && trunk->job == 0 : plan->calls % JOBS == trunk->job;
    trunk->trial.at = plan->calls;
    for (int i = 0; i < INJURIES && !shared->ended; i++) {
        if (is_due(trunk, &injuries[i], seam, operation) && mine && branch_for(trunk, plan, &injuries[i], seam))
            return;
    }
}

static void sweep_scenario(const struct scenario *scenario, int job, struct tally *tally, struct tally *seen)
{
    AUTO_RELEASE(buf) why = {0};
    struct world *w = world_of(scenario, NULL);
    struct trunk trunk = {.trial = {.scenario = scenario, .world = w}, .tally = tally, .seen = seen, .job = job};
    w->plan = (struct fault_plan){.asked = branch_all, .context = &trunk};
    struct world_report report = run_command(scenario->command, w, true);
    if (trunk.is_child) {
        trial_end(&trunk.trial, &report, &shared->verdicts[job]);
        child_exit(&trunk);
    }
    if (report.rc != RC_OK)
        buf_addf(&why, "%s\n", report.error.text);
    else if (world_check(w, scenario->rules, &why) && scenario->holds != NULL)
        scenario->holds(w, &report, &why);
    if (why.len > 0)
        tally_failure(tally, scenario->name, "-", 0, "without any fault", false, why.at);
    shared->ended |= asked.first_failure && why.len > 0;
    world_free(w);
}

/* ---- processes ---- */

static bool is_asked(const struct scenario *scenario)
{
    if ((scenario - scenarios) % asked.share != asked.turn)
        return false;
    return asked.scenario == NULL || strncmp(scenario->name, asked.scenario, strlen(asked.scenario)) == 0;
}

/* Every JOBS-th position of all scenarios, into a tally that is written to the file. */
static void work(int job, FILE *results)
{
    AUTO(tally) *tally = tally_new();
    AUTO(tally) *seen = tally_new();
    for (int i = 0; i < scenario_count && !shared->ended; i++) {
        if (is_asked(&scenarios[i]))
            sweep_scenario(&scenarios[i], job, tally, seen);
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
        else if (strcmp(argv[i], "--sparse") == 0 && str_to_int64(str(value), &number))
            asked.sparse = (int)number, i++;
        else if (strcmp(argv[i], "--share") == 0 && str_to_int64(str(value), &number) && number > 0)
            asked.share = (int)number, i++;
        else if (strcmp(argv[i], "--turn") == 0 && str_to_int64(str(value), &number))
            asked.turn = (int)number, i++;
        else {
            fprintf(stderr, "sweep: unknown argument '%s'\n", argv[i]);
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    AUTO(tally) *total = tally_new();
    const char *names[INJURIES];
    FILE *results[JOBS];
    pid_t pids[JOBS];
    parse(argc, argv);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
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
    for (int i = 0; i < INJURIES; i++)
        names[i] = injuries[i].name;
    tally_print(total, names, INJURIES);
    return total->failures == 0 && total->positions > 0 ? 0 : 1;
}
