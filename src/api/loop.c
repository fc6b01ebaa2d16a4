#include "api/loop.h"

#include "base/clock.h"

static void take_answers(struct client *client, const struct loop_handler *handler)
{
    struct http_answer answer;

    while (client->stop != STOP_LOCAL && client_take(client, &answer))
        handler->take(handler->context, &answer);
    if (client->stop != STOP_LOCAL && handler->taken != NULL)
        handler->taken(handler->context);
}

void loop_run(struct client *client, const struct loop_handler *handler)
{
    while (!handler->is_over(handler->context)) {
        int64_t next_send_ms, other_ms = INT64_MAX, began_ms;

        if (client_must_abort(client, clock_mono_ms())) {
            http_abort(client->http);
            take_answers(client, handler);
            break;
        }
        next_send_ms = handler->send(handler->context, &other_ms);
        began_ms = clock_mono_ms();
        if (!handler->is_over(handler->context)) /* what ends without a request brings nothing to wait for */
            client_wait(client, clock_sooner(clock_sooner(next_send_ms, other_ms), console_due(client->console)));
        if (next_send_ms != INT64_MAX && next_send_ms > began_ms)
            client->tally->waited_ms += (uint64_t)(clock_mono_ms() - began_ms);
        take_answers(client, handler);
        handler->show(handler->context, next_send_ms);
    }
}
