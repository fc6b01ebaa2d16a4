#include "api/probe.h"

enum { WHY_MAX = 16384 };

static void on_begin(void *context)
{
    (void)context;
}

static bool on_connector(void *context, const struct remote *remote, struct span element)
{
    (void)context;
    (void)remote;
    (void)element;
    return true;
}

void probe_init(struct probe *probe, struct client *client)
{
    struct listing_handler handler = {.begin = on_begin, .connector = on_connector};

    listing_init(&probe->listing, client, &handler);
    buf_init(&probe->why, WHY_MAX);
}

void probe_release(struct probe *probe)
{
    listing_release(&probe->listing);
    buf_release(&probe->why);
}

bool probe_send(struct probe *probe, int64_t now_ms)
{
    enum outage_probe next = client_probe(probe->listing.client, now_ms);

    if (next == OUTAGE_PROBE_LIST && !probe->listing.active)
        listing_send(&probe->listing, now_ms);
    return next == OUTAGE_PROBE_ROW;
}

bool probe_answer(struct probe *probe, const struct http_answer *answer)
{
    if (answer->tag != LISTING_TAG)
        return false;
    buf_reset(&probe->why);
    listing_answer(&probe->listing, answer, &probe->why);
    return true;
}
