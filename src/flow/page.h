/*
 * page: the style sheet and the script of the report: the parts of it that are the same for every run.
 */
#ifndef FLOW_PAGE_H
#define FLOW_PAGE_H

/* Neither holds `</` followed by its element's name. Static. */
extern const char page_style[];
extern const char page_script[];

#endif
