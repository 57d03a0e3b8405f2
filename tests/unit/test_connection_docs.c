/* docs/connections.md has each option of each type of connection, as the option table says it. */
#include "connect/registry.h"
#include "store/registry.h"
#include "test.h"

static struct buf page;

static void has_options(const char *type, struct option_table table)
{
    for (int i = 0; i < table.count; i++) {
        const struct option *option = &table.options[i];
        AUTO_RELEASE(buf) line = {0};
        buf_addf(&line, "| `%s` | ", option->name);
        if (option->preset != NULL)
            buf_addf(&line, "`%s`", option->preset);
        buf_addf(&line, "%s | %s |\n", option->required ? "required" : "", option->help);
        if (strstr(page.at, line.at) == NULL)
            fail_msg("of type '%s', this line is missing in docs/connections.md: %s", type, line.at);
    }
}

static void every_option_of_every_type_is_documented(void **state)
{
    for (int i = 0; database_types[i] != NULL; i++)
        has_options(database_types[i]->name, database_types[i]->options);
    for (int i = 0; store_types[i] != NULL; i++)
        has_options(store_types[i]->name, store_types[i]->options);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_option_of_every_type_is_documented)};
    char block[4096];
    FILE *file = argc > 1 ? fopen(argv[1], "re") : NULL;
    if (file == NULL)
        return 2;
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
        buf_add(&page, block, got);
    fclose(file);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&page);
    return failed;
}
