#include "sandbox/limits.h"

#include <stdio.h>
#include <string.h>

enum { RATE_LONGEST = 40, UNLIMITED_WINDOW_MS = 60 * 1000, UNLIMITED_GRAIN_US = 1000 };

bool limits_parse(struct limits_config *config, const char *text)
{
    struct rate rates[LIMITS_MAX] = {{0}};
    size_t count = 0;

    for (bool more = strcmp(text, "none") != 0; more;) {
        size_t len = strcspn(text, ",");
        char one[RATE_LONGEST + 1];

        if (len > RATE_LONGEST || count == LIMITS_MAX)
            return false;
        snprintf(one, sizeof(one), "%.*s", (int)len, text);
        if (!num_parse_rate(one, &rates[count]) || rates[count++].count == 0)
            return false;
        more = text[len] == ',';
        text += len + more;
    }
    memcpy(config->rates, rates, sizeof(rates));
    config->count = count;
    return true;
}

void limits_format(struct buf *out, const struct limits_config *config)
{
    char text[NUM_DURATION_TEXT];

    for (size_t i = 0; i < config->count; i++)
        buf_format(out, "%s%s", i > 0 ? "," : "", num_format_rate(text, config->rates[i]));
    if (config->count == 0)
        buf_text(out, "none");
}

/* Without a limit a window's worth of exact times could be millions: milliseconds do. */
void limits_init(struct limits *limits, const struct limits_config *config, int64_t now_us)
{
    bool limited = config->count > 0;

    *limits = (struct limits){.count = limited ? config->count : 1};
    for (size_t i = 0; i < limits->count; i++) {
        struct limit_config one = {.rate = config->rates[i], .kind = config->kind, .burst = config->burst};
        int64_t length_us = (limited ? one.rate.window_ms : UNLIMITED_WINDOW_MS) * 1000;

        if (!limited)
            one = (struct limit_config){.kind = config->kind};
        limit_init(&limits->limits[i], one, now_us);
        window_init(&limits->seen[i], length_us, limited ? 1 : UNLIMITED_GRAIN_US);
        window_init(&limits->accepted[i], length_us, limited ? 1 : UNLIMITED_GRAIN_US);
    }
}

void limits_release(struct limits *limits)
{
    for (size_t i = 0; i < limits->count; i++) {
        limit_release(&limits->limits[i]);
        window_release(&limits->seen[i]);
        window_release(&limits->accepted[i]);
    }
    limits->count = 0;
}

void limits_see(struct limits *limits, int64_t now_us)
{
    for (size_t i = 0; i < limits->count; i++)
        window_add(&limits->seen[i], now_us);
}

bool limits_take(struct limits *limits, int64_t now_us, struct limit_view *view)
{
    bool accepted = true;

    for (size_t i = 0; i < limits->count; i++)
        accepted = limit_has_room(&limits->limits[i], now_us) && accepted;
    for (size_t i = 0; i < limits->count; i++) {
        struct limit_view one;

        if (accepted) {
            limit_take(&limits->limits[i], now_us, &one);
            window_add(&limits->accepted[i], now_us);
        } else {
            limit_tell(&limits->limits[i], now_us, &one);
        }
        if (i == 0 || one.wait_us > view->wait_us || (one.wait_us == view->wait_us && one.remaining < view->remaining))
            *view = one;
    }
    return accepted;
}
