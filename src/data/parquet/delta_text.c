#include "data/parquet/delta_text.h"

enum { TAKE = 256, LENGTH_BYTES = 4 };

/* ---- writing ---- */

static uint32_t common(const char *a, const char *b, uint32_t most)
{
    uint32_t count = 0;
    for (uint64_t x, y; count + sizeof(x) <= most; count += sizeof(x)) {
        memcpy(&x, a + count, sizeof(x));
        memcpy(&y, b + count, sizeof(y));
        if (x != y)
            return count + (uint32_t)__builtin_ctzll(x ^ y) / 8;
    }
    while (count < most && a[count] == b[count])
        count++;
    return count;
}

void delta_texts_write(struct buf *out, const char *bytes, const uint32_t *lengths, int64_t count, struct buf *scratch)
{
    buf_reset(scratch);
    buf_reserve(scratch, 2 * (size_t)count * LENGTH_BYTES);
    uint32_t *shared = (void *)scratch->at, *rest = shared + count;
    const char *at = bytes;
    size_t rest_bytes = 0;
    for (int64_t i = 0; i < count; at += lengths[i++]) {
        uint32_t before = i > 0 ? lengths[i - 1] : 0, most = before < lengths[i] ? before : lengths[i];
        shared[i] = common(at - before, at, most);
        rest[i] = lengths[i] - shared[i];
        rest_bytes += rest[i];
    }
    delta_write(out, shared, count, LENGTH_BYTES);
    delta_write(out, rest, count, LENGTH_BYTES);
    buf_reserve(out, rest_bytes);
    at = bytes;
    for (int64_t i = 0; i < count; at += lengths[i++]) {
        if (rest[i] == 0)
            continue;
        memcpy(out->at + out->len, at + shared[i], rest[i]);
        out->len += rest[i];
    }
}

/* ---- reading ---- */

void delta_texts_release(struct delta_texts *self) { buf_release(&self->last); }

/* Every text is looked at: none may begin with more than the one before has, and all bytes are used. */
static bool texts_check(const struct delta_texts *self, const uint8_t *end, int64_t count, size_t longest_max)
{
    struct delta shared = self->shared, rest = self->rest;
    int64_t starts[TAKE], rests[TAKE], before = 0, bytes = end - self->at;
    for (int64_t left = count; left > 0; left -= TAKE) {
        int64_t some = left < TAKE ? left : TAKE;
        delta_take(&shared, starts, some);
        delta_take(&rest, rests, some);
        for (int64_t i = 0; i < some; i++) {
            if (starts[i] < 0 || starts[i] > before || rests[i] < 0 || rests[i] > bytes)
                return false;
            before = starts[i] + rests[i];
            bytes -= rests[i];
            if ((uint64_t)before > longest_max)
                return false;
        }
    }
    return bytes == 0;
}

bool delta_texts_open(struct delta_texts *self, const uint8_t *at, const uint8_t *end, int64_t count,
                      size_t longest_max)
{
    buf_reset(&self->last);
    return delta_open(&self->shared, at, end, count, &at) && delta_open(&self->rest, at, end, count, &self->at) &&
           texts_check(self, end, count, longest_max);
}

size_t delta_texts_peek(const struct delta_texts *self, int64_t count)
{
    struct delta shared = self->shared, rest = self->rest;
    int64_t starts[TAKE], rests[TAKE];
    size_t bytes = 0;
    for (int64_t left = count; left > 0; left -= TAKE) {
        int64_t some = left < TAKE ? left : TAKE;
        delta_take(&shared, starts, some);
        delta_take(&rest, rests, some);
        for (int64_t i = 0; i < some; i++)
            bytes += (size_t)(starts[i] + rests[i]);
    }
    return bytes;
}

void delta_texts_take(struct delta_texts *self, int64_t count, char *into, int32_t *ret_lengths)
{
    int64_t starts[TAKE], rests[TAKE];
    const char *before = self->last.at;
    size_t len = self->last.len;
    for (int64_t done = 0; done < count; done += TAKE) {
        int64_t some = count - done < TAKE ? count - done : TAKE;
        delta_take(&self->shared, starts, some);
        delta_take(&self->rest, rests, some);
        for (int64_t i = 0; i < some; i++) {
            if (starts[i] != 0)
                memcpy(into, before, (size_t)starts[i]);
            if (rests[i] != 0)
                memcpy(into + starts[i], self->at, (size_t)rests[i]);
            self->at += rests[i];
            before = into;
            len = (size_t)(starts[i] + rests[i]);
            into += len;
            ret_lengths[done + i] = (int32_t)len;
        }
    }
    if (count == 0)
        return;
    buf_reset(&self->last);
    buf_add(&self->last, before, len);
}
