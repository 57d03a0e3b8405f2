#include "cli/cleaning.h"

#include <inttypes.h>
#include <unistd.h>

#include "cli/show.h"

RC cleaning_ask(struct cli *cli, const char *what, const struct cleaned *found, bool force, bool *ret_yes,
                struct error *err)
{
    char answer[16] = "", size[HUMAN_TEXT];
    AUTO_RELEASE(buf) number = {0};
    *ret_yes = force;
    if (force)
        return RC_OK;
    show_count(found->count, what, &number);
    if (cli_is_json(cli) || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        fail(err, RC_CONFIG, "'%s' found %s and may not delete them without being told to", cli->command->path,
             number.at);
        return fail_todo(err, "look at them with --dry-run, then say --force");
    }
    human_bytes(found->bytes, size);
    fprintf(cli->messages, "delete %s (%s) for good? [y/N] ", number.at, size);
    fflush(cli->messages);
    *ret_yes = fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
    return RC_OK;
}

void cleaning_print_found(struct cli *cli, const char *name, const char *what, const struct cleaned *found)
{
    char bytes[HUMAN_TEXT];
    AUTO_RELEASE(buf) count = {0};
    show_count(found->count, what, &count);
    human_bytes(found->bytes, bytes);
    print_safe(cli->out, name);
    fprintf(cli->out, ": %s, %s\n", count.at, bytes);
    for (int i = 0; i < found->sample_count; i++) {
        fputs("  ", cli->out);
        print_safe(cli->out, found->samples[i]);
        fputs("\n", cli->out);
    }
    if (found->count > found->sample_count)
        fprintf(cli->out, "  ... and %" PRId64 " more\n", found->count - found->sample_count);
}

void cleaning_print_deleted(struct cli *cli, const char *name, const struct cleaned *found)
{
    AUTO_RELEASE(buf) count = {0};
    show_count(found->count - found->failed, "object", &count);
    print_safe(cli->out, name);
    fprintf(cli->out, ": %s deleted\n", count.at);
}

void cleaning_to_json(json_t *json, const struct cleaned *found, bool was_deleted)
{
    json_t *samples = json_array();
    for (int i = 0; i < found->sample_count; i++)
        json_array_append_new(samples, json_string(found->samples[i]));
    json_put_int(json, "count", found->count);
    json_put_int(json, "bytes", found->bytes);
    json_put(json, "samples", samples);
    json_put_int(json, "deleted", was_deleted ? found->count - found->failed : 0);
    json_put_int(json, "failed", found->failed);
}

enum rc cleaning_judge(const char *name, const char *what, const struct cleaned *found, struct error *err)
{
    if (found->failed == 0)
        return RC_OK;
    fail(err, RC_FAILED, "%s: %" PRId64 " of %" PRId64 " %s could not be deleted, the first: %s", name, found->failed,
         found->count, what, found->failure);
    return fail_todo(err, "see what the store says, then run the same command again");
}

struct cleaned cleaned_copy(const struct cleaned *from, struct arena *arena)
{
    struct cleaned copy = *from;
    for (int i = 0; i < copy.sample_count; i++)
        copy.samples[i] = arena_text(arena, from->samples[i]);
    copy.failure = arena_text(arena, from->failure);
    return copy;
}
