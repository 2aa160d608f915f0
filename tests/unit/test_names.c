/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_names.c - names for the words on which children of this test wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/names_fixture.h"
#include "user/map_proc.h"
#include "user/names.h"

#if defined(__SANITIZE_ADDRESS__)
#define OWN_HEAP 0 /* malloc() is not the C library's */
#else
#define OWN_HEAP 1
#endif

static pthread_mutex_t the_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t the_cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t the_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t the_semaphore;
static struct {
	uint32_t before[3], word;
} the_words;

/* --- what children wait for ----------------------------------------------------------- */

__attribute__((noinline)) static void block_on_mutex(pthread_mutex_t *mutex)
{
	pthread_mutex_lock(mutex);
	pthread_mutex_lock(mutex);
	_exit(1);
}

static void on_mutex(void *arg)
{
	(void)arg;
	block_on_mutex(&the_mutex);
}

static void on_heap_mutex(void *arg)
{
	pthread_mutex_t *mutex = malloc(sizeof(*mutex));

	(void)arg;
	pthread_mutex_init(mutex, NULL);
	block_on_mutex(mutex);
}

static void on_cond(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&the_mutex);
	pthread_cond_wait(&the_cond, &the_mutex);
	_exit(1);
}

static void *signal_and_keep(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&the_mutex);
	pthread_cond_signal(&the_cond);
	for (;;)
		pause();
	return NULL;
}

/* Woken by a signal, it waits for the mutex. */
static void on_mutex_of_cond(void *arg)
{
	pthread_t thread;

	pthread_mutex_lock(&the_mutex);
	pthread_create(&thread, NULL, signal_and_keep, arg);
	pthread_cond_wait(&the_cond, &the_mutex);
	_exit(1);
}

static void on_semaphore(void *arg)
{
	(void)arg;
	sem_init(&the_semaphore, 0, 0);
	sem_wait(&the_semaphore);
	_exit(1);
}

static void on_rwlock(void *arg)
{
	(void)arg;
	pthread_rwlock_rdlock(&the_rwlock);
	pthread_rwlock_wrlock(&the_rwlock);
	_exit(1);
}

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void on_join(void *arg)
{
	pthread_t thread;

	pthread_create(&thread, NULL, sleep_on, arg);
	pthread_join(thread, NULL);
	_exit(1);
}

