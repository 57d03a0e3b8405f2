/* connections list, connections info: what the configuration calls connections, and what is behind one. */
#include "cli/check.h"

static const char *roles_of(const struct connection_config *connection)
{
    bool source = config_can_be_source(connection), target = config_can_be_target(connection);
    return source && target ? "source, target" : source ? "source" : target ? "target" : "store";
}

/* ---- list ---- */

static RC run_list(struct cli *cli, struct error *err)
{
    TRY(cli_load(cli, err));
    struct text_table table = {.columns = 4};
    AUTO_JSON *document = json_object();
    json_t *rows = json_array();
    static const char *const heads[] = {"connection", "type", "can be", "address"};
    for (int i = 0; i < table.columns; i++)
        text_table_add(&table, heads[i]);
    for (int i = 0; i < cli->config->connection_count; i++) {
        const struct connection_config *connection = &cli->config->connections[i];
        const char *address = config_address(connection, &cli->arena);
        const char *const cells[] = {connection->name, connection->type, roles_of(connection), address};
        json_t *row = json_object();
        for (int c = 0; c < table.columns; c++)
            text_table_add(&table, cells[c]);
        json_put_text(row, "connection", connection->name);
        json_put_text(row, "type", connection->type);
        json_put_text(row, "can_be", roles_of(connection));
        json_put_text(row, "address", address);
        json_array_append_new(rows, row);
    }
    json_put(document, "connections", rows);
    if (cli_is_json(cli))
        print_json(cli, document);
    else
        text_table_print(&table, cli->out);
    text_table_release(&table);
    return RC_OK;
}

const struct command cmd_connections_list = {
    .path = "connections list",
    .also = "connections",
    .group = GROUP_LOOK,
    .summary = "Lists the connections of the configuration; nothing is opened",
    .examples = "  waybill connections list\n",
    .run = run_list,
};

/* ---- info ---- */

static void print_options(struct cli *cli, const struct shown_option *options, int count)
{
    struct text_table table = {.columns = 3};
    static const char *const heads[] = {"option", "value", "from"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
        text_table_add(&table, heads[i]);
    for (int i = 0; i < count; i++) {
        text_table_add(&table, options[i].name);
        text_table_add(&table, options[i].text);
        text_table_add(&table, options[i].from);
    }
    fputc('\n', cli->out);
    text_table_print(&table, cli->out);
    text_table_release(&table);
}

static json_t *options_json(const struct shown_option *options, int count)
{
    json_t *rows = json_array();
    for (int i = 0; i < count; i++) {
        json_t *row = json_object();
        json_put_text(row, "option", options[i].name);
        json_put_text(row, "value", options[i].text);
        json_put_text(row, "from", options[i].from);
        json_array_append_new(rows, row);
    }
    return rows;
}

static RC run_info(struct cli *cli, struct error *err)
{
    const char *word = cli->words[0], *prefix;
    const struct shown_option *options = NULL;
    int count = 0;
    AUTO_JSON *more = json_object();
    TRY(cli_load_for(cli, &word, 1, err));
    if (config_is_uri(word))
        TRY(config_add_uri(cli->config, word, "the URI", &word, &prefix, err));
    if (config_show(cli->config, word, &cli->arena, &options, &count) == RC_OK)
        json_put(more, "options", options_json(options, count));
    TRY(check_report(cli, word, more, err));
    if (!cli_is_json(cli))
        print_options(cli, options, count);
    return RC_OK;
}

const struct command cmd_connections_info = {
    .path = "connections info",
    .group = GROUP_LOOK,
    .summary = "Opens a connection and says what is there, and which options are used",
    .words = "CONNECTION|URI",
    .words_min = 1,
    .words_max = 1,
    .about =
        "Does what 'check' does for this connection, and lists each option with its value and where that came from.\n"
        "Secrets are shown as ***. 'waybill connections test' is 'waybill check'.\n",
    .examples = "  waybill connections info shop\n"
                "  waybill connections info s3://acme-lake?region=eu-west-1\n",
    .run = run_info,
};
