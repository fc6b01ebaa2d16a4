#include "run/judge.h"

#include <assert.h>

enum { WHOLE_SECOND_MS = 1000 }; /* what the Date header leaves out */

static const char *const reason_texts[] = {
    [JUDGE_CLEAR] = "",
    [JUDGE_CROWDED] = "the account has more such connectors than this run can have made",
    [JUDGE_OLD] = "the account has such a connector, but perhaps from before this run",
    [JUDGE_DOUBTED] =
        "the account has such a connector, but it may as well be that of a row like it which was left unknown",
    [JUDGE_SECRETS] =
        "the account has such connectors, but rows that differ in their secrets alone can't be told apart by the list",
    [JUDGE_ALIKE] = "the account has a new connector that is no other row's, but differs from it",
    [JUDGE_UNPROVEN] = "the account's list does not prove that it is absent",
};
static_assert(sizeof(reason_texts) / sizeof(reason_texts[0]) == JUDGE_REASONS, "every reason has a text");

const char *judge_reason_text(enum judge_reason reason)
{
    return reason_texts[reason];
}

void judge_compare_clocks(struct judge_clock *clock, int64_t created_ms, int64_t date_ms, int64_t took_ms)
{
    int64_t ahead_ms = created_ms - (date_ms + WHOLE_SECOND_MS), behind_ms = created_ms - (date_ms - took_ms);

    if (created_ms < 0 || date_ms < 0)
        return;
    clock->tested = true;
    if (ahead_ms > clock->ahead_ms)
        clock->ahead_ms = ahead_ms;
    if (behind_ms < clock->behind_ms)
        clock->behind_ms = behind_ms;
}

/*
 * The Date header is never ahead of the server's clock, so that what the rows made is not older than `begin_ms` by a
 * clock that agrees with it; but it may be behind, so that what is just after it may be older than the rows. A clock
 * that strays widens the span in which nothing can be told. One that was never compared tells nothing of what seems to
 * be older.
 */
enum judge_age judge_age(const struct judge_group *group, const struct judge_clock *clock, int64_t created_ms)
{
    if (created_ms < 0 || group->begin_ms == JUDGE_NO_TIME)
        return JUDGE_UNDATED;
    if (created_ms < group->begin_ms + clock->behind_ms - WHOLE_SECOND_MS)
        return clock->tested ? JUDGE_BEFORE : JUDGE_UNDATED;
    if (created_ms < group->begin_ms + group->unsure_ms + clock->ahead_ms)
        return JUDGE_UNDATED;
    if (group->end_ms != JUDGE_NO_TIME && created_ms > group->end_ms + clock->ahead_ms + WHOLE_SECOND_MS)
        return JUDGE_UNDATED;
    return JUDGE_SINCE;
}

enum weight { EXACT, KEPT, DOUBTFUL, NEITHER };

static enum weight weigh(const struct judge_group *group, const struct judge_clock *clock,
                         const struct judge_candidate *candidate)
{
    enum judge_age age = JUDGE_SINCE;

    if (candidate->foreign || candidate->was_listed)
        return NEITHER;
    if (!group->listed_before)
        age = judge_age(group, clock, candidate->created_ms);
    if (age == JUDGE_BEFORE)
        return NEITHER;
    if (age == JUDGE_UNDATED || candidate->archived)
        return DOUBTFUL;
    return candidate->exact ? EXACT : candidate->kept ? KEPT : DOUBTFUL;
}

static void swap(struct judge_candidate *a, struct judge_candidate *b)
{
    struct judge_candidate other = *a;

    *a = *b;
    *b = other;
}

/* Those of that weight come to the front; how many they are. */
static size_t gather(const struct judge_group *group, const struct judge_clock *clock, enum weight weight,
                     struct judge_candidate *candidates, size_t count)
{
    size_t gathered = 0;

    for (size_t i = 0; i < count; i++)
        if (weigh(group, clock, &candidates[i]) == weight)
            swap(&candidates[i], &candidates[gathered++]);
    return gathered;
}

static bool has_exact(const struct judge_candidate *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (candidates[i].exact && !candidates[i].archived)
            return true;
    return false;
}

/* Why the list can't tell which connector is whose, or whether there is one. */
static enum judge_reason doubt(const struct judge_group *group, const struct judge_list *list, size_t theirs,
                               const struct judge_candidate *doubtful, size_t count)
{
    if (theirs > group->rows || list->crowded)
        return JUDGE_CROWDED;
    if (theirs > 0 && group->has_doubted)
        return JUDGE_DOUBTED;
    if (theirs > 0 && group->secrets_differ)
        return JUDGE_SECRETS;
    if (theirs == group->rows || group->may_still_come || count == 0)
        return JUDGE_CLEAR;
    return has_exact(doubtful, count) ? JUDGE_OLD : JUDGE_ALIKE;
}

struct judgement judge(const struct judge_group *group, const struct judge_list *list, const struct judge_clock *clock,
                       struct judge_candidate *candidates, size_t count)
{
    size_t theirs = gather(group, clock, EXACT, candidates, count), doubtful;
    enum judge_reason reason;

    if (theirs < group->rows)
        theirs += gather(group, clock, KEPT, candidates + theirs, count - theirs);
    doubtful = gather(group, clock, DOUBTFUL, candidates + theirs, count - theirs);
    reason = doubt(group, list, theirs, candidates + theirs, doubtful);
    if (reason != JUDGE_CLEAR)
        return (struct judgement){.look_at = theirs + doubtful, .rest = JUDGE_UNKNOWN, .reason = reason};
    if (group->may_still_come)
        return (struct judgement){.found = theirs, .rest = JUDGE_WAITS};
    if (!list->proven)
        return (struct judgement){.found = theirs, .rest = JUDGE_UNKNOWN, .reason = JUDGE_UNPROVEN};
    return (struct judgement){.found = theirs, .rest = JUDGE_ABSENT};
}