static void on_own_word(void *arg)
{
	(void)arg;
	syscall(SYS_futex, &the_words.word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	_exit(1);
}

#define SHARED_OFFSET 128

/* A mutex that both have, at different addresses. */
static void on_shared(void *arg)
{
	int fd = *(int *)arg;
	char *hint = (char *)((uintptr_t)0x510000000000u + (uintptr_t)getpid() * 65536);
	char *memory = mmap(hint, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);

	if (memory == MAP_FAILED)
		_exit(1);
	pthread_mutex_lock((pthread_mutex_t *)(void *)(memory + SHARED_OFFSET));
	_exit(1);
}

/* --- what is said of them ------------------------------------------------------------- */

/* The one word of one waiter. */
static json_t *name_one(struct waiter *waiter, json_t **documents)
{
	struct names *names;

	assert_int_equal(names__new(&names, true, NULL), 0);
	assert_int_equal(names__stack(names, &waiter->stack), 0);
	*documents = documents_of(names);
	assert_int_equal(names__dropped(names), 0);
	names__free(names);
	return json_array_get(entries_of(*documents, 1), 0);
}

static void assert_kind(const json_t *entry, const char *kind, const char *site, bool foreign)
{
#ifdef HAVE_LIBDW
	assert_string_equal(text_of(entry, "kind"), kind);
	assert_begins(text_of(entry, "site"), site);
	assert_int_equal(json_is_true(json_object_get(entry, "foreign")), foreign);
#else
	(void)entry, (void)kind, (void)site, (void)foreign;
#endif
}

static void test_static_objects(void **state)
{
	static const struct {
		void (*wait)(void *);
		const void *object;
		size_t size;
		const char *name, *kind, *site;
		bool whole;	/* two words: told without its kind, it is only one of them */
	} rows[] = {
		{ on_mutex, &the_mutex, sizeof(the_mutex), "the_mutex", "mutex", "block_on_mutex",
		  false },
		{ on_cond, &the_cond, sizeof(the_cond), "the_cond", "cond", "on_cond", true },
		{ on_semaphore, &the_semaphore, sizeof(the_semaphore), "the_semaphore", "semaphore",
		  "on_semaphore", false },
		{ on_rwlock, &the_rwlock, sizeof(the_rwlock), "the_rwlock", "rwlock", "on_rwlock",
		  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct waiter waiter = start(rows[i].wait, NULL, NULL);
		json_t *documents, *entry = name_one(&waiter, &documents);

		stop(&waiter);
		assert_begins(text_of(entry, "name"), rows[i].name);
		assert_string_equal(text_of(entry, "object"), "");
		assert_string_equal(text_of(entry, "role"), "acquire");
		assert_int_equal(number_of(entry, "pid"), waiter.pid);
		assert_kind(entry, rows[i].kind, rows[i].site, false);
#ifdef HAVE_LIBDW
		assert_string_equal(text_of(entry, "name"), rows[i].name);
		assert_int_equal(number_of(entry, "address"), (uintptr_t)rows[i].object);
		assert_int_equal(number_of(entry, "size"), rows[i].size);
#endif
		json_decref(documents);
	}
}

static void test_woken_waits_for_the_mutex(void **state)
{
	struct waiter waiter = start(on_mutex_of_cond, NULL, &the_mutex);
	json_t *documents, *entry = name_one(&waiter, &documents);

	(void)state;
	stop(&waiter);
	assert_string_equal(text_of(entry, "name"), "the_mutex");
	assert_kind(entry, "mutex", "on_mutex_of_cond", false);
	json_decref(documents);
}

static void test_heap(void **state)
{
	struct waiter waiter = start(on_heap_mutex, NULL, NULL);
	json_t *documents, *entry = name_one(&waiter, &documents);

	(void)state;
	stop(&waiter);
	if (OWN_HEAP)
		assert_begins(text_of(entry, "name"), "[heap]+0x");
	assert_string_equal(text_of(entry, "object"), "");
	assert_int_equal(number_of(entry, "size"), 4);
	assert_kind(entry, "mutex", "block_on_mutex", false);
	json_decref(documents);
}

static void test_join(void **state)
{
	struct waiter waiter = start(on_join, NULL, NULL);
	json_t *documents, *entry = name_one(&waiter, &documents);

	(void)state;
	stop(&waiter);
#ifdef HAVE_LIBDW
	assert_string_equal(text_of(entry, "kind"), "join");
#endif
	assert_begins(text_of(entry, "name"), "anonymous memory");
	json_decref(documents);
}

/* A futex of the program's own: nothing is known of it but where. */
static void test_own_word(void **state)
{
	struct waiter waiter = start(on_own_word, NULL, &the_words.word);
	json_t *documents, *entry = name_one(&waiter, &documents);

	(void)state;
	stop(&waiter);
	assert_string_equal(text_of(entry, "name"), "the_words+0xc");
	assert_int_equal(number_of(entry, "address"), (uintptr_t)&the_words.word);
	assert_kind(entry, "unknown", "on_own_word", true);
	json_decref(documents);
}

static void test_shared(void **state)
{
	int fd = memfd_create("shared-locks", MFD_CLOEXEC);
	struct waiter waiters[2];
	pthread_mutexattr_t attributes;
	pthread_mutex_t *mutex;
	struct names *names;
	json_t *documents, *entries;
	char *memory;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 16384), 0);
	memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	assert_true(memory != MAP_FAILED);
	mutex = (pthread_mutex_t *)(void *)(memory + SHARED_OFFSET);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attributes);
	pthread_mutex_lock(mutex);

	for (size_t i = 0; i < 2; i++)
		waiters[i] = start(on_shared, &fd, NULL);
	assert_int_equal(names__new(&names, true, NULL), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(names__stack(names, &waiters[i].stack), 0);
	documents = documents_of(names);
	names__free(names);
	for (size_t i = 0; i < 2; i++)
		stop(&waiters[i]);
	munmap(memory, 8192);
	close(fd);

	entries = entries_of(documents, 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *entry = json_array_get(entries, i);

		assert_string_equal(text_of(entry, "name"), "memfd:shared-locks+0x1080");
		assert_begins(text_of(entry, "object"), "shared:");
		assert_non_null(strstr(text_of(entry, "object"), ":0x1080"));
		assert_int_equal(number_of(entry, "pid"), waiters[i].pid);
		assert_int_equal(number_of(entry, "address"), waiters[i].stack.word);
	}
	assert_int_not_equal(number_of(json_array_get(entries, 0), "address"),
			     number_of(json_array_get(entries, 1), "address"));
	assert_string_equal(text_of(json_array_get(entries, 0), "object"),
			    text_of(json_array_get(entries, 1), "object"));
	json_decref(documents);
}

