/* Many processes and threads in one directory store: nobody loses a write, nobody sees half of one, nobody fails
 * because of another, and a process killed at any instant leaves the old object or the new one. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/local.h"
#include "test.h"
#include "world/folder.h"

enum { ROUNDS = 200, KILLS = 12, BIG_BYTES = 3 << 20 };

static struct store *open_store(const char *folder)
{
    struct store *store = NULL;
    struct error err;
    if (local_store_open("lake", folder, clock_real(), random_real(), &store, &err) != RC_OK)
        abort();
    return store;
}

static int folder_setup(void **state)
{
    *state = folder_new();
    return 0;
}

static int folder_teardown(void **state)
{
    folder_free(*state);
    return 0;
}

/* Runs a job in a process of its own, which ends with its answer as exit status. */
static pid_t start(int (*job)(struct store *store, int number), const char *folder, int number)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct store *store = open_store(folder);
        int status = job(store, number);
        store_free(store);
        _exit(status);
    }
    return pid;
}

static int finish(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* ---- two processes ---- */

static int create_all(struct store *store, int number)
{
    int won = 0;
    struct error err;
    for (int i = 0; i < ROUNDS; i++) {
        char key[32];
        snprintf(key, sizeof(key), "seal/%d/waybill.json", i);
        enum rc rc = store_put(store, key, number == 0 ? S("zero") : S("one"), IF_NONE_MATCH, NULL, &err);
        if (rc != RC_OK && rc != RC_CONFLICT)
            return 255;
        won += rc == RC_OK;
    }
    return won; /* ROUNDS fits an exit status */
}

static void of_two_processes_that_create_each_object_has_one_winner(void **state)
{
    pid_t zero = start(create_all, *state, 0), one = start(create_all, *state, 1);
    int won[2] = {finish(zero), finish(one)}, found[2] = {0};
    assert_int_equal(won[0] + won[1], ROUNDS);
    AUTO(store) *store = open_store(*state);
    for (int i = 0; i < ROUNDS; i++) {
        char key[32];
        struct error err;
        AUTO_RELEASE(buf) got = {0};
        snprintf(key, sizeof(key), "seal/%d/waybill.json", i);
        assert_int_equal(store_get(store, key, 10, &got, NULL, &err), RC_OK);
        found[strcmp(got.at, "one") == 0]++;
    }
    assert_int_equal(found[0], won[0]);
    assert_int_equal(found[1], won[1]);
}

/* Reads a number, writes the next one if nobody else has: a lost update would be missing in the end. */
static RC count_once(struct store *store, const char *key, struct error *err)
{
    for (;;) {
        struct object_info info;
        char next[32];
        int64_t value = 0;
        AUTO_RELEASE(buf) got = {0};
        TRY(store_get(store, key, 32, &got, &info, err));
        if (!str_to_int64(buf_str(&got), &value))
            return fail(err, RC_DATA, "'%s' is no number", got.at);
        snprintf(next, sizeof(next), "%lld", (long long)value + 1);
        enum rc rc = store_put(store, key, str(next), IF_MATCH(info.etag), NULL, err);
        if (rc != RC_CONFLICT)
            return rc;
    }
}

static int count_up(struct store *store, int number)
{
    struct error err;
    (void)number;
    for (int i = 0; i < ROUNDS; i++) {
        if (count_once(store, "counter", &err) != RC_OK)
            return 1;
    }
    return 0;
}

static void is_number(struct store *store, const char *key, int64_t wanted)
{
    struct error err;
    int64_t value = -1;
    AUTO_RELEASE(buf) got = {0};
    assert_int_equal(store_get(store, key, 32, &got, NULL, &err), RC_OK);
    assert_true(str_to_int64(buf_str(&got), &value));
    assert_int_equal(value, wanted);
}

static void two_processes_that_replace_lose_no_update(void **state)
{
    struct error err;
    AUTO(store) *store = open_store(*state);
    assert_int_equal(store_put(store, "counter", S("0"), IF_NONE_MATCH, NULL, &err), RC_OK);
    pid_t a = start(count_up, *state, 0), b = start(count_up, *state, 1);
    assert_int_equal(finish(a) + finish(b), 0);
    is_number(store, "counter", INT64_C(2) * ROUNDS);
}

/* ---- folders that come and go ---- */

static RC write_and_delete(struct store *store, const char *key, struct condition when, struct error *err)
{
    struct deleted_object item = {.key = key};
    TRY(store_put(store, key, str(key), when, NULL, err));
    TRY(store_delete(store, &item, 1, err));
    return item.rc == RC_OK ? RC_OK : fail(err, item.rc, "%s", item.text);
}

static int come_and_go(struct store *store, int number)
{
    struct error err;
    char key[64];
    snprintf(key, sizeof(key), "a/b/c/%d", number);
    for (int i = 0; i < ROUNDS; i++) {
        if (write_and_delete(store, key, i % 2 == 0 ? UNCONDITIONAL : IF_NONE_MATCH, &err) != RC_OK) {
            print_error("%s\n", err.text);
            return 1;
        }
    }
    return 0;
}

static void a_write_never_fails_because_its_folder_was_just_removed(void **state)
{
    pid_t a = start(come_and_go, *state, 0), b = start(come_and_go, *state, 1);
    assert_int_equal(finish(a) + finish(b), 0);
    assert_int_equal(folder_files(*state, ".waybill"), 0);
    assert_false(folder_has(*state, "a"));
}

/* The object `n` becomes a folder with `n` in it while it is counted up and read. */
struct exchange {
    const char *folder;
    atomic_int failures, misses;
    atomic_bool over;
};

static void *exchange_count(void *context)
{
    struct exchange *self = context;
    struct error err;
    AUTO(store) *store = open_store(self->folder);
    for (int i = 0; i < 5; i++)
        self->failures += count_once(store, "n", &err) != RC_OK;
    return NULL;
}

static void *exchange_below(void *context)
{
    struct exchange *self = context;
    struct error err;
    AUTO(store) *store = open_store(self->folder);
    for (int i = 0; i < 3; i++)
        self->failures += store_put(store, "n/below", S("x"), UNCONDITIONAL, NULL, &err) != RC_OK;
    return NULL;
}

static void *exchange_read(void *context)
{
    struct exchange *self = context;
    struct error err;
    struct object_info info;
    AUTO(store) *store = open_store(self->folder);
    while (!self->over)
        self->misses += store_head(store, "n", &info, &err) != RC_OK;
    return NULL;
}

static void exchange_round(struct exchange *self, struct store *store)
{
    struct error err;
    pthread_t threads[3];
    struct deleted_object items[] = {{.key = "n"}, {.key = "n/below"}};
    assert_int_equal(store_put(store, "n", S("0"), IF_NONE_MATCH, NULL, &err), RC_OK);
    self->over = false;
    pthread_create(&threads[0], NULL, exchange_count, self);
    pthread_create(&threads[1], NULL, exchange_below, self);
    pthread_create(&threads[2], NULL, exchange_read, self);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    self->over = true;
    pthread_join(threads[2], NULL);
    is_number(store, "n", 5);
    assert_int_equal(store_delete(store, items, 2, &err), RC_OK);
    assert_false(folder_has(self->folder, "n"));
}

static void an_object_that_gets_keys_below_it_is_there_at_every_instant(void **state)
{
    struct exchange exchange = {.folder = *state};
    AUTO(store) *store = open_store(*state);
    for (int i = 0; i < 40; i++)
        exchange_round(&exchange, store);
    assert_int_equal(exchange.failures, 0);
    assert_int_equal(exchange.misses, 0);
}

/* ---- kill -9 ---- */

static char *big_body(char letter)
{
    char *body = xcalloc(1, BIG_BYTES);
    memset(body, letter, BIG_BYTES);
    return body;
}

static RC upload_big(struct store *store, struct str body, struct error *err)
{
    AUTO_RELEASE(upload) upload = {0};
    TRY(store_upload_begin(store, "big", &upload, err));
    TRY(store_upload_part(store, &upload, (struct str){body.at, body.len / 2}, err));
    TRY(store_upload_part(store, &upload, (struct str){body.at + body.len / 2, body.len / 2}, err));
    return store_upload_complete(store, &upload, UNCONDITIONAL, NULL, err);
}

static RC write_big(struct store *store, int round, struct error *err)
{
    char *body = big_body((char)('a' + round % 26));
    enum rc rc = round % 2 == 0 ? store_put(store, "big", (struct str){body, BIG_BYTES}, UNCONDITIONAL, NULL, err)
                                : upload_big(store, (struct str){body, BIG_BYTES}, err);
    free(body);
    return rc;
}

static int write_for_ever(struct store *store, int number)
{
    struct error err;
    for (int round = number;; round++) {
        if (write_big(store, round, &err) != RC_OK)
            return 1;
    }
}

static void is_whole(struct store *store)
{
    struct error err;
    AUTO_RELEASE(buf) got = {0};
    AUTO_RELEASE(buf) wanted = {0};
    assert_int_equal(store_get(store, "big", BIG_BYTES, &got, NULL, &err), RC_OK);
    assert_int_equal(got.len, BIG_BYTES);
    buf_reserve(&wanted, BIG_BYTES);
    memset(wanted.at, got.at[0], BIG_BYTES);
    assert_memory_equal(got.at, wanted.at, BIG_BYTES);
}

static void abort_all(struct store *store)
{
    struct error err;
    AUTO_RELEASE(arena) arena = {0};
    struct upload_list list;
    assert_int_equal(store_upload_list(store, "", NULL, &arena, &list, &err), RC_OK);
    for (int i = 0; i < list.count; i++) {
        assert_string_equal(list.items[i].key, "big");
        assert_int_equal(store_upload_abort(store, "big", list.items[i].upload_id, &err), RC_OK);
    }
}

/* How long a put and an upload take here and now, so that the kills fall into them on any machine. */
static int64_t write_both_us(struct store *store)
{
    struct error err;
    struct clock *clock = clock_real();
    int64_t before = clock->now_us(clock);
    assert_int_equal(write_big(store, 0, &err), RC_OK);
    assert_int_equal(write_big(store, 1, &err), RC_OK);
    return clock->now_us(clock) - before;
}

static void a_process_killed_at_any_instant_leaves_a_whole_object_and_no_lock(void **state)
{
    struct error err;
    AUTO(store) *store = open_store(*state);
    int64_t span_us = write_both_us(store);
    for (int i = 0; i < KILLS; i++) {
        pid_t pid = start(write_for_ever, *state, i);
        int status = 0;
        usleep((useconds_t)(span_us * (i + 1) / KILLS));
        is_whole(store);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status)); /* it did not give up before */
        is_whole(store);
        assert_int_equal(store_put(store, "next", S("x"), UNCONDITIONAL, NULL, &err), RC_OK);
    }
    abort_all(store);
    assert_int_equal(folder_files(*state, ".waybill"), 2);
}

int main(void)
{
#define FOLDER_STORY(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
    static const struct CMUnitTest stories[] = {
        FOLDER_STORY(of_two_processes_that_create_each_object_has_one_winner),
        FOLDER_STORY(two_processes_that_replace_lose_no_update),
        FOLDER_STORY(a_write_never_fails_because_its_folder_was_just_removed),
        FOLDER_STORY(an_object_that_gets_keys_below_it_is_there_at_every_instant),
        FOLDER_STORY(a_process_killed_at_any_instant_leaves_a_whole_object_and_no_lock),
    };
    return cmocka_run_group_tests_name("store: directory: races", stories, NULL, NULL);
}
