#include "world/value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const int64_t units_per_second[] = {[UNIT_SECOND] = 1, [UNIT_MILLI] = 1000, [UNIT_MICRO] = 1000000};
enum { DAY_SECONDS = 86400 };
static const int64_t year_0000 = -719528, year_10000 = 2932897; /* in days since 1970 */

struct value value_of(const struct batch *batch, int column, int64_t row, struct arena *arena)
{
    if (batch_is_null(batch, column, row))
        return (struct value){.null = true};
    switch (batch->schema->fields[column].type) {
    case TYPE_BOOL: return (struct value){.number = batch_bool(batch, column, row)};
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: return (struct value){.number = batch_integer(batch, column, row)};
    case TYPE_FLOAT: return (struct value){.real = (double)batch_float(batch, column, row)};
    case TYPE_DOUBLE: return (struct value){.real = batch_double(batch, column, row)};
    case TYPE_DECIMAL: return (struct value){.number = batch_decimal(batch, column, row)};
    case TYPE_UTF8:
    case TYPE_BINARY: break;
    }
    struct str bytes = batch_bytes(batch, column, row);
    return (struct value){.bytes = {arena_str(arena, bytes), bytes.len}};
}

void value_build(const struct value *self, const struct field *field, struct batch_builder *builder, int column)
{
    if (self->null) {
        builder_null(builder, column);
        return;
    }
    switch (field->type) {
    case TYPE_BOOL: builder_bool(builder, column, self->number != 0); break;
    case TYPE_INT16: builder_int16(builder, column, (int16_t)self->number); break;
    case TYPE_INT32: builder_int32(builder, column, (int32_t)self->number); break;
    case TYPE_INT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: builder_int64(builder, column, (int64_t)self->number); break;
    case TYPE_FLOAT: builder_float(builder, column, (float)self->real); break;
    case TYPE_DOUBLE: builder_double(builder, column, self->real); break;
    case TYPE_DATE: builder_date(builder, column, (int32_t)self->number); break;
    case TYPE_DECIMAL: builder_decimal(builder, column, self->number); break;
    case TYPE_UTF8:
    case TYPE_BINARY: builder_bytes(builder, column, self->bytes); break;
    }
}

int value_compare(const struct value *a, const struct value *b, const struct field *field)
{
    if (a->null || b->null)
        return (int)b->null - (int)a->null;
    if (field->type == TYPE_UTF8 || field->type == TYPE_BINARY)
        return str_cmp(a->bytes, b->bytes);
    if (field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE)
        return (a->real > b->real) - (a->real < b->real);
    return (a->number > b->number) - (a->number < b->number);
}

/* ---- printing ---- */

static void print_number(__int128 number, int scale, struct buf *out)
{
    char text[48];
    int at = sizeof(text);
    unsigned __int128 left = number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    for (int digits = 0; left != 0 || digits <= scale; digits++, left /= 10) {
        if (digits == scale && scale != 0)
            text[--at] = '.';
        text[--at] = (char)('0' + (int)(left % 10));
    }
    if (number < 0)
        text[--at] = '-';
    buf_add(out, text + at, sizeof(text) - (size_t)at);
}

static void print_date(int64_t days, struct buf *out)
{
    int64_t year;
    int month, day;
    date_from_days(days, &year, &month, &day);
    buf_addf(out, "%04lld-%02d-%02d", (long long)year, month, day);
}

static void print_timestamp(int64_t at, const struct field *field, struct buf *out)
{
    int64_t per_second = units_per_second[field->unit], fraction = at % per_second, seconds = at / per_second;
    if (fraction < 0) {
        fraction += per_second;
        seconds--;
    }
    int64_t days = seconds / DAY_SECONDS, left = seconds % DAY_SECONDS;
    if (left < 0) {
        left += DAY_SECONDS;
        days--;
    }
    if (days < year_0000 || days >= year_10000) {
        buf_addf(out, "@%lld", (long long)at);
        return;
    }
    print_date(days, out);
    buf_addf(out, "%c%02d:%02d:%02d", field->utc ? 'T' : ' ', (int)(left / 3600), (int)(left / 60 % 60),
             (int)(left % 60));
    if (field->unit != UNIT_SECOND)
        buf_addf(out, ".%0*lld", field->unit == UNIT_MILLI ? 3 : 6, (long long)fraction);
    buf_addf(out, "%s", field->utc ? "Z" : "");
}

static void print_time(int64_t us, struct buf *out)
{
    uint64_t left = us < 0 ? -(uint64_t)us : (uint64_t)us, seconds = left / 1000000;
    buf_addf(out, "%s%02llu:%02d:%02d.%06d", us < 0 ? "-" : "", (unsigned long long)(seconds / 3600),
             (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(left % 1000000));
}

static void print_text(struct str text, struct buf *out)
{
    if (str_eq(text, S("NULL")))
        buf_add_str(out, S("\\"));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\0' || c == '\n' || c == '|' || c == '\\')
            buf_addf(out, "\\%c", c == '\0' ? '0' : c == '\n' ? 'n' : c);
        else
            buf_add(out, &c, 1);
    }
}