/* A private operation there is this process's alone. */
static void test_private_in_shared(void **state)
{
	int fd = memfd_create("shared-locks", MFD_CLOEXEC);
	struct waiter waiter;
	json_t *documents, *entry;
	pthread_mutex_t locked = PTHREAD_MUTEX_INITIALIZER;

	(void)state;
	assert_true(fd >= 0);
	pthread_mutex_lock(&locked);
	assert_int_equal(ftruncate(fd, 16384), 0);
	assert_int_equal(pwrite(fd, &locked, sizeof(locked), 4096 + SHARED_OFFSET), sizeof(locked));
	waiter = start(on_shared, &fd, NULL);
	entry = name_one(&waiter, &documents);
	stop(&waiter);
	close(fd);
	assert_string_equal(text_of(entry, "name"), "memfd:shared-locks+0x1080");
	assert_string_equal(text_of(entry, "object"), "");
	json_decref(documents);
}

/* --- what makes no sense, or is gone -------------------------------------------------- */

static void test_nothing_known(void **state)
{
	struct convoy_ev_stack stack = { .hdr.time_ns = 1, .pid = 0x7ffffff0, .word = 4096 };
	struct names *names;
	json_t *documents;

	(void)state;
	assert_int_equal(names__new(&names, true, NULL), 0);
	assert_int_equal(names__stack(names, &stack), 0); /* gone; no stack */
	stack.pid = (uint32_t)getpid();
	stack.pc = 8192; /* nowhere */
	assert_int_equal(names__stack(names, &stack), 0);
	stack.pc = (uint64_t)(uintptr_t)test_nothing_known;
	stack.size = UINT32_MAX;
	stack.sp = UINT64_MAX - 7;
	memset(stack.saved, 0xff, sizeof(stack.saved));
	memset(stack.bytes, 0xff, sizeof(stack.bytes));
	assert_int_equal(names__stack(names, &stack), 0);
	stack.word = UINT64_MAX;
	assert_int_equal(names__stack(names, &stack), 0);
	documents = documents_of(names);
	json_decref(documents);
	/* There is nothing left. */
	documents = documents_of(names);
	assert_int_equal(json_array_size(documents), 0);
	json_decref(documents);
	/* Those that nobody asks for any more. */
	assert_int_equal(names__stack(names, &stack), 0);
	names__forget(names, stack.pid);
	names__forget(names, stack.pid);
	names__forget(names, 12345);
	names__free(names);
	names__free(NULL);
}

static void test_random_stacks(void **state)
{
	struct convoy_ev_stack stack;
	struct names *names;
	uint64_t seed = 42;

	(void)state;
	assert_int_equal(names__new(&names, true, NULL), 0);
	for (int i = 0; i < 300; i++) {
		uint64_t *words = (uint64_t *)(void *)&stack;

		for (size_t j = 0; j < sizeof(stack) / sizeof(*words); j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			words[j] = seed >> (seed & 31);
			/* Many that look like addresses here. */
			if (seed >> 62)
				words[j] = (uint64_t)(uintptr_t)test_nothing_known +
					   (seed >> 40) % 65536;
		}
		stack.pid = (uint32_t)getpid();
		if (i % 2)
			stack.pc = (uint64_t)(uintptr_t)test_random_stacks + i;
		assert_int_equal(names__stack(names, &stack), 0);
	}
	json_decref(documents_of(names));
	names__free(names);
}

