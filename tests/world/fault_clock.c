#include "world/fault_clock.h"

static const int64_t hour_us = INT64_C(3600000000);

static int64_t fault_now_us(struct clock *clock)
{
    struct fault_clock *self = (struct fault_clock *)clock;
    enum fault fault = fault_ask(self->plan, "clock", "now_us");
    if (fault == FAULT_TORN)
        return 0;
    if (fault == FAULT_FAIL)
        self->wall_step_us -= hour_us;
    if (fault == FAULT_LATE)
        self->wall_step_us += 24 * hour_us;
    return self->inner->now_us(self->inner) + self->wall_step_us;
}

static int64_t fault_mono_ms(struct clock *clock)
{
    struct fault_clock *self = (struct fault_clock *)clock;
    enum fault fault = fault_ask(self->plan, "clock", "mono_ms");
    if (fault == FAULT_FAIL || fault == FAULT_LATE || fault == FAULT_TORN)
        self->mono_step_ms += 10000;
    return self->inner->mono_ms(self->inner) + self->mono_step_ms;
}

static void fault_sleep_ms(struct clock *clock, int64_t ms)
{
    struct fault_clock *self = (struct fault_clock *)clock;
    enum fault fault = fault_ask(self->plan, "clock", "sleep_ms");
    bool cut_short = fault == FAULT_FAIL || fault == FAULT_TORN;
    self->inner->sleep_ms(self->inner, cut_short ? 1 : fault == FAULT_LATE ? ms * 10 : ms);
}

void fault_clock_init(struct fault_clock *self, struct clock *inner, struct fault_plan *plan)
{
    *self = (struct fault_clock){
        .clock = {.now_us = fault_now_us, .mono_ms = fault_mono_ms, .sleep_ms = fault_sleep_ms},
        .inner = inner,
        .plan = plan,
    };
}