void value_print(const struct value *self, const struct field *field, struct buf *out)
{
    if (self->null) {
        buf_add_str(out, S("NULL"));
        return;
    }
    switch (field->type) {
    case TYPE_BOOL: buf_addf(out, "%s", self->number != 0 ? "true" : "false"); break;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: print_number(self->number, 0, out); break;
    case TYPE_FLOAT: buf_addf(out, "%.9g", self->real); break;
    case TYPE_DOUBLE: buf_addf(out, "%.17g", self->real); break;
    case TYPE_DECIMAL: print_number(self->number, field->scale, out); break;
    case TYPE_TIME: print_time((int64_t)self->number, out); break;
    case TYPE_TIMESTAMP: print_timestamp((int64_t)self->number, field, out); break;
    case TYPE_UTF8: print_text(self->bytes, out); break;
    case TYPE_DATE:
        if (self->number >= year_0000 && self->number < year_10000)
            print_date((int64_t)self->number, out);
        else
            buf_addf(out, "@%lld", (long long)self->number);
        break;
    case TYPE_BINARY:
        for (size_t i = 0; i < self->bytes.len; i++)
            buf_addf(out, "%02x", (unsigned char)self->bytes.at[i]);
        break;
    }
}

/* ---- reading literals ---- */

static __int128 parse_number(struct str text, int scale)
{
    __int128 value = 0;
    bool negative = text.len > 0 && text.at[0] == '-';
    int after_point = -1;
    for (size_t i = negative ? 1 : 0; i < text.len; i++) {
        if (text.at[i] == '.') {
            after_point = 0;
            continue;
        }
        assert(text.at[i] >= '0' && text.at[i] <= '9');
        value = value * 10 - (text.at[i] - '0');
        after_point += after_point >= 0;
    }
    for (int digits = after_point < 0 ? 0 : after_point; digits < scale; digits++)
        value *= 10;
    assert(text.len > 0 && after_point <= scale);
    return negative ? value : -value;
}

static __int128 parse_stamp(struct str text, int64_t units_per_day, struct arena *arena)
{
    int64_t us;
    if (text.len > 0 && text.at[0] == '@')
        return parse_number((struct str){text.at + 1, text.len - 1}, 0);
    bool understood = stamp_parse(arena_str(arena, text), &us);
    assert(understood);
    __int128 day_us = (__int128)DAY_SECONDS * 1000000, scaled = us * (__int128)units_per_day;
    assert(scaled % day_us == 0 && "a literal has no more digits than its unit");
    return scaled / day_us;
}

/* [-]HH:MM:SS.ffffff, with as many hours as it takes. */
static int64_t parse_time(const char *text)
{
    unsigned long long hours, minutes, seconds, us;
    bool is_negative = *text == '-';
    int found = sscanf(text + is_negative, "%llu:%2llu:%2llu.%6llu", &hours, &minutes, &seconds, &us);
    assert(found == 4);
    uint64_t all = ((hours * 60 + minutes) * 60 + seconds) * 1000000 + us;
    return (int64_t)(is_negative ? -all : all);
}

static struct str parse_text(struct str text, struct arena *arena)
{
    char *bytes = arena_take(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\\') {
            c = text.at[++i];
            if (c == '0')
                c = '\0';
            else if (c == 'n')
                c = '\n';
        }
        bytes[len++] = c;
    }
    return (struct str){bytes, len};
}

static struct str parse_hex(struct str text, struct arena *arena)
{
    char *bytes = arena_take(arena, text.len / 2 + 1);
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        char pair[3] = {text.at[i], text.at[i + 1], '\0'};
        bytes[i / 2] = (char)strtol(pair, NULL, 16);
    }
    return (struct str){bytes, text.len / 2};
}

struct value value_parse(const struct field *field, struct str text, struct arena *arena)
{
    if (str_eq(text, S("NULL")))
        return (struct value){.null = true};
    switch (field->type) {
    case TYPE_BOOL: return (struct value){.number = str_eq(text, S("true"))};
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64: return (struct value){.number = parse_number(text, 0)};
    case TYPE_FLOAT: return (struct value){.real = (double)strtof(arena_str(arena, text), NULL)};
    case TYPE_TIME: return (struct value){.number = parse_time(arena_str(arena, text))};
    case TYPE_DOUBLE: return (struct value){.real = strtod(arena_str(arena, text), NULL)};
    case TYPE_DATE: return (struct value){.number = parse_stamp(text, 1, arena)};
    case TYPE_TIMESTAMP:
        return (struct value){.number = parse_stamp(text, units_per_second[field->unit] * DAY_SECONDS, arena)};
    case TYPE_DECIMAL: return (struct value){.number = parse_number(text, field->scale)};
    case TYPE_UTF8: return (struct value){.bytes = parse_text(text, arena)};
    case TYPE_BINARY: return (struct value){.bytes = parse_hex(text, arena)};
    }
    abort();
}

/* ---- lines ---- */

static int line_compare(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void lines_sort(struct buf *lines)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < lines->len; i++)
        count += lines->at[i] == '\n';
    struct str *line = xcalloc(count + 1, sizeof(*line));
    for (size_t i = 0; i < count; i++) {
        size_t len = (size_t)((char *)memchr(lines->at + at, '\n', lines->len - at) - (lines->at + at)) + 1;
        line[i] = (struct str){lines->at + at, len};
        at += len;
    }
    assert(at == lines->len && "each line has its end");
    qsort(line, count, sizeof(*line), line_compare);
    struct buf sorted = {.max = lines->max};
    for (size_t i = 0; i < count; i++)
        buf_add_str(&sorted, line[i]);
    free(line);
    buf_release(lines);
    *lines = sorted;
}
