#include "cli/print.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>

/* ---- errors and documents ---- */

void print_safe(FILE *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if ((c < 0x20 && c != '\n') || c == 0x7F)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
}
json_t *error_to_json(const struct error *err)
{
    json_t *fields = json_object(), *document = json_object();
    json_put_text(fields, "kind", rc_name(err->rc));
    json_put_text(fields, "id", error_id(err));
    json_put_int(fields, "exit_status", rc_exit_status(err->rc));
    json_put_text(fields, "text", err->text);
    if (error_todo(err) != NULL)
        json_put_text(fields, "todo", error_todo(err));
    if (err->vendor[0] != '\0')
        json_put_text(fields, "vendor", err->vendor);
    if (err->http_status != 0)
        json_put_int(fields, "http_status", err->http_status);
    json_put(document, "error", fields);
    return document;
}

void print_json(struct cli *cli, const json_t *value)
{
    AUTO_RELEASE(buf) text = {0};
    json_write(value, &text);
    fwrite(text.at, 1, text.len, cli->out);
    cli->has_printed = true;
}

void print_error_message(struct cli *cli, const struct error *err)
{
    if (cli->global.log_format == LOG_JSON) {
        log_error("failed", KV("kind", rc_name(err->rc)), KV("id", error_id(err)),
                  KV("exit_status", rc_exit_status(err->rc)), KV("text", err->text),
                  KV("todo", or_empty(error_todo(err))));
        return;
    }
    fputs("waybill: error: ", cli->messages);
    print_safe(cli->messages, err->text);
    fputs("\n", cli->messages);
    if (error_todo(err) != NULL) {
        fputs("  what to do: ", cli->messages);
        print_safe(cli->messages, error_todo(err));
        fputs("\n", cli->messages);
    }
    fprintf(cli->messages, "  more: '%s' in docs/errors.md\n", error_id(err));
}

void print_failure(struct cli *cli, const struct error *err)
{
    if (cli_is_json(cli) && !cli->has_printed) {
        AUTO_JSON *document = error_to_json(err);
        print_json(cli, document);
    }
    print_error_message(cli, err);
}

/* ---- tables ---- */

void text_table_add(struct text_table *self, const char *cell)
{
    self->cells = xrealloc(self->cells, sizeof(*self->cells) * (size_t)(self->count + 1));
    self->cells[self->count++] = xstrdup(cell != NULL ? cell : "-");
}

void text_table_addf(struct text_table *self, const char *fmt, ...)
{
    char cell[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(cell, sizeof(cell), fmt, args);
    va_end(args);
    text_table_add(self, cell);
}

/* What print_safe makes longer is rare enough to stand out. */
int print_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static int column_width(const struct text_table *self, int column)
{
    int widest = 0;
    for (int i = column; i < self->count; i += self->columns) {
        int width = print_width(self->cells[i]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

void text_table_print(const struct text_table *self, FILE *out)
{
    assert(self->columns > 0 && self->count % self->columns == 0);
    int *widths = xcalloc((size_t)self->columns, sizeof(*widths));
    for (int c = 0; c < self->columns; c++)
        widths[c] = column_width(self, c);
    for (int i = 0; i < self->count; i++) {
        int c = i % self->columns, gap = widths[c] - print_width(self->cells[i]);
        bool is_right = (self->right >> c & 1) != 0, is_last = c == self->columns - 1;
        fprintf(out, "%*s", is_right ? gap : 0, "");
        print_safe(out, self->cells[i]);
        fprintf(out, "%*s", is_last ? 0 : (is_right ? 0 : gap) + 2, "");
        if (is_last)
            fputs("\n", out);
    }
    free(widths);
}

void text_table_release(struct text_table *self)
{
    for (int i = 0; i < self->count; i++)
        free(self->cells[i]);
    free(self->cells);
    *self = (struct text_table){.columns = self->columns, .right = self->right};
}

/* ---- numbers ---- */

void human_count(int64_t number, char ret[HUMAN_TEXT])
{
    char digits[HUMAN_TEXT];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, number), out = 0;
    for (int i = 0; i < len; i++) {
        ret[out++] = digits[i];
        int left = len - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-')
            ret[out++] = ',';
    }
    ret[out] = '\0';
}

void human_bytes(int64_t bytes, char ret[HUMAN_TEXT])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double number = (double)bytes;
    int unit = 0;
    while (number >= 999.95 && unit < 6) {
        number /= 1000;
        unit++;
    }
    snprintf(ret, HUMAN_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", number, units[unit]);
}

void human_time(int64_t seconds, char ret[HUMAN_TEXT])
{
    if (seconds < 60)
        snprintf(ret, HUMAN_TEXT, "%" PRId64 "s", seconds);
    else if (seconds < 3600)
        snprintf(ret, HUMAN_TEXT, "%" PRId64 "m%02" PRId64 "s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        snprintf(ret, HUMAN_TEXT, "%" PRId64 "h%02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(ret, HUMAN_TEXT, "%" PRId64 "d%02" PRId64 "h", seconds / 86400, seconds / 3600 % 24);
}

void print_argument(const struct option *option, struct buf *out)
{
    if (option->type == OPTION_BOOL)
        return;
    if (option->argument != NULL || option->type != OPTION_ENUM) {
        buf_addf(out, " %s", option->argument != NULL ? option->argument : "VALUE");
        return;
    }
    for (int i = 0; option->names[i] != NULL; i++)
        buf_addf(out, "%s%s", i > 0 ? "|" : " ", option->names[i]);
}
