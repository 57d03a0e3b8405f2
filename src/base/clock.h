/* Time, chance and identity come in as arguments, so that a test can be the world. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct clock {
    int64_t (*now_us)(struct clock *self); /* wall clock, microseconds since 1970 UTC: for people and file names only */
    int64_t (*mono_ms)(struct clock *self); /* never goes back: for deadlines and leases */
    void (*sleep_ms)(struct clock *self, int64_t ms);
};

struct random {
    void (*fill)(struct random *self, void *bytes, int len);
};

/* Who this process is: what a lease names, so that a later process can tell whether the owner is gone. */
struct host {
    char name[64];
    char boot_id[40];
    char pid_ns[32];
    int64_t pid;
    int64_t pid_start; /* start time in clock ticks: tells a reused pid from the old one */
    /* true only if it is certain that (pid, pid_start) of this boot and this pid namespace no longer runs */
    bool (*is_gone)(const struct host *self, int64_t pid, int64_t pid_start);
};

struct clock *clock_real(void);
struct random *random_real(void);
const struct host *host_real(void);

enum { UUID_TEXT = 37, STAMP_TEXT = 40 };
/* UUIDv7 (RFC 9562 5.7) as 36 characters and a NUL. */
void uuid7(struct clock *clock, struct random *random, char ret[UUID_TEXT]);
bool uuid_is_valid(const char *text);

/* 2025-09-12T14:30:22.135Z (digits 0, 3 or 6 after the point). */
void stamp_print(int64_t us, int digits, char ret[STAMP_TEXT]);
/* Reads 'YYYY-MM-DD', 'YYYY-MM-DD HH:MM:SS[.f]', the same with T, and Z or +00:00 behind it. UTC. */
bool stamp_parse(const char *text, int64_t *ret_us);
/* An instant of RFC 3339: date, time, and Z or an offset: '2024-05-01T08:00:00+02:00'. */
bool instant_parse(const char *text, int64_t *ret_us);

/* Days since 1970-01-01 in the proleptic Gregorian calendar, and back. */
int64_t days_from_date(int64_t year, int month, int day);
void date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
