/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_syscalls.c - system calls of this machine and of others.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/unit/events_fixture.h"
#include "user/classify.h"
#include "user/syscalls.h"

static void test_native(void **state)
{
	const struct syscalls *native = syscalls__native();

	(void)state;
	assert_string_equal(syscalls__name(native, SYS_futex), "futex");
	assert_string_equal(syscalls__name(native, SYS_clock_nanosleep), "clock_nanosleep");
	assert_null(syscalls__name(native, -1));
	assert_null(syscalls__name(native, CONVOY_NR_KERNEL_THREAD));
	assert_null(syscalls__name(native, 32767));
	assert_int_equal(syscalls__account(native, SYS_read), ACCOUNT_IO);
	assert_int_equal(syscalls__account(native, SYS_clock_nanosleep), ACCOUNT_SLEEP);
	assert_int_equal(syscalls__account(native, SYS_waitid), ACCOUNT_CHILD);
	assert_int_equal(syscalls__account(native, SYS_futex), ACCOUNT_OTHER);
	assert_int_equal(syscalls__account(native, -1), ACCOUNT_OTHER);
	assert_int_equal(syscalls__account(native, CONVOY_NR_KERNEL_THREAD), ACCOUNT_OTHER);
	assert_int_equal(syscalls__account(native, 32767), ACCOUNT_OTHER);
	syscalls__free((struct syscalls *)native);
	syscalls__free(NULL);
}

/* Each rule by name, also of calls that this architecture lacks. */
static void test_accounts_by_name(void **state)
{
	static const struct {
		const char *name;
		enum account account;
	} calls[] = {
		{ "_newselect", ACCOUNT_IO }, /* the first of the rules */
		{ "writev", ACCOUNT_IO },     /* the last */
		{ "accept", ACCOUNT_IO },
		{ "epoll_wait", ACCOUNT_IO },
		{ "poll", ACCOUNT_IO },
		{ "ppoll_time64", ACCOUNT_IO },
		{ "recv", ACCOUNT_IO },
		{ "select", ACCOUNT_IO },
		{ "clock_nanosleep_time64", ACCOUNT_SLEEP },
		{ "nanosleep", ACCOUNT_SLEEP },
		{ "clone", ACCOUNT_CHILD },
		{ "clone3", ACCOUNT_CHILD },
		{ "vfork", ACCOUNT_CHILD },
		{ "wait4", ACCOUNT_CHILD },
		{ "waitpid", ACCOUNT_CHILD },
		{ "rea", ACCOUNT_OTHER },
		{ "reads", ACCOUNT_OTHER },
		{ "a", ACCOUNT_OTHER },
		{ "zzz", ACCOUNT_OTHER },
		{ "futex", ACCOUNT_OTHER },
	};
	json_t *names = json_array();
	struct syscalls *syscalls;

	(void)state;
	for (size_t i = 0; i < N(calls); i++)
		json_array_append_new(names, json_string(calls[i].name));
	assert_int_equal(syscalls__of_json(&syscalls, names), 0);
	json_decref(names);
	for (size_t i = 0; i < N(calls); i++) {
		if (syscalls__account(syscalls, (int)i) != calls[i].account)
			fail_msg("%s: %s", calls[i].name,
				 account__name(syscalls__account(syscalls, (int)i)));
		assert_string_equal(syscalls__name(syscalls, (int)i), calls[i].name);
	}
	syscalls__free(syscalls);
}

/* What this machine's calls are, through JSON and back. */
static void test_there_and_back(void **state)
{
	const struct syscalls *native = syscalls__native();
	json_t *names = syscalls__to_json(native), *again;
	struct syscalls *copy;

	(void)state;
	assert_non_null(names);
	assert_true(json_array_size(names) > SYS_futex);
	assert_string_equal(json_string_value(json_array_get(names, SYS_futex)), "futex");
	assert_int_equal(syscalls__of_json(&copy, names), 0);
	for (int nr = -3; nr < 1000; nr++) {
		const char *name = syscalls__name(native, nr);

		assert_int_equal(syscalls__account(copy, nr), syscalls__account(native, nr));
		if (name)
			assert_string_equal(syscalls__name(copy, nr), name);
		else
			assert_null(syscalls__name(copy, nr));
	}
	again = syscalls__to_json(copy);
	assert_true(json_equal(names, again));
	json_decref(names);
	json_decref(again);
	syscalls__free(copy);
}

static void test_what_is_no_list_of_names(void **state)
{
	static const char *const documents[] = {
		"{}",
		"[1]",
		"[\"read\", []]",
		"[\"\"]",
		"[\"Read\"]",
		"[\"\\u001b[31m\"]",
		"[\"re ad\"]",
		"[\"read\\u0000\"]",
		"[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]",
	};
	struct syscalls *syscalls = NULL;
	json_t *many = json_array();

	(void)state;
	for (size_t i = 0; i < N(documents); i++) {
		json_t *document = json_loads(documents[i], JSON_ALLOW_NUL, NULL);

		assert_non_null(document);
		assert_int_equal(syscalls__of_json(&syscalls, document), -EBADMSG);
		json_decref(document);
	}
	assert_int_equal(syscalls__of_json(&syscalls, NULL), -EBADMSG);
	for (int i = 0; i < 100000; i++)
		json_array_append_new(many, json_null());
	assert_int_equal(syscalls__of_json(&syscalls, many), -EBADMSG);
	json_array_clear(many);
	/* None at all is a list. */
	assert_int_equal(syscalls__of_json(&syscalls, many), 0);
	assert_null(syscalls__name(syscalls, 0));
	assert_int_equal(syscalls__account(syscalls, 0), ACCOUNT_OTHER);
	syscalls__free(syscalls);
	json_decref(many);
}

/* Some of arm64's numbers, which mean other calls on x86_64. */
static void test_another_architecture(void **state)
{
	static const struct {
		int nr;
		const char *name;
		enum account account;
	} arm64[] = {
		{ 35, "unlinkat", ACCOUNT_OTHER },
		{ 61, "getdents64", ACCOUNT_OTHER },
		{ 63, "read", ACCOUNT_IO },
		{ 73, "ppoll", ACCOUNT_IO },
		{ 98, "futex", ACCOUNT_OTHER },
		{ 101, "nanosleep", ACCOUNT_SLEEP },
		{ 115, "clock_nanosleep", ACCOUNT_SLEEP },
		{ 137, "rt_sigtimedwait", ACCOUNT_OTHER },
		{ 202, "accept", ACCOUNT_IO },
		{ 260, "wait4", ACCOUNT_CHILD },
	};
	json_t *names = json_array();
	struct syscalls *syscalls;

	(void)state;
	for (int nr = 0; nr <= 260; nr++)
		json_array_append_new(names, json_null());
	for (size_t i = 0; i < N(arm64); i++)
		json_array_set_new(names, (size_t)arm64[i].nr, json_string(arm64[i].name));
	assert_int_equal(syscalls__of_json(&syscalls, names), 0);
	json_decref(names);
	for (size_t i = 0; i < N(arm64); i++) {
		union event wait = ev_wait(1, 10, 20, 30, arm64[i].nr);
		const struct word_facts facts = { 0 };
		struct wait_class class = classify__wait(&wait.wait, &facts, syscalls);

		if (class.account != arm64[i].account)
			fail_msg("%s: %s", arm64[i].name, account__name(class.account));
	}
	syscalls__free(syscalls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),
		cmocka_unit_test(test_accounts_by_name),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_what_is_no_list_of_names),
		cmocka_unit_test(test_another_architecture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
