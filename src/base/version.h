/*
 * version: the one place that says which version this is. The Makefile, the package and both programs read it here.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define CONNLOAD_VERSION "0.2.0"

#endif
