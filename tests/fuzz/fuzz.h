/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz.h - what tests/fuzz/fuzz_NAME.c offers to libFuzzer and to driver.c.
 */
#ifndef CONVOY_TESTS_FUZZ_H
#define CONVOY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Takes any bytes; whatever must not happen ends the program. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef void (*fuzz_seed_fn)(void *ctx, const uint8_t *data, size_t size);

/* How many inputs `make check` tries: some seconds of them. */
extern const unsigned long fuzz__count;

/* Inputs to begin with: what is valid, so that what is almost valid is near. */
void fuzz__seeds(fuzz_seed_fn fn, void *ctx);

#endif /* CONVOY_TESTS_FUZZ_H */
