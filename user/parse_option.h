/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse_option.h - the values of options, for every command alike.
 *
 * `what` is the option as the user knows it ("--workers"). Each returns 0, or -EINVAL
 * after a message that says what is allowed; *out is then as it was.
 */
#ifndef CONVOY_PARSE_OPTION_H
#define CONVOY_PARSE_OPTION_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int option__unsigned(const char *what, const char *text, unsigned long long min,
		     unsigned long long max, unsigned long long *out);
int option__real(const char *what, const char *text, double min, double max, double *out);

/*
 * A command's arguments (argv[0] is its name) by argp, whose own messages then call it
 * `name` ("convoy run"). `flags` and `input` are argp_parse()'s. Returns 0 or -EINVAL.
 * --help, --version and unknown options end the process, as argp does.
 */
int option__parse_all(const struct argp *argp, const char *name, int argc, char **argv,
		      unsigned flags, void *input);

/* From 1 to `max`. */
int option__count(const char *what, const char *text, unsigned max, unsigned *out);

/* One of at least two words, the last of which is NULL; *which is its index. */
int option__choice(const char *what, const char *text, const char *const *choices, size_t *which);

/* A power of two that a session takes, in bytes. */
int option__ring_bytes(const char *text, size_t *out);

/* A time such as 0.5, 500ms, 10s, 2m or 1h (seconds without a unit), in ns: above 0. */
int option__duration(const char *what, const char *text, uint64_t *out_ns);

/* The same for a point in time: the beginning, 0, is one, too. */
int option__time(const char *what, const char *text, uint64_t *out_ns);

/*
 * "convoy" and the arguments, as a shell would read them back; cut where `size`
 * (>= 1) ends.
 */
void command_line__quote(char *out, size_t size, int argc, char *const *argv);

/* One word, likewise. */
void word__quote(char *out, size_t size, const char *word);

/*
 * One word of a command that is to be pasted from a terminal: likewise, but what no terminal
 * shows as it is (controls, bytes beyond ASCII) is written as $'\NNN', as bash, zsh and ksh
 * read it.
 */
void word__put(FILE *out, const char *word);

#endif /* CONVOY_PARSE_OPTION_H */
