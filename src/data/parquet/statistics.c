#include "data/parquet/statistics.h"

#include <assert.h>

#include "data/parquet/bits.h"
#include "data/parquet/plain.h"

enum { CHARACTER_BYTES_MAX = 4 };

static bool is_real(const struct field *field) { return field->type == TYPE_FLOAT || field->type == TYPE_DOUBLE; }

static void widen(struct statistics *self, __int128 least, __int128 most)
{
    self->least.integer = self->has_bounds && self->least.integer < least ? self->least.integer : least;
    self->most.integer = self->has_bounds && self->most.integer > most ? self->most.integer : most;
    self->has_bounds = true;
}

#define LEAST_AND_MOST(type, dense)                                                                                    \
    do {                                                                                                               \
        const type *values = (dense)->values;                                                                          \
        type low = values[0], high = values[0];                                                                        \
        for (int64_t i = 1; i < (dense)->count; i++) {                                                                 \
            low = values[i] < low ? values[i] : low;                                                                   \
            high = values[i] > high ? values[i] : high;                                                                \
        }                                                                                                              \
        least = low;                                                                                                   \
        most = high;                                                                                                   \
    } while (0)

static void add_bools(struct statistics *self, const struct dense *dense)
{
    int64_t ones = bits_count(dense->values, 0, dense->count);
    widen(self, ones == dense->count, ones > 0);
}

static RC add_integers(struct statistics *self, const struct field *field, const struct storage *storage,
                       const struct dense *dense, struct error *err)
{
    int64_t least, most;
    if (storage->physical == PHYSICAL_INT32)
        LEAST_AND_MOST(int32_t, dense);
    else
        LEAST_AND_MOST(int64_t, dense);
    if (field->type == TYPE_DECIMAL &&
        (!decimal_fits(least, field->precision) || !decimal_fits(most, field->precision)))
        return fail_digits(field, err);
    widen(self, least, most);
    return RC_OK;
}

static __int128 decimal_at(const struct dense *dense, int64_t i)
{
    __int128 value;
    memcpy(&value, (const char *)dense->values + i * (int64_t)sizeof(value), sizeof(value));
    return value;
}

