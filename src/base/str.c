#include "base/str.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool str_eq(struct str a, struct str b) { return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0); }

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

int str_cmp(struct str a, struct str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared != 0 ? memcmp(a.at, b.at, shared) : 0;
    if (order != 0 || a.len == b.len)
        return order;
    return a.len < b.len ? -1 : 1;
}

bool text_eq(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool str_to_int64(struct str s, int64_t *ret)
{
    bool negative = s.len > 0 && s.at[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == s.len)
        return false;
    int64_t value = 0;
    for (; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        int digit = s.at[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            (negative ? __builtin_sub_overflow(value, digit, &value) : __builtin_add_overflow(value, digit, &value)))
            return false;
    }
    *ret = value;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

static bool with_unit(struct str s, const struct unit *units, int64_t *ret)
{
    size_t digits = 0;
    while (digits < s.len && s.at[digits] >= '0' && s.at[digits] <= '9')
        digits++;
    int64_t number = 0;
    if (!str_to_int64((struct str){s.at, digits}, &number))
        return false;
    while (digits < s.len && s.at[digits] == ' ')
        digits++;
    struct str name = {s.at + digits, s.len - digits};
    for (; units->name != NULL; units++) {
        if (str_eq(name, str(units->name)))
            return !__builtin_mul_overflow(number, units->factor, ret);
    }
    return false;
}

bool str_to_bytes(struct str s, int64_t *ret_bytes)
{
    static const struct unit units[] = {
        {"", 1},      {"B", 1},        {"KiB", 1 << 10},   {"MiB", 1 << 20}, {"GiB", 1 << 30},
        {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {NULL, 0},
    };
    return with_unit(s, units, ret_bytes);
}

bool str_to_ms(struct str s, int64_t *ret_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
    };
    return with_unit(s, units, ret_ms);
}

/* Most text is ASCII, and some of it is megabytes long. */
static const unsigned char *past_ascii(const unsigned char *p, const unsigned char *end)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    for (uint64_t four[4]; end - p >= (int)sizeof(four); p += sizeof(four)) {
        memcpy(four, p, sizeof(four));
        if (((four[0] | four[1] | four[2] | four[3]) & high) != 0)
            break;
    }
    while (p < end && *p < 0x80)
        p++;
    return p;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.at, *end = p + s.len;
    while ((p = past_ascii(p, end)) < end) {
        int more = *p >= 0xC2 && *p <= 0xDF ? 1 : (*p & 0xF0) == 0xE0 ? 2 : *p >= 0xF0 && *p <= 0xF4 ? 3 : 0;
        if (more == 0 || end - p <= more)
            return false;
        unsigned char low = *p == 0xE0 ? 0xA0 : *p == 0xF0 ? 0x90 : 0x80;  /* no overlong forms */
        unsigned char high = *p == 0xED ? 0x9F : *p == 0xF4 ? 0x8F : 0xBF; /* no surrogates, no > U+10FFFF */
        if (p[1] < low || p[1] > high)
            return false;
        for (int i = 2; i <= more; i++) {
            if ((p[i] & 0xC0) != 0x80)
                return false;
        }
        p += more + 1;
    }
    return true;
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more + 1;
    if (need <= b->size)
        return;
    size_t max = b->max != 0 ? b->max : (size_t)1 << 30;
    assert(b->len + more <= max && "the caller bounds what it puts into a buffer");
    size_t size = b->size != 0 ? b->size : 64;
    while (size < need)
        size *= 2;
    b->at = xrealloc(b->at, size);
    b->size = size;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    buf_reserve(b, len);
    if (len != 0)
        memcpy(b->at + b->len, bytes, len);
    b->len += len;
    b->at[b->len] = '\0';
}

void buf_add_str(struct buf *b, struct str s) { buf_add(b, s.at, s.len); }

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    buf_reserve(b, (size_t)len);
    vsnprintf(b->at + b->len, (size_t)len + 1, fmt, again);
    va_end(again);
    b->len += (size_t)len;
}

void buf_add_word(struct buf *b, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,:/@%+=-";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        buf_addf(b, "%s", text);
        return;
    }
    buf_addf(b, "'");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'')
            buf_addf(b, "'\\''");
        else
            buf_add(b, at, 1);
    }
    buf_addf(b, "'");
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    if (b->at != NULL)
        b->at[0] = '\0';
}

void buf_release(struct buf *b)
{
    free(b->at);
    *b = (struct buf){.max = b->max};
}
