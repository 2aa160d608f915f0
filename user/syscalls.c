// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "syscalls.h"

struct syscalls {
	size_t n;
	const char *const *names;	/* by number; NULL: no such call */
	const enum account *accounts;	/* by number; NULL: they are looked up by name */
	/* Both of the above, where they were made. */
	char **own_names;
	enum account *own_accounts;
};

/* More than any architecture has (o32 of MIPS begins at 4000), and few enough to keep. */
#define MAX_CALLS 8192
#define MAX_NAME 64

static const char *const native_names[] = {
#define SYSCALL_NAME(number, name) [number] = name,
#include "syscall_names.h"
#undef SYSCALL_NAME
};

static const struct syscalls native = {
	.n = sizeof(native_names) / sizeof(*native_names),
	.names = native_names,
};

/*
 * Calls in which waiting has a name of its own, sorted; the rest is `other`. Not every
 * architecture has all of them.
 */
static const struct {
	const char *name;
	enum account account;
} rules[] = {
	{ "_newselect", ACCOUNT_IO },
	{ "accept", ACCOUNT_IO },
	{ "accept4", ACCOUNT_IO },
	{ "arm_sync_file_range", ACCOUNT_IO },
	{ "clock_nanosleep", ACCOUNT_SLEEP },
	{ "clock_nanosleep_time64", ACCOUNT_SLEEP },
	{ "clone", ACCOUNT_CHILD },
	{ "clone3", ACCOUNT_CHILD },
	{ "connect", ACCOUNT_IO },
	{ "copy_file_range", ACCOUNT_IO },
	{ "epoll_pwait", ACCOUNT_IO },
	{ "epoll_pwait2", ACCOUNT_IO },
	{ "epoll_wait", ACCOUNT_IO },
	{ "fdatasync", ACCOUNT_IO },
	{ "flock", ACCOUNT_IO },
	{ "fsync", ACCOUNT_IO },
	{ "io_getevents", ACCOUNT_IO },
	{ "io_pgetevents", ACCOUNT_IO },
	{ "io_pgetevents_time64", ACCOUNT_IO },
	{ "io_uring_enter", ACCOUNT_IO },
	{ "mq_timedreceive", ACCOUNT_IO },
	{ "mq_timedreceive_time64", ACCOUNT_IO },
	{ "mq_timedsend", ACCOUNT_IO },
	{ "mq_timedsend_time64", ACCOUNT_IO },
	{ "msgrcv", ACCOUNT_IO },
	{ "msgsnd", ACCOUNT_IO },
	{ "nanosleep", ACCOUNT_SLEEP },
	{ "poll", ACCOUNT_IO },
	{ "ppoll", ACCOUNT_IO },
	{ "ppoll_time64", ACCOUNT_IO },
	{ "pread64", ACCOUNT_IO },
	{ "preadv", ACCOUNT_IO },
	{ "preadv2", ACCOUNT_IO },
	{ "pselect6", ACCOUNT_IO },
	{ "pselect6_time64", ACCOUNT_IO },
	{ "pwrite64", ACCOUNT_IO },
	{ "pwritev", ACCOUNT_IO },
	{ "pwritev2", ACCOUNT_IO },
	{ "read", ACCOUNT_IO },
	{ "readv", ACCOUNT_IO },
	{ "recv", ACCOUNT_IO },
	{ "recvfrom", ACCOUNT_IO },
	{ "recvmmsg", ACCOUNT_IO },
	{ "recvmmsg_time64", ACCOUNT_IO },
	{ "recvmsg", ACCOUNT_IO },
	{ "select", ACCOUNT_IO },
	{ "send", ACCOUNT_IO },
	{ "sendfile", ACCOUNT_IO },
	{ "sendfile64", ACCOUNT_IO },
	{ "sendmmsg", ACCOUNT_IO },
	{ "sendmsg", ACCOUNT_IO },
	{ "sendto", ACCOUNT_IO },
	{ "splice", ACCOUNT_IO },
	{ "sync_file_range", ACCOUNT_IO },
	{ "sync_file_range2", ACCOUNT_IO },
	{ "tee", ACCOUNT_IO },
	{ "vfork", ACCOUNT_CHILD },
	{ "vmsplice", ACCOUNT_IO },
	{ "wait4", ACCOUNT_CHILD },
	{ "waitid", ACCOUNT_CHILD },
	{ "waitpid", ACCOUNT_CHILD },
	{ "write", ACCOUNT_IO },
	{ "writev", ACCOUNT_IO },
};

static enum account account_of(const char *name)
{
	size_t low = 0, high = sizeof(rules) / sizeof(*rules);

	while (name && low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, rules[middle].name);

		if (!order)
			return rules[middle].account;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return ACCOUNT_OTHER;
}

const struct syscalls *syscalls__native(void)
{
	return &native;
}

json_t *syscalls__to_json(const struct syscalls *syscalls)
{
	json_t *array = json_array();

	for (size_t nr = 0; array && nr < syscalls->n; nr++) {
		const char *name = syscalls->names[nr];

		if (json_array_append_new(array, name ? json_string(name) : json_null())) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* Only what names are made of: they may be printed as they are. */
static bool is_name(const json_t *value)
{
	const char *name = json_string_value(value);
	size_t length = json_string_length(value);

	return name && length && length <= MAX_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

int syscalls__of_json(struct syscalls **out, const json_t *array)
{
	size_t n = json_array_size(array);
	struct syscalls *syscalls;

	if (!json_is_array(array) || n > MAX_CALLS)
		return -EBADMSG;
	for (size_t nr = 0; nr < n; nr++) {
		const json_t *value = json_array_get(array, nr);

		if (!json_is_null(value) && !is_name(value))
			return -EBADMSG;
	}
	syscalls = calloc(1, sizeof(*syscalls));
	if (!syscalls)
		return -ENOMEM;
	syscalls->own_names = calloc(n + 1, sizeof(*syscalls->own_names));
	syscalls->own_accounts = calloc(n + 1, sizeof(*syscalls->own_accounts));
	syscalls->n = n;
	for (size_t nr = 0; syscalls->own_names && syscalls->own_accounts && nr < n; nr++) {
		const char *name = json_string_value(json_array_get(array, nr));

		syscalls->own_accounts[nr] = account_of(name);
		syscalls->own_names[nr] = name ? strdup(name) : NULL;
		if (name && !syscalls->own_names[nr])
			goto no_memory;
	}
	if (!syscalls->own_names || !syscalls->own_accounts)
		goto no_memory;
	syscalls->names = (const char *const *)syscalls->own_names;
	syscalls->accounts = syscalls->own_accounts;
	*out = syscalls;
	return 0;
no_memory:
	syscalls__free(syscalls);
	return -ENOMEM;
}

void syscalls__free(struct syscalls *syscalls)
{
	if (!syscalls || syscalls == &native)
		return;
	for (size_t nr = 0; syscalls->own_names && nr < syscalls->n; nr++)
		free(syscalls->own_names[nr]);
	free(syscalls->own_names);
	free(syscalls->own_accounts);
	free(syscalls);
}

const char *syscalls__name(const struct syscalls *syscalls, int nr)
{
	return nr >= 0 && (size_t)nr < syscalls->n ? syscalls->names[nr] : NULL;
}

enum account syscalls__account(const struct syscalls *syscalls, int nr)
{
	if (nr < 0 || (size_t)nr >= syscalls->n)
		return ACCOUNT_OTHER;
	return syscalls->accounts ? syscalls->accounts[nr] : account_of(syscalls->names[nr]);
}