static RC add_decimals(struct statistics *self, const struct field *field, const struct dense *dense, struct error *err)
{
    __int128 least = decimal_at(dense, 0), most = least;
    for (int64_t i = 1; i < dense->count; i++) {
        __int128 value = decimal_at(dense, i);
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    if (!decimal_fits(least, field->precision) || !decimal_fits(most, field->precision))
        return fail_digits(field, err);
    widen(self, least, most);
    return RC_OK;
}

#define REALS(type)                                                                                                    \
    for (int64_t i = 0; i < dense->count; i++) {                                                                       \
        double value = ((const type *)dense->values)[i];                                                               \
        nans += value != value;                                                                                        \
        least = value < least ? value : least;                                                                         \
        most = value > most ? value : most;                                                                            \
    }

static void add_reals(struct statistics *self, const struct field *field, const struct dense *dense)
{
    double least = self->has_bounds ? self->least.real : __builtin_inf();
    double most = self->has_bounds ? self->most.real : -__builtin_inf();
    int64_t nans = 0;
    if (field->type == TYPE_FLOAT)
        REALS(float)
    else
        REALS(double)
    self->nans += nans;
    self->least.real = least;
    self->most.real = most;
    self->has_bounds = true;
}

static void bound_set(struct text_bound *self, struct str value)
{
    self->is_cut = value.len > STATISTICS_TEXT_BYTES;
    self->len = self->is_cut ? STATISTICS_TEXT_BYTES : value.len;
    memcpy(self->at, value.at, self->len);
}

/* Kept bounds are cut to bytes, not to characters, so that they compare rightly with what comes later. A value equal to
 * what is left of a cut lower bound lies below that bound; above a cut upper bound everything that begins like it
 * leaves the same bytes. */
static void add_bounds(struct statistics *self, struct str least, struct str most)
{
    int below = self->has_bounds ? str_cmp(least, (struct str){self->text_least.at, self->text_least.len}) : -1;
    int above = self->has_bounds ? str_cmp(most, (struct str){self->text_most.at, self->text_most.len}) : 1;
    if (below <= 0)
        bound_set(&self->text_least, least);
    if (above > 0)
        bound_set(&self->text_most, most);
    self->has_bounds = true;
}

/* The first eight bytes as a number in the order of the bytes: most values are told from the bounds by it alone. */
static uint64_t prefix_of(struct str s)
{
    uint64_t prefix = 0;
    if (s.len >= sizeof(prefix)) {
        memcpy(&prefix, s.at, sizeof(prefix));
        return __builtin_bswap64(prefix);
    }
    for (size_t i = 0; i < s.len; i++)
        prefix |= (uint64_t)(uint8_t)s.at[i] << (56 - 8 * i);
    return prefix;
}

static void add_texts(struct statistics *self, const struct dense *dense)
{
    const struct str *values = dense->values;
    struct str least = values[0], most = values[0];
    uint64_t low = prefix_of(least), high = low;
    for (int64_t i = 1; i < dense->count; i++) {
        uint64_t prefix = prefix_of(values[i]);
        if (prefix > low && prefix < high)
            continue;
        if (str_cmp(values[i], least) < 0) {
            least = values[i];
            low = prefix;
        }
        if (str_cmp(values[i], most) > 0) {
            most = values[i];
            high = prefix;
        }
    }
    add_bounds(self, least, most);
}

RC statistics_add(struct statistics *self, const struct field *field, const struct storage *storage,
                  const struct dense *dense, struct error *err)
{
    if (dense->count == 0)
        return RC_OK;
    switch (storage->physical) {
    case PHYSICAL_BOOLEAN: add_bools(self, dense); break;
    case PHYSICAL_INT32:
    case PHYSICAL_INT64: return add_integers(self, field, storage, dense, err);
    case PHYSICAL_FLOAT:
    case PHYSICAL_DOUBLE: add_reals(self, field, dense); break;
    case PHYSICAL_BYTE_ARRAY: add_texts(self, dense); break;
    case PHYSICAL_FIXED: return add_decimals(self, field, dense, err);
    case PHYSICAL_INT96: assert(!"nothing is stored so");
    }
    return RC_OK;
}

static bool is_lead(char byte) { return ((uint8_t)byte & 0xC0) != 0x80; }

static int character_bytes(char lead)
{
    return (uint8_t)lead < 0x80 ? 1 : (uint8_t)lead < 0xE0 ? 2 : (uint8_t)lead < 0xF0 ? 3 : 4;
}

static size_t last_character(const char *at, size_t len)
{
    size_t start = len - 1;
    while (start > 0 && len - start < CHARACTER_BYTES_MAX && !is_lead(at[start]))
        start--;
    return start;
}

/* Without a character that was cut in two. */
static size_t whole_characters(const char *at, size_t len)
{
    size_t start = last_character(at, len);
    return start + (size_t)character_bytes(at[start]) > len ? start : len;
}

static size_t bytes_incremented(char *at, size_t len)
{
    while (len > 0 && (uint8_t)at[len - 1] == 0xFF)
        len--;
    if (len > 0)
        at[len - 1]++;
    return len;
}

static uint32_t character_get(const char *at, size_t len)
{
    static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t character = (uint8_t)at[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        character = character << 6 | ((uint8_t)at[i] & 0x3F);
    return character;
}

static size_t character_put(uint32_t character, char *at)
{
    size_t len = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--, character >>= 6)
        at[i] = (char)(0x80 | (character & 0x3F));
    at[0] = (char)(leads[len] | character);
    return len;
}

/* The order of characters is the order of their bytes; the last one there is cannot be made larger and is dropped. */
static size_t characters_incremented(char *at, size_t len)
{
    while (len > 0) {
        size_t start = last_character(at, len);
        uint32_t character = character_get(at + start, len - start);
        if (character < 0x10FFFF)
            return start + character_put(character == 0xD7FF ? 0xE000 : character + 1, at + start);
        len = start;
    }
    return 0;
}

static struct str text_least(const struct text_bound *bound, bool is_utf8)
{
    bool by_character = bound->is_cut && is_utf8;
    return (struct str){bound->at, by_character ? whole_characters(bound->at, bound->len) : bound->len};
}

/* false: nothing of this length is above it. */
static bool text_most(const struct text_bound *bound, bool is_utf8,
                      char room[STATISTICS_TEXT_BYTES + CHARACTER_BYTES_MAX], struct str *ret)
{
    size_t len = bound->len;
    memcpy(room, bound->at, len);
    if (bound->is_cut) {
        size_t whole = is_utf8 ? whole_characters(room, len) : 0;
        bool has_characters = is_utf8 && str_is_utf8((struct str){room, whole});
        len = has_characters ? characters_incremented(room, whole) : bytes_incremented(room, len);
    }
    *ret = (struct str){room, len};
    return len > 0 || !bound->is_cut;
}

struct bounds {
    struct str least, most;
    bool has_least, has_most, least_exact, most_exact;
    uint8_t least_room[16], most_room[16];
    char text_room[STATISTICS_TEXT_BYTES + CHARACTER_BYTES_MAX];
};

static void bounds_of_text(const struct statistics *self, bool is_utf8, struct bounds *ret)
{
    ret->least = text_least(&self->text_least, is_utf8);
    ret->has_least = true;
    ret->has_most = text_most(&self->text_most, is_utf8, ret->text_room, &ret->most);
    ret->least_exact = !self->text_least.is_cut;
    ret->most_exact = !self->text_most.is_cut;
}

static size_t put_real(enum physical physical, double value, uint8_t out[16])
{
    float narrow = (float)value;
    if (physical == PHYSICAL_FLOAT)
        memcpy(out, &narrow, sizeof(narrow));
    else
        memcpy(out, &value, sizeof(value));
    return physical == PHYSICAL_FLOAT ? sizeof(narrow) : sizeof(value);
}

static void bounds_of_reals(const struct statistics *self, enum physical physical, struct bounds *ret)
{
    if (self->nans > 0)
        return;
    double least = self->least.real == 0 ? -0.0 : self->least.real, most = self->most.real == 0 ? 0.0 : self->most.real;
    ret->least = (struct str){(const char *)ret->least_room, put_real(physical, least, ret->least_room)};
    ret->most = (struct str){(const char *)ret->most_room, put_real(physical, most, ret->most_room)};
    ret->has_least = ret->has_most = ret->least_exact = ret->most_exact = true;
}

static void bounds_of_integers(const struct statistics *self, const struct storage *storage, struct bounds *ret)
{
    struct storage byte = {.physical = PHYSICAL_BOOLEAN, .width = 1};
    const struct storage *as = storage->physical == PHYSICAL_BOOLEAN ? &byte : storage;
    int width = plain_write_integer(as, self->least.integer, ret->least_room);
    plain_write_integer(as, self->most.integer, ret->most_room);
    ret->least = (struct str){(const char *)ret->least_room, (size_t)width};
    ret->most = (struct str){(const char *)ret->most_room, (size_t)width};
    ret->has_least = ret->has_most = ret->least_exact = ret->most_exact = true;
}

void statistics_write(const struct statistics *self, const struct field *field, const struct storage *storage,
                      struct thrift_writer *w, int id)
{
    struct bounds bounds = {.has_least = false};
    if (self->has_bounds && storage->physical == PHYSICAL_BYTE_ARRAY)
        bounds_of_text(self, field->type == TYPE_UTF8, &bounds);
    else if (self->has_bounds && is_real(field))
        bounds_of_reals(self, storage->physical, &bounds);
    else if (self->has_bounds)
        bounds_of_integers(self, storage, &bounds);
    thrift_put_struct(w, id);
    thrift_put_int(w, 3, THRIFT_I64, self->nulls);
    if (bounds.has_most)
        thrift_put_bytes(w, 5, bounds.most);
    if (bounds.has_least)
        thrift_put_bytes(w, 6, bounds.least);
    if (bounds.has_most)
        thrift_put_bool(w, 7, bounds.most_exact);
    if (bounds.has_least)
        thrift_put_bool(w, 8, bounds.least_exact);
    if (is_real(field))
        thrift_put_int(w, 9, THRIFT_I64, self->nans);
    thrift_end(w);
}