/* Told of mappings only, of a process that is gone, or whose /proc is not this one's. */
static void test_told(void **state)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct waiter waiter = start(on_mutex, NULL, NULL);
	struct mapping mapping = { .kind = MAPPING_EXEC,
				   .pid = (uint32_t)waiter.pid,
				   .path = "/no/such/program" };
	struct names *names;
	json_t *documents, *entry;

	(void)state;
	stop(&waiter);
	assert_true(n > 0);
	path[n] = '\0';
	assert_int_equal(names__new(&names, true, NULL), 0);
	assert_int_equal(names__mapping(names, &mapping), 0);
	/* Neither a file that is not there, nor another one at its path. */
	mapping.kind = MAPPING_FILE;
	mapping.start = waiter.stack.pc & ~4095ull;
	mapping.length = 8192;
	mapping.inode = 1;
	mapping.executable = true;
	assert_int_equal(names__mapping(names, &mapping), 0);
	mapping.start = (uint64_t)(uintptr_t)&the_mutex & ~4095ull;
	mapping.length = 4096;
	mapping.path = path;
	assert_int_equal(names__mapping(names, &mapping), 0);
	mapping.inode = 0;
	mapping.build_id_size = 20;
	mapping.start += 4096;
	assert_int_equal(names__mapping(names, &mapping), 0);
	assert_int_equal(names__stack(names, &waiter.stack), 0);
	/* The number is another's now: of the stack before, nothing changes. */
	mapping.kind = MAPPING_EXEC;
	mapping.time_ns = waiter.stack.hdr.time_ns + 1;
	assert_int_equal(names__mapping(names, &mapping), 0);
	documents = documents_of(names);
	entry = json_array_get(entries_of(documents, 1), 0);
	assert_begins(text_of(entry, "site"), "program+0x");
	assert_begins(text_of(entry, "name"), "test_names+0x");
	assert_string_equal(text_of(entry, "kind"), "unknown");
	assert_false(json_is_true(json_object_get(entry, "foreign")));
	json_decref(documents);
	names__free(names);
}

static int tell_code(void *ctx, const struct mapping *mapping)
{
	return mapping->kind == MAPPING_EXEC || mapping->executable ? names__mapping(ctx, mapping) :
								      0;
}

/* It is gone, but its code was told of, and the files are still there. */
static void test_gone(void **state)
{
	struct waiter waiter = start(on_mutex, NULL, NULL);
	struct map_proc *map_proc;
	struct names *names;
	json_t *documents, *entry;

	(void)state;
	assert_int_equal(names__new(&names, true, NULL), 0);
	assert_int_equal(map_proc__new(&map_proc), 0);
	/* Mappings older than a stack can be told of after it. */
	assert_int_equal(names__stack(names, &waiter.stack), 0);
	assert_int_equal(map_proc__read(map_proc, waiter.pid, (uint32_t)waiter.pid,
					waiter.stack.hdr.time_ns - 1000, tell_code, names),
			 0);
	map_proc__free(map_proc);
	stop(&waiter);
	names__forget(names, (uint32_t)waiter.pid);
	documents = documents_of(names);
	entry = json_array_get(entries_of(documents, 1), 0);
	assert_begins(text_of(entry, "name"), "the_mutex");
	assert_kind(entry, "mutex", "block_on_mutex", false);
	json_decref(documents);
	names__free(names);
}

/* What the process has mapped as code is told of it, as of that time. */
static void tell_code_of(struct names *names, pid_t pid, uint64_t time_ns)
{
	struct map_proc *map_proc;

	assert_int_equal(map_proc__new(&map_proc), 0);
	assert_int_equal(map_proc__read(map_proc, pid, (uint32_t)pid, time_ns, tell_code, names),
			 0);
	map_proc__free(map_proc);
}

