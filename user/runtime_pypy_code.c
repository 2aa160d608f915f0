/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * runtime_pypy_code.c - where PyPy's GIL is, from the code that makes it.
 *
 * pypy_carefully_make_gil() is exported for cffi. Through a callback it comes to
 * RPyGilAllocate() (rpython/translator/c/src/thread_gil.c), which initialises, unless
 * rpy_waiting_threads is negative no more:
 *
 *	mutex_gil_stealer	a mutex
 *	mutex_gil		a flag (1: taken), a mutex and a condition variable
 *	rpy_waiting_threads	0
 *
 * So what is looked for is code that takes three addresses of which two are as far from a flag
 * that is set as those members are from it, and the third is beside them. Instructions are found
 * by their bytes, not decoded one by one: what is no instruction leads to places where nothing of
 * that kind is found.
 */
#include "runtime_pypy.h"

#include <errno.h>
#include <string.h>

/* From the exported function to the one that initialises, at most. */
#define FUNCTIONS_MAX 48
#define DEPTH_MAX 3
/* How far from each other the compiler puts static variables of one source file. */
#define NEAR 4096

#define ADDRESSES_MAX 64

bool pypy_code__read(struct pypy_code *code, const struct process_view *view, uint64_t at)
{
	code->at = at;
	code->n = sizeof(code->bytes);
	/* A shorter one may be the last of its file. */
	while (code->n >= 32) {
		if (!view->read(view->ctx, at, code->bytes, code->n, NULL))
			return true;
		code->n /= 2;
	}
	code->n = 0;
	return false;
}

/* What the displacement at byte `i` leads to, in an instruction that ends at byte `end`. */
static uint64_t target_of(const struct pypy_code *code, size_t i, size_t end)
{
	int32_t displacement;

	memcpy(&displacement, &code->bytes[i], sizeof(displacement));
	return code->at + end + (uint64_t)(int64_t)displacement;
}

/* lea displacement(%rip), %register */
bool pypy_code__lea(const struct pypy_code *code, size_t i, uint64_t *target)
{
	const uint8_t *at = &code->bytes[i];

	if (i + 7 > code->n || (at[0] & 0xfb) != 0x48 || at[1] != 0x8d || (at[2] & 0xc7) != 0x05)
		return false;
	*target = target_of(code, i + 3, i + 7);
	return true;
}

/* movb $1, displacement(%rip) */
static bool sets_flag(const struct pypy_code *code, size_t i, uint64_t *target)
{
	const uint8_t *at = &code->bytes[i];

	if (i + 7 > code->n || at[0] != 0xc6 || at[1] != 0x05 || at[6] != 1)
		return false;
	*target = target_of(code, i + 2, i + 7);
	return true;
}

/* movq $0, displacement(%rip) */
static bool clears_long(const struct pypy_code *code, size_t i, uint64_t *target)
{
	static const uint8_t zero[4];
	const uint8_t *at = &code->bytes[i];

	if (i + 11 > code->n || at[0] != 0x48 || at[1] != 0xc7 || at[2] != 0x05 ||
	    memcmp(&at[7], zero, sizeof(zero)) != 0)
		return false;
	*target = target_of(code, i + 3, i + 11);
	return true;
}

/* call displacement, jmp displacement */
static bool calls(const struct pypy_code *code, size_t i, uint64_t *target)
{
	if (i + 5 > code->n || (code->bytes[i] & 0xfe) != 0xe8)
		return false;
	*target = target_of(code, i + 1, i + 5);
	return true;
}

typedef bool (*refers_fn)(const struct pypy_code *code, size_t i, uint64_t *target);

struct addresses {
	uint64_t list[ADDRESSES_MAX];
	size_t n;
};

static bool has_address(const struct addresses *addresses, uint64_t address)
{
	for (size_t i = 0; i < addresses->n; i++)
		if (addresses->list[i] == address)
			return true;
	return false;
}

static void add_addresses(struct addresses *addresses, const struct pypy_code *code,
			  refers_fn refers)
{
	for (size_t i = 0; i < code->n; i++) {
		uint64_t target;

		if (refers(code, i, &target) && addresses->n < ADDRESSES_MAX &&
		    !has_address(addresses, target))
			addresses->list[addresses->n++] = target;
	}
}

/* The one mutex beside the GIL's own parts. 0: there is none, or more than one. */
static uint64_t mutex_beside(const struct addresses *taken, uint64_t gil)
{
	uint64_t found = 0;

	for (size_t i = 0; i < taken->n; i++) {
		uint64_t at = taken->list[i];

		if (at % 8 || at + NEAR < gil || at > gil + NEAR ||
		    (at + sizeof(pthread_mutex_t) > gil && at < gil + PYPY_GIL_SIZE))
			continue;
		if (found)
			return 0;
		found = at;
	}
	return found;
}

static bool initialises_gil(const struct pypy_code *code, struct pypy_gil *gil)
{
	struct addresses taken = { .n = 0 }, set = { .n = 0 }, cleared = { .n = 0 };

	add_addresses(&taken, code, pypy_code__lea);
	add_addresses(&set, code, sets_flag);
	add_addresses(&cleared, code, clears_long);
	for (size_t i = 0; i < set.n; i++) {
		gil->gil = set.list[i];
		if (gil->gil % 8 || !has_address(&taken, gil->gil + PYPY_MUTEX_AT) ||
		    !has_address(&taken, gil->gil + PYPY_COND_AT))
			continue;
		gil->stealer = mutex_beside(&taken, gil->gil);
		gil->waiting = cleared.n == 1 ? cleared.list[0] : 0;
		return gil->stealer && gil->waiting && gil->waiting % 8 == 0;
	}
	return false;
}

struct search {
	struct addresses functions;	/* met, in the order in which they are to be looked at */
	size_t depths[ADDRESSES_MAX];
};

static void go_to(struct search *search, const struct pypy_code *code, refers_fn refers,
		  size_t depth)
{
	size_t n = search->functions.n;

	add_addresses(&search->functions, code, refers);
	for (; n < search->functions.n; n++)
		search->depths[n] = depth;
}

int pypy__gil_by_code(const struct process_view *view, uint64_t start, struct pypy_gil *gil)
{
	struct search search = { .functions = { .list = { start }, .n = 1 } };

	for (size_t i = 0; i < search.functions.n && i < FUNCTIONS_MAX; i++) {
		size_t depth = search.depths[i];
		struct pypy_code code;

		if (!pypy_code__read(&code, view, search.functions.list[i]))
			continue;
		if (initialises_gil(&code, gil))
			return 0;
		if (depth == DEPTH_MAX)
			continue;
		/* The callback is not called here, but handed on. */
		if (i == 0)
			go_to(&search, &code, pypy_code__lea, depth + 1);
		go_to(&search, &code, calls, depth + 1);
	}
	memset(gil, 0, sizeof(*gil));
	return -ENOENT;
}
