/* lineitem ROWS FILE: the table of the measurements (lineitem_row.h) as the tab-separated text that LOAD DATA reads. */
#include "lineitem_row.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 };

static char *put_text(char *to, const char *text)
{
    size_t len = strlen(text);
    memcpy(to, text, len);
    to[len] = '\t';
    return to + len + 1;
}

static char *put_digits(char *to, int64_t value, int width)
{
    char digits[24];
    int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0 || n < width);
    while (n > 0)
        *to++ = digits[--n];
    return to;
}

static char *put_int(char *to, int64_t value)
{
    to = put_digits(to, value, 1);
    *to = '\t';
    return to + 1;
}

static char *put_cents(char *to, int64_t cents)
{
    to = put_digits(to, cents / 100, 1);
    *to++ = '.';
    to = put_digits(to, cents % 100, 2);
    *to = '\t';
    return to + 1;
}

/* Days since 1970-01-01, http://howardhinnant.github.io/date_algorithms.html#civil_from_days */
static char *put_date(char *to, int64_t days, char end)
{
    int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
    to = put_digits(to, yoe + era * 400 + (month <= 2), 4);
    *to++ = '-';
    to = put_digits(to, month, 2);
    *to++ = '-';
    to = put_digits(to, doy - (153 * mp + 2) / 5 + 1, 2);
    *to = end;
    return to + 1;
}

static char *put_time(char *to, int64_t us)
{
    to = put_date(to, us / INT64_C(86400000000), ' ');
    int64_t second = us / 1000000 % 86400;
    to = put_digits(to, second / 3600, 2);
    *to++ = ':';
    to = put_digits(to, second / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, second % 60, 2);
    *to++ = '.';
    return put_digits(to, us % 1000000, 6);
}

static void write_row(FILE *out, const struct lineitem *row)
{
    char line[LINE_MAX_BYTES], *to = line;
    to = put_int(to, row->id);
    to = put_int(to, row->order);
    to = put_int(to, row->part);
    to = put_int(to, row->supplier);
    to = put_int(to, row->line);
    to = put_cents(to, row->quantity);
    to = put_cents(to, row->price);
    to = put_cents(to, row->discount);
    to = put_cents(to, row->tax);
    to = put_text(to, row->return_flag);
    to = put_text(to, row->status);
    to = put_date(to, row->shipped, '\t');
    to = put_date(to, row->committed, '\t');
    to = put_date(to, row->received, '\t');
    to = put_text(to, row->instruction);
    to = put_text(to, row->mode);
    memcpy(to, row->comment, row->comment_len);
    to[row->comment_len] = '\t';
    to = put_time(to + row->comment_len + 1, row->updated_us);
    *to++ = '\n';
    fwrite(line, 1, (size_t)(to - line), out);
}

int main(int argc, char **argv)
{
    FILE *out = argc == 3 ? fopen(argv[2], "w") : NULL;
    int64_t rows = argc == 3 ? strtoll(argv[1], NULL, 10) : 0;
    struct lineitems all;
    struct lineitem row;
    if (out == NULL || rows <= 0) {
        fprintf(stderr, "usage: lineitem ROWS FILE\n");
        return 2;
    }
    lineitem_start(&all);
    for (int64_t i = 0; i < rows; i++) {
        lineitem_next(&all, &row);
        write_row(out, &row);
    }
    free(pool);
    return fclose(out) != 0;
}
