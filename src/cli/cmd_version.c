#include "cli/command.h"
#include "cli/print.h"
#include "connect/registry.h"
#include "store/registry.h"

static void add_types(json_t *list, bool stores)
{
    for (int i = 0; !stores && database_types[i] != NULL; i++)
        json_array_append_new(list, json_string(database_types[i]->name));
    for (int i = 0; stores && store_types[i] != NULL; i++)
        json_array_append_new(list, json_string(store_types[i]->name));
}

static RC run_version(struct cli *cli, struct error *err)
{
    if (!cli_is_json(cli)) {
        fprintf(cli->out, "waybill %s\n", WAYBILL_VERSION);
        return RC_OK;
    }
    AUTO_JSON *version = json_object();
    json_put_text(version, "version", WAYBILL_VERSION);
    json_put(version, "databases", json_array());
    json_put(version, "stores", json_array());
    add_types(json_object_get(version, "databases"), false);
    add_types(json_object_get(version, "stores"), true);
    print_json(cli, version);
    return RC_OK;
}

const struct command cmd_version = {
    .path = "version",
    .group = GROUP_ABOUT,
    .summary = "Prints the version; with --output json also the types of connections",
    .run = run_version,
};
