#include "prior/owners.h"

#include "run/run.h"

void owners_note(struct owners *owners, const struct remote *remote, bool created)
{
    uint64_t owner = run_owner_hash(remote->owner_id);

    if (owner != 0 && created)
        owners->creator = owner;
    if (owner == 0 || remote->connector.share_with_org)
        return;
    owners->several = owners->several || (owners->unshared != 0 && owners->unshared != owner);
    owners->unshared = owner;
}

uint64_t owners_own(const struct owners *owners, uint64_t known)
{
    if (known != 0)
        return known;
    return owners->creator != 0 ? owners->creator : owners->several ? 0 : owners->unshared;
}
