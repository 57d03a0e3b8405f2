/* CRC-64/NVME and CRC-32C: known values, and that the fast way, pieces and joins agree with the plain one. */
#include "base/crc.h"

#include "base/clock.h"
#include "test.h"

enum { BYTES = 1 << 16, ROUNDS = 2000 };

static unsigned char bytes[BYTES];
static uint64_t seed = 88172645463325252u;

static uint64_t chance(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static int begin(void **state)
{
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (unsigned char)chance(256);
    return 0;
}

static void the_known_values_come_out(void **state)
{
    char text[CRC64_TEXT];
    assert_true(crc64nvme_add(0, S("123456789")) == 0xae8b14860a799888u);
    assert_true(crc32c_add(0, S("123456789")) == 0xe3069283u);
    assert_true(crc64nvme_add(0, S("")) == 0 && crc32c_add(0, S("")) == 0);
    crc64nvme_print(crc64nvme_add(0, S("123456789")), text);
    assert_string_equal(text, "rosUhgp5mIg=");
    crc64nvme_print(0, text);
    assert_string_equal(text, "AAAAAAAAAAA=");
    crc32c_print(crc32c_add(0, S("123456789")), text);
    assert_string_equal(text, "4waSgw==");
}

/* RFC 3720 B.4 and the NVM Express base specification 2.0, figure "64b CRC test cases". */
static void long_runs_have_the_known_values(void **state)
{
    static char zeros[1 << 20];
    assert_true(crc32c_add(0, (struct str){zeros, 32}) == 0x8a9136aau);
    assert_true(crc32c_add(0, (struct str){zeros, sizeof(zeros)}) ==
                crc32c_add_plain(0, (struct str){zeros, sizeof(zeros)}));
    assert_true(crc64nvme_add(0, (struct str){zeros, 4096}) == 0x6482d367eb22b64eu);
}

static void the_fast_way_agrees_with_the_plain_one_at_every_length_and_place(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        size_t from = chance(64), len = chance(i % 10 == 0 ? BYTES - 64 : 2048);
        struct str piece = {(const char *)bytes + from, len};
        uint64_t before = chance(UINT64_MAX);
        assert_true(crc64nvme_add(before, piece) == crc64nvme_add_plain(before, piece));
        assert_true(crc32c_add((uint32_t)before, piece) == crc32c_add_plain((uint32_t)before, piece));
    }
}

static void pieces_added_and_pieces_joined_give_the_whole(void **state)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        size_t len = chance(BYTES), cut = chance(len + 1);
        struct str whole = {(const char *)bytes, len}, first = {whole.at, cut}, second = {whole.at + cut, len - cut};
        uint64_t wide = crc64nvme_add(0, whole);
        uint32_t narrow = crc32c_add(0, whole);
        assert_true(crc64nvme_add(crc64nvme_add(0, first), second) == wide);
        assert_true(crc32c_add(crc32c_add(0, first), second) == narrow);
        assert_true(crc64nvme_join(crc64nvme_add(0, first), crc64nvme_add(0, second), second.len) == wide);
        assert_true(crc32c_join(crc32c_add(0, first), crc32c_add(0, second), second.len) == narrow);
    }
}

static void one_changed_bit_changes_the_checksum(void **state)
{
    for (int i = 0; i < 100; i++) {
        struct str whole = {(const char *)bytes, 4096};
        uint64_t wide = crc64nvme_add(0, whole);
        uint32_t narrow = crc32c_add(0, whole);
        size_t at = chance(4096);
        bytes[at] ^= (unsigned char)(1 << chance(8));
        assert_true(crc64nvme_add(0, whole) != wide && crc32c_add(0, whole) != narrow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_known_values_come_out),
        cmocka_unit_test(long_runs_have_the_known_values),
        cmocka_unit_test(the_fast_way_agrees_with_the_plain_one_at_every_length_and_place),
        cmocka_unit_test(pieces_added_and_pieces_joined_give_the_whole),
        cmocka_unit_test(one_changed_bit_changes_the_checksum),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
