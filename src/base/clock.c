#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t real_now_us(struct clock *self)
{
    (void)self;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t real_mono_ms(struct clock *self)
{
    (void)self;
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts); /* counts a suspended machine too: a lease does not wait for a laptop */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void real_sleep_ms(struct clock *self, int64_t ms)
{
    (void)self;
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&ts, NULL); /* a signal ends it early, on purpose */
}

struct clock *clock_real(void)
{
    static struct clock clock = {.now_us = real_now_us, .mono_ms = real_mono_ms, .sleep_ms = real_sleep_ms};
    return &clock;
}

static void real_fill(struct random *self, void *bytes, int len)
{
    (void)self;
    for (char *at = bytes; len > 0;) {
        ssize_t got = getrandom(at, (size_t)len, 0);
        if (got < 0 && errno != EINTR)
            abort(); /* no randomness: ids would repeat */
        if (got > 0) {
            at += got;
            len -= (int)got;
        }
    }
}

struct random *random_real(void)
{
    static struct random random = {.fill = real_fill};
    return &random;
}

static void read_line(const char *path, char *ret, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(ret, (int)size, file) != NULL)
        ret[strcspn(ret, "\n")] = '\0';
    fclose(file);
}

/* Field 22 of /proc/PID/stat (proc(5)); the name in field 2 may hold blanks and parentheses. -1: no such process. */
static int64_t pid_start_time(int64_t pid)
{
    char path[64], line[1024] = "";
    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    read_line(path, line, sizeof(line));
    char *at = strrchr(line, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at != NULL ? strtoll(at + 1, NULL, 10) : -1;
}

static bool real_is_gone(const struct host *self, int64_t pid, int64_t pid_start)
{
    (void)self;
    if (pid <= 0)
        return false;
    if (kill((pid_t)pid, 0) != 0)
        return errno == ESRCH;
    int64_t start = pid_start_time(pid);
    return start >= 0 && start != pid_start;
}

const struct host *host_real(void)
{
    static struct host host = {.is_gone = real_is_gone};
    if (host.pid == getpid())
        return &host;
    if (gethostname(host.name, sizeof(host.name) - 1) != 0)
        snprintf(host.name, sizeof(host.name), "localhost");
    read_line("/proc/sys/kernel/random/boot_id", host.boot_id, sizeof(host.boot_id));
    ssize_t len = readlink("/proc/self/ns/pid", host.pid_ns, sizeof(host.pid_ns) - 1);
    host.pid_ns[len > 0 ? len : 0] = '\0';
    host.pid = getpid();
    host.pid_start = pid_start_time(host.pid);
    return &host;
}

void uuid7(struct clock *clock, struct random *random, char ret[UUID_TEXT])
{
    unsigned char b[16];
    random->fill(random, b, sizeof(b));
    uint64_t ms = (uint64_t)(clock->now_us(clock) / 1000);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (8 * (5 - i)));
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x70);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    snprintf(ret, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

bool uuid_is_valid(const char *text)
{
    for (int i = 0; i < UUID_TEXT - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0')
            return false;
    }
    return text[UUID_TEXT - 1] == '\0';
}

/* Both directions: Howard Hinnant, "chrono-compatible low-level date algorithms". */
int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void date_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    *ret_day = (int)(of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (int)(month < 10 ? month + 3 : month - 9);
    *ret_year = year + era * 400 + (*ret_month <= 2);
}

void stamp_print(int64_t us, int digits, char ret[STAMP_TEXT])
{
    int64_t seconds = us / 1000000, fraction = us % 1000000;
    if (fraction < 0) {
        fraction += 1000000;
        seconds--;
    }
    int64_t days = seconds / 86400, left = seconds % 86400, year;
    if (left < 0) {
        left += 86400;
        days--;
    }
    int month, day;
    date_from_days(days, &year, &month, &day);
    char point[12] = "";
    if (digits == 3)
        snprintf(point, sizeof(point), ".%03d", (int)(fraction / 1000));
    else if (digits == 6)
        snprintf(point, sizeof(point), ".%06d", (int)fraction);
    snprintf(ret, STAMP_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", (int)year, month, day, (int)(left / 3600),
             (int)(left / 60 % 60), (int)(left % 60), point);
}

static bool digits_at(const char *text, int count, int *ret)
{
    *ret = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *ret = *ret * 10 + (text[i] - '0');
    }
    return true;
}

bool stamp_parse(const char *text, int64_t *ret_us)
{
    int year, month, day, hour = 0, minute = 0, second = 0;
    int64_t micros = 0;
    if (!digits_at(text, 4, &year) || text[4] != '-' || !digits_at(text + 5, 2, &month) || text[7] != '-' ||
        !digits_at(text + 8, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    int64_t days = days_from_date(year, month, day), back_year;
    int back_month, back_day;
    date_from_days(days, &back_year, &back_month, &back_day);
    if (back_day != day)
        return false; /* 30 February */
    const char *at = text + 10;
    if (*at == ' ' || *at == 'T') {
        if (!digits_at(at + 1, 2, &hour) || at[3] != ':' || !digits_at(at + 4, 2, &minute) || at[6] != ':' ||
            !digits_at(at + 7, 2, &second) || hour > 23 || minute > 59 || second > 59)
            return false;
        at += 9;
        if (*at == '.') {
            int64_t unit = 100000;
            if (at[1] < '0' || at[1] > '9')
                return false;
            for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
                micros += unit * (*at - '0');
        }
        if (strcmp(at, "Z") == 0 || strcmp(at, "+00:00") == 0)
            at += strlen(at);
    }
    if (*at != '\0')
        return false;
    *ret_us = ((days * 24 + hour) * 60 + minute) * INT64_C(60000000) + second * INT64_C(1000000) + micros;
    return true;
}

bool instant_parse(const char *text, int64_t *ret_us)
{
    enum { DATE_AND_TIME = 19, OFFSET = 6 };
    char local[STAMP_TEXT];
    int hours, minutes;
    size_t len = strlen(text);
    if (len <= DATE_AND_TIME || len >= sizeof(local))
        return false;
    if (text[len - 1] == 'Z')
        return stamp_parse(text, ret_us);
    const char *offset = text + len - OFFSET;
    if ((offset[0] != '+' && offset[0] != '-') || offset[3] != ':' || !digits_at(offset + 1, 2, &hours) ||
        !digits_at(offset + 4, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    snprintf(local, sizeof(local), "%.*s", (int)(len - OFFSET), text);
    if (strlen(local) < DATE_AND_TIME || !stamp_parse(local, ret_us))
        return false;
    *ret_us -= (offset[0] == '+' ? 1 : -1) * (hours * 60 + minutes) * INT64_C(60000000);
    return true;
}
