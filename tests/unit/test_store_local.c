/* The directory store keeps a store's promises, and the files tell how. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conform/store_suite.h"
#include "store/local.h"
#include "test.h"

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void *suite_setup(void)
{
    const char *parent = getenv("TMPDIR");
    struct buf path = {0};
    buf_addf(&path, "%s/waybill-store-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(path.at));
    return buf_take(&path);
}

static void suite_teardown(void *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

static struct store *suite_open(void *path)
{
    struct store *store = NULL;
    struct error err;
    if (local_store_open("lake", path, clock_real(), random_real(), &store, &err) != RC_OK)
        print_error("%s\n", err.text);
    return store;
}

static const struct store_kind kind = {
    .name = "store: directory", .setup = suite_setup, .teardown = suite_teardown, .open = suite_open, .rounds = 200};

int main(void) { return store_suite_run(&kind); }
