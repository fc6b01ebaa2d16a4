/*
 * spoilt: cells that look as if a spreadsheet had changed what somebody typed. Pure.
 */
#ifndef MODEL_SPOILT_H
#define MODEL_SPOILT_H

#include "base/buf.h"

enum spoilt {
    SPOILT_NOT,
    SPOILT_NUMBER,     /* 1.23457E+11: digits are lost */
    SPOILT_ERROR,      /* #REF!, #N/A, Err:502, ####: a formula's error, a column that was too narrow */
    SPOILT_FORMULA,    /* ="00123" */
    SPOILT_APOSTROPHE, /* '00123: the mark that makes text of a number */
    SPOILTS,
};

/* Which of them a cell is, blanks at its ends aside. */
enum spoilt spoilt_find(struct span cell);

/* What is wrong with it and what to do, to follow the quoted value: `is …; …`. Static. */
const char *spoilt_text(enum spoilt spoilt);

#endif
