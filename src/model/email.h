/*
 * email: e-mail addresses, by the WHATWG HTML rule ("valid e-mail address") plus the lengths of RFC 5321
 * (section 4.5.3.1: local part 64, domain 255, path 256 with its angle brackets, so 254 for the address).
 */
#ifndef MODEL_EMAIL_H
#define MODEL_EMAIL_H

#include "base/buf.h"

#include <stdbool.h>

enum {
    EMAIL_MAX = 254,      /* bytes of an address */
    EMAIL_LOCAL_MAX = 64, /* bytes before the @ */
    EMAIL_LABEL_MAX = 63, /* bytes between two dots of the domain */
};

/* Whether the whole of `address`, without blanks around it, is a valid address. */
bool email_is_valid(struct span address);

/*
 * Takes the next address off the front of `*cell` into `*address`; false where none is left. What is taken is not
 * empty, may be no valid address, and points into the cell. Separators, in any number: `;` `,` `|`, and blanks
 * and line breaks as text_blank_len() knows them.
 */
bool email_next(struct span *cell, struct span *address);

#endif