/* Forked, seen to wait, and gone before anybody asked; the last of three that did nothing else. */
static void test_inherited(void **state)
{
	struct waiter waiter = start(on_mutex, NULL, NULL);
	const uint32_t self = (uint32_t)getpid(), pid = (uint32_t)waiter.pid;
	uint64_t now = waiter.stack.hdr.time_ns;
	struct mapping other = {
		.kind = MAPPING_EXEC, .pid = self, .time_ns = now, .path = "/no/such/program"
	};
	struct names *names;
	json_t *documents, *entry;

	(void)state;
	stop(&waiter);
	assert_int_equal(names__new(&names, false, NULL), 0);
	/* Births are told of before older mappings, and not in their order. */
	assert_int_equal(names__born(names, 0x7ffffff0, self, now - 3000), 0);
	assert_int_equal(names__born(names, pid, 0x7ffffff1, now - 1000), 0);
	assert_int_equal(names__born(names, 0x7ffffff1, 0x7ffffff0, now - 2000), 0);
	assert_int_equal(names__stack(names, &waiter.stack), 0);
	tell_code_of(names, getpid(), now - 4000);
	/* What the first ones become later is not what it has. */
	assert_int_equal(names__mapping(names, &other), 0);
	other.pid = 0x7ffffff1;
	other.kind = MAPPING_FILE;
	other.start = (uint64_t)(uintptr_t)&the_mutex & ~4095ull;
	other.length = 4096;
	other.inode = 1;
	assert_int_equal(names__mapping(names, &other), 0);
	names__forget(names, 0x7ffffff1);
	names__forget(names, pid);
	documents = documents_of(names);
	entry = json_array_get(entries_of(documents, 1), 0);
	assert_begins(text_of(entry, "name"), "the_mutex");
	assert_kind(entry, "mutex", "block_on_mutex", false);
	assert_int_equal(number_of(entry, "pid"), pid);
	json_decref(documents);
	names__free(names);
}

/* Nothing is said of memory of which nothing is known. */
static void assert_nothing_of(const struct convoy_ev_stack *stack, struct names *names)
{
	json_t *documents;

	assert_int_equal(names__stack(names, stack), 0);
	documents = documents_of(names);
	assert_int_equal(json_array_size(documents), 0);
	json_decref(documents);
}

/* Mappings of one that had the number before are not its own, nor those of another's parent. */
static void test_number_of_another(void **state)
{
	struct waiter waiter = start(on_mutex, NULL, NULL);
	uint64_t now = waiter.stack.hdr.time_ns;
	struct names *names;

	(void)state;
	assert_int_equal(names__new(&names, false, NULL), 0);
	assert_int_equal(names__born(names, (uint32_t)waiter.pid, 0, now - 1000), 0);
	tell_code_of(names, waiter.pid, now - 2000);
	assert_nothing_of(&waiter.stack, names);
	tell_code_of(names, waiter.pid, now - 500);
	/* Another again, with a parent of which nothing is known. */
	assert_int_equal(names__born(names, (uint32_t)waiter.pid, 0x7ffffff0, now), 0);
	assert_nothing_of(&waiter.stack, names);
	/* Never settled. */
	assert_int_equal(names__born(names, (uint32_t)waiter.pid, 0x7ffffff0, now), 0);
	names__free(names);
	stop(&waiter);
}

static void test_too_many(void **state)
{
	struct convoy_ev_stack stack = { .hdr.time_ns = 1, .pid = 0x7ffffff0, .word = 4096 };
	struct names *names;
	struct recording_writer *writer;
	int fd = memfd_create("recording", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(names__new(&names, false, NULL), 0);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(names__stack(names, &stack), 0);
	assert_int_equal(names__dropped(names), 5000 - 4096);
	/* One at least, whatever there is time for; then there is room again. */
	assert_int_equal(recording_writer__new(&writer, fd, RECORDING_RAW), 0);
	assert_int_equal(names__write(names, writer, 1), 0);
	assert_int_equal(names__stack(names, &stack), 0);
	assert_int_equal(names__dropped(names), 5000 - 4096);
	assert_int_equal(names__write(names, writer, 0), 0);
	recording_writer__free(writer);
	names__free(names);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_objects),
		cmocka_unit_test(test_woken_waits_for_the_mutex),
		cmocka_unit_test(test_heap),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_own_word),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_private_in_shared),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_random_stacks),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_number_of_another),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
