/* The forms in which sources write cursors: declared in position.h. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "data/position.h"

static const char digits_name[] = ".ffffff";

void form_name(const struct form *self, char ret[FORM_TEXT_MAX])
{
    switch (self->kind) {
    case FORM_NONE: ret[0] = '\0'; return;
    case FORM_DATE: snprintf(ret, FORM_TEXT_MAX, "date"); return;
    case FORM_EPOCH: snprintf(ret, FORM_TEXT_MAX, self->digits == 3 ? "int ms" : "int s"); return;
    case FORM_TEXT: break;
    }
    snprintf(ret, FORM_TEXT_MAX, "text 'YYYY-MM-DD%cHH:MM:SS%.*s%s'", self->separator,
             self->digits > 0 ? self->digits + 1 : 0, digits_name, self->z ? "Z" : "");
}

bool form_from_name(const char *name, struct form *ret)
{
    static const char head[] = "text 'YYYY-MM-DD", middle[] = "HH:MM:SS";
    struct form form = {0};
    if (strcmp(name, "date") == 0)
        form.kind = FORM_DATE;
    else if (strcmp(name, "int s") == 0 || strcmp(name, "int ms") == 0)
        form = (struct form){.kind = FORM_EPOCH, .digits = name[4] == 'm' ? 3 : 0};
    else if (strncmp(name, head, sizeof(head) - 1) == 0) {
        const char *at = name + sizeof(head) - 1;
        form = (struct form){.kind = FORM_TEXT, .separator = *at};
        if ((*at != ' ' && *at != 'T') || strncmp(at + 1, middle, sizeof(middle) - 1) != 0)
            return false;
        at += sizeof(middle);
        if (*at == '.')
            form.digits = (int)strspn(at + 1, "f");
        at += form.digits > 0 ? form.digits + 1 : 0;
        form.z = *at == 'Z';
        if (strcmp(at, form.z ? "Z'" : "'") != 0 || form.digits > 6)
            return false;
    } else if (name[0] != '\0')
        return false;
    *ret = form;
    return true;
}

bool form_of_text(const char *text, struct form *ret)
{
    int64_t us;
    if (!stamp_parse(text, &us))
        return false;
    size_t len = strlen(text);
    if (len == 10) {
        *ret = (struct form){.kind = FORM_DATE};
        return true;
    }
    struct form form = {.kind = FORM_TEXT, .separator = text[10], .z = text[len - 1] == 'Z'};
    if (text[len - 1] != 'Z' && memchr(text, '+', len) != NULL)
        return false; /* +00:00 does not compare with Z as bytes */
    form.digits = text[19] == '.' ? (int)strspn(text + 20, "0123456789") : 0;
    if (form.digits > 6)
        return false;
    *ret = form;
    return true;
}

bool form_equal(const struct form *a, const struct form *b)
{
    return a->kind == b->kind && a->separator == b->separator && a->z == b->z && a->digits == b->digits;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

void form_print(const struct form *self, int64_t us, char ret[CURSOR_TEXT])
{
    char stamp[STAMP_TEXT];
    switch (self->kind) {
    case FORM_NONE: ret[0] = '\0'; return;
    case FORM_EPOCH:
        snprintf(ret, CURSOR_TEXT, "%lld", (long long)floor_div(us, self->digits == 3 ? 1000 : 1000000));
        return;
    case FORM_DATE:
        stamp_print(us, 0, stamp);
        snprintf(ret, CURSOR_TEXT, "%.10s", stamp);
        return;
    case FORM_TEXT: break;
    }
    stamp_print(us, 6, stamp); /* cut, not rounded: the floor */
    snprintf(ret, CURSOR_TEXT, "%.10s%c%.8s%.*s%s", stamp, self->separator, stamp + 11,
             self->digits > 0 ? self->digits + 1 : 0, stamp + 19, self->z ? "Z" : "");
}

bool form_parse(const struct form *self, const char *text, int64_t *ret_us)
{
    if (self->kind == FORM_EPOCH) {
        int64_t value;
        return str_to_int64(str(text), &value) &&
               !__builtin_mul_overflow(value, self->digits == 3 ? 1000 : 1000000, ret_us);
    }
    return self->kind != FORM_NONE && stamp_parse(text, ret_us);
}

int64_t form_round_up(const struct form *self, int64_t us)
{
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    int64_t unit = self->kind == FORM_DATE ? INT64_C(86400000000) : units[self->digits];
    return (floor_div(us - 1, unit) + 1) * unit;
}

int form_compare(const struct form *self, const char *a, const char *b)
{
    int64_t x, y;
    if (self->kind == FORM_EPOCH && str_to_int64(str(a), &x) && str_to_int64(str(b), &y))
        return (x > y) - (x < y);
    return strcmp(a, b);
}
