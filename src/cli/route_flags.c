#include "cli/route_flags.h"

static RC check_complete(const struct cli *cli, const struct route_flags *flags, struct error *err)
{
    const char *missing = flags->source == NULL   ? "-s"
                          : flags->target == NULL ? "-r"
                          : flags->stage == NULL  ? "--stage"
                                                  : NULL;
    if (missing == NULL)
        return RC_OK;
    fail(err, RC_CONFIG, "'%s' with connections needs %s too", cli->command->path, missing);
    return fail_todo(err, "give -s, -r and --stage as 'waybill sync connections' had them, or leave all three out");
}

RC route_flags_add(struct cli *cli, const struct route_flags *flags, const struct text_list *tables, const char *also,
                   const char **pipeline, struct error *err)
{
    if (!route_is_given(flags))
        return RC_OK;
    TRY(check_complete(cli, flags, err));
    const char *const given[] = {flags->source, text_eq(flags->target, "none") ? NULL : flags->target, flags->stage,
                                 also};
    const struct route_words words = {.name = *pipeline,
                                      .source = flags->source,
                                      .target = flags->target,
                                      .stage = flags->stage,
                                      .increment = flags->increment,
                                      .mode = flags->mode,
                                      .cursor = flags->cursor,
                                      .key = flags->key,
                                      .tables = *tables};
    TRY(cli_load_for(cli, given, 4, err));
    return config_add_route(cli->config, &words, pipeline, err);
}

static void add_flag(struct buf *out, const char *flag, const char *value)
{
    if (value == NULL)
        return;
    buf_addf(out, " %s ", flag);
    buf_add_word(out, value);
}

const char *route_command(const struct route_flags *flags, const char *table, struct arena *arena)
{
    AUTO_RELEASE(buf) command = {0};
    buf_addf(&command, "waybill sync connections");
    add_flag(&command, "-s", flags->source);
    add_flag(&command, "-r", flags->target);
    add_flag(&command, "--stage", flags->stage);
    add_flag(&command, "-t", table);
    return arena_str(arena, buf_str(&command));
}
