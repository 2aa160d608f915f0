// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_stacks_live.c - where words are first waited on, as the probes tell it, against what
 * the waiting processes themselves say: what lies on their stacks and in their registers,
 * how often they waited, and on what.
 */
#include "tests/root/kept_mappings.h"

#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/root/live.h"
#include "user/features.h"
#include "user/found.h"
#include "user/host.h"
#include "user/session.h"

#define MARKS 8
#define MORE_WAITS 10000
#define FIXED_WORD ((void *)0x200000000000)
#define NR_FUTEX_WAITV 449 /* the same on every architecture */

#define WORDS 16

/* What a waiting process tells of itself. */
struct told {
	/* Of its first wait on each word: */
	uint64_t marks_at[WORDS];	/* where MARKS values lie on its stack */
	uint64_t returns_to[WORDS];	/* into the test, from the function that waits */
	uint64_t other_word;
	pid_t tids[2];
	int done;
};

static struct told *told;	/* shared with the children */
static unsigned words[WORDS] __attribute__((aligned(64)));

static uint64_t mark(size_t i)
{
	return 0x5ca1ab1e00000000u + 0x1001 * i;
}

/* --- in the child ---------------------------------------------------------------------- */

/* Blocks, since the word is what it is expected to be, until the time is over. */
static __attribute__((noinline)) void wait_on(unsigned *word, long ns)
{
	const struct timespec timeout = { .tv_nsec = ns };
	volatile uint64_t marks[MARKS];

	for (size_t i = 0; i < MARKS; i++)
		marks[i] = mark(i);
	if (word >= words && word < words + WORDS && !told->marks_at[word - words]) {
		told->marks_at[word - words] = (uintptr_t)marks;
		told->returns_to[word - words] = (uintptr_t)__builtin_return_address(0);
	}
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, *word, ns ? &timeout : NULL, NULL, 0);
	/* They live until here. */
	__asm__ volatile("" ::"r"(marks) : "memory");
}

static void wait_often(void)
{
	wait_on(&words[0], 1000000);
	wait_on(&words[1], 1000000);
	for (int i = 0; i < MORE_WAITS; i++)
		wait_on(&words[i & 1], 20000);
}

static void pin_to_one_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* --- in the test ----------------------------------------------------------------------- */

struct collected {
	struct convoy_ev_stack stacks[64];
	size_t n_stacks;
	struct convoy_ev_wait waits[64];	/* for futexes, the first of them */
	size_t n_waits, n_futex_waits;
};

static int collect(void *ctx, const struct convoy_ev_hdr *ev)
{
	struct collected *collected = ctx;

	if (ev->type == CONVOY_EV_STACK) {
		assert_true(collected->n_stacks < 64);
		memcpy(&collected->stacks[collected->n_stacks++], ev, sizeof(collected->stacks[0]));
	} else if (ev->type == CONVOY_EV_WAIT && (ev->flags & CONVOY_F_FUTEX)) {
		if (collected->n_waits < 64)
			memcpy(&collected->waits[collected->n_waits++], ev,
			       sizeof(collected->waits[0]));
		collected->n_futex_waits++;
	}
	return 0;
}

static const struct convoy_ev_stack *stack_of(const struct collected *collected, pid_t pid,
					      const void *word)
{
	const struct convoy_ev_stack *found = NULL;

	for (size_t i = 0; i < collected->n_stacks; i++) {
		const struct convoy_ev_stack *stack = &collected->stacks[i];

		if (stack->pid != (uint32_t)pid || stack->word != (uintptr_t)word)
			continue;
		assert_null(found); /* once */
		found = stack;
	}
	return found;
}

static const struct convoy_ev_wait *wait_for(const struct collected *collected, const void *word)
{
	for (size_t i = 0; i < collected->n_waits; i++)
		if (collected->waits[i].word == (uintptr_t)word)
			return &collected->waits[i];
	return NULL;
}

static struct session *new_session(size_t ring_bytes, pid_t attach_to)
{
	struct session_options options = { .futex = FUTEX_BLOCKING, .ring_bytes = ring_bytes };
	struct session *session;

	if (features__require(&options.features)) {
		print_message("cannot trace here\n");
		skip();
	}
	if (!host__in_initial_pid_namespace()) {
		print_message("PIDs here are not the probes'\n");
		skip();
	}
	if (attach_to) {
		options.tasks = true;
		options.targets.kind = CONVOY_TARGETS_PIDS;
		options.targets.wanted[0] = (uint32_t)attach_to;
		options.targets.n_wanted = 1;
	}
	assert_int_equal(session__new(&session, &options), 0);
	return session;
}

static pid_t start(struct session *session, void (*body)(void))
{
	pid_t pid;

	assert_int_equal(session__arm(session), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_TIMERSLACK, 1);
		body();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(session__disarm(session), 0);
	return pid;
}

static void await(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

struct text {
	uint64_t pc;
	bool in_libc, in_program;
};

static int look_for_pc(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct text *text = ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
		    text->pc - info->dlpi_addr - segment->p_vaddr < segment->p_memsz) {
			text->in_libc = strstr(info->dlpi_name, "/libc.so");
			text->in_program = !*info->dlpi_name;
		}
	}
	return 0;
}

/* Children are forked, so code lies where it lies here. */
static struct text text_at(uint64_t pc)
{
	struct text text = { .pc = pc };

	dl_iterate_phdr(look_for_pc, &text);
	return text;
}

static void check_bytes(const struct convoy_ev_stack *stack)
{
	size_t word = (stack->word - (uintptr_t)words) / sizeof(*words);
	uint64_t at = told->marks_at[word] - stack->sp, value;
	bool returns = false;

	assert_true(at < stack->size && stack->size - at >= MARKS * sizeof(value));
	for (size_t i = 0; i < MARKS; i++) {
		memcpy(&value, stack->bytes + at + i * sizeof(value), sizeof(value));
		assert_int_equal(value, mark(i));
	}
	for (size_t i = 0; i + sizeof(value) <= stack->size; i += sizeof(value)) {
		memcpy(&value, stack->bytes + i, sizeof(value));
		returns |= value == told->returns_to[word];
	}
	assert_true(returns);
}

static void check_stack(const struct convoy_ev_stack *stack)
{
	assert_non_null(stack);
	assert_int_equal(stack->op, FUTEX_WAIT_PRIVATE);
	assert_true(text_at(stack->pc).in_libc);
	check_bytes(stack);
}

static void test_once_a_word_and_process(void **state)
{
	struct session *session = new_session(0, 0);
	struct collected collected = { 0 };

	(void)state;
	/* One after the other, so that what is told is of the process that is looked at. */
	for (int i = 0; i < 2; i++) {
		pid_t pid;

		memset(told, 0, sizeof(*told));
		pid = start(session, wait_often);
		await(pid);
		assert_int_equal(session__drain(session, UINT64_MAX, collect, &collected, NULL), 0);
		check_stack(stack_of(&collected, pid, &words[0]));
		check_stack(stack_of(&collected, pid, &words[1]));
		assert_int_equal(collected.n_stacks, 2 * (i + 1));
		/* They did block: not every one of them, for a timeout can be over at once. */
		assert_true(collected.n_futex_waits > (size_t)(i + 1) * MORE_WAITS / 2);
	}
	assert_int_equal(session__ring_dropped(session), 0);
	assert_int_equal(session__counters(session).stacks, 0);
	session__free(session);
}

#if defined(__x86_64__)
static void wait_with_known_registers(void)
{
	const struct timespec timeout = { .tv_nsec = 1000000 };
	register const void *r10 __asm__("r10") = &timeout;
	long nr = SYS_futex;

	__asm__ volatile("sub $128, %%rsp\n\t" /* the red zone */
			 "push %%rbp\n\t"
			 "mov $0x1000001, %%rbx\n\t"
			 "mov $0x1000002, %%rbp\n\t"
			 "mov $0x1000003, %%r12\n\t"
			 "mov $0x1000004, %%r13\n\t"
			 "mov $0x1000005, %%r14\n\t"
			 "mov $0x1000006, %%r15\n\t"
			 "syscall\n\t"
			 "pop %%rbp\n\t"
			 "add $128, %%rsp"
			 : "+a"(nr)
			 : "D"(&words[2]), "S"((long)FUTEX_WAIT_PRIVATE), "d"(0L), "r"(r10)
			 : "rbx", "r12", "r13", "r14", "r15", "rcx", "r11", "memory", "cc");
}

static void test_registers(void **state)
{
	struct session *session = new_session(0, 0);
	struct collected collected = { 0 };
	const struct convoy_ev_stack *stack;
	pid_t pid = start(session, wait_with_known_registers);

	(void)state;
	await(pid);
	assert_int_equal(session__drain(session, UINT64_MAX, collect, &collected, NULL), 0);
	stack = stack_of(&collected, pid, &words[2]);
	assert_non_null(stack);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(stack->saved[i], 0x1000001 + i);
	for (size_t i = 6; i < CONVOY_STACK_SAVED; i++)
		assert_int_equal(stack->saved[i], 0);
	assert_true(text_at(stack->pc).in_program);
	session__free(session);
}
#endif

static void wait_on_fixed_word(void)
{
	unsigned *word = mmap(FIXED_WORD, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (word != FIXED_WORD)
		_exit(1);
	wait_on(word, 1000000);
}

static void wait_and_exec(void)
{
	wait_on_fixed_word();
	execl("/proc/self/exe", "test_stacks_live", "wait", NULL);
	_exit(1);
}

/* The same address in the same process, and yet another word. */
static void test_another_program_has_other_words(void **state)
{
	struct session *session = new_session(0, 0);
	struct collected collected = { 0 };
	pid_t pid = start(session, wait_and_exec);
	size_t n = 0;

	(void)state;
	await(pid);
	assert_int_equal(session__drain(session, UINT64_MAX, collect, &collected, NULL), 0);
	for (size_t i = 0; i < collected.n_stacks; i++)
		n += collected.stacks[i].pid == (uint32_t)pid &&
		     collected.stacks[i].word == (uintptr_t)FIXED_WORD;
	assert_int_equal(n, 2);
	session__free(session);
}

static int to_child[2], to_test[2];

/* Waits on all words at once, and once more on each when it is told to. */
static void wait_on_each(void)
{
	char byte = 0;

	pin_to_one_cpu();
	for (size_t i = 0; i < WORDS; i++)
		wait_on(&words[i], 100000);
	for (size_t i = 0; i < WORDS; i++) {
		if (write(to_test[1], &byte, 1) != 1 || read(to_child[0], &byte, 1) != 1)
			_exit(1);
		wait_on(&words[i], 100000);
	}
	if (write(to_test[1], &byte, 1) != 1)
		_exit(1);
}

/* A stack is not worth an event, and comes when there is room again. */
static void test_no_room(void **state)
{
	struct session *session = new_session(SESSION_RING_MIN, 0);
	struct collected collected = { 0 };
	char byte = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(to_child), 0);
	assert_int_equal(pipe(to_test), 0);
	pid = start(session, wait_on_each);
	for (size_t i = 0; i <= WORDS; i++) {
		assert_int_equal(read(to_test[0], &byte, 1), 1);
		if (!i) {
			assert_true(session__counters(session).stacks > 8);
			assert_int_equal(session__ring_dropped(session), 0);
		}
		assert_int_equal(session__drain(session, UINT64_MAX, collect, &collected, NULL), 0);
		if (i < WORDS)
			assert_int_equal(write(to_child[1], &byte, 1), 1);
	}
	await(pid);
	for (size_t i = 0; i < WORDS; i++)
		assert_non_null(stack_of(&collected, pid, &words[i]));
	assert_int_equal(session__ring_dropped(session), 0);
	session__free(session);
}

/* --- which word, and whose ------------------------------------------------------------- */

struct waitv_one {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

static void wait_on_several(void)
{
	const struct waitv_one ones[] = {
		{ .uaddr = (uintptr_t)&words[5], .flags = 2 | 128 },
		{ .uaddr = (uintptr_t)&words[6], .flags = 2 },
	};
	struct timespec timeout;

	clock_gettime(CLOCK_MONOTONIC, &timeout);
	timeout.tv_nsec += 20000000;
	if (timeout.tv_nsec >= 1000000000) {
		timeout.tv_sec++;
		timeout.tv_nsec -= 1000000000;
	}
	if (syscall(NR_FUTEX_WAITV, ones, 2, 0, &timeout, CLOCK_MONOTONIC) == -1 && errno == ENOSYS)
		told->done = -1;
}

static void test_futex_waitv(void **state)
{
	struct session *session = new_session(0, 0);
	struct collected collected = { 0 };
	const struct convoy_ev_wait *wait;
	pid_t pid = start(session, wait_on_several);

	(void)state;
	await(pid);
	assert_int_equal(session__drain(session, UINT64_MAX, collect, &collected, NULL), 0);
	if (told->done) {
		session__free(session);
		print_message("no futex_waitv here\n");
		skip();
	}
	wait = wait_for(&collected, &words[5]);
	assert_non_null(wait);
	assert_int_equal(wait->nr, NR_FUTEX_WAITV);
	assert_int_equal(wait->op, FUTEX_WAIT_PRIVATE);
	assert_int_equal(wait->val, 0);
	assert_non_null(stack_of(&collected, pid, &words[5]));
	assert_int_equal(session__counters(session).reads, 0);
	session__free(session);
}

static pthread_mutex_t robust;

static void *lock_robust(void *arg)
{
	__atomic_store_n(&told->tids[1], (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	pthread_mutex_lock(&robust);
	pthread_mutex_unlock(&robust);
	return arg;
}

static void hold_robust(void)
{
	/* musl's internal locks: locked, and three who want it. */
	static unsigned counter[4] = { 0x80000003u };
	struct live_thread thread = { .word = &robust };
	const struct timespec look = { .tv_nsec = LIVE_LOOK_NS };
	pthread_mutexattr_t attr;
	pthread_t waiter;

	wait_on(counter, 1000000);
	told->other_word = (uintptr_t)counter;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_mutex_lock(&robust);
	told->tids[0] = (pid_t)syscall(SYS_gettid);
	if (pthread_create(&waiter, NULL, lock_robust, NULL))
		_exit(1);
	while (!(thread.tid = __atomic_load_n(&told->tids[1], __ATOMIC_ACQUIRE)))
		nanosleep(&look, NULL);
	if (!live__wait_until_blocked(&thread, 1))
		_exit(1);
	pthread_mutex_unlock(&robust);
	pthread_join(waiter, NULL);
}

static void test_holder_of_a_robust_mutex(void **state)
{
	struct session *session = new_session(0, 0);
	struct collected collected = { 0 };
	const struct convoy_ev_wait *wait;
	pid_t pid = start(session, hold_robust);

	(void)state;
	await(pid);
	assert_int_equal(session__drain(session, UINT64_MAX, collect, &collected, NULL), 0);
	wait = wait_for(&collected, &robust);
	assert_non_null(wait);
	assert_true(wait->hdr.flags & CONVOY_F_HOLDER);
	assert_int_equal(wait->holder, told->tids[0]);
	wait = wait_for(&collected, (void *)(uintptr_t)told->other_word);
	assert_non_null(wait);
	assert_int_equal(wait->val, 0x80000003u);
	assert_false(wait->hdr.flags & CONVOY_F_HOLDER);
	session__free(session);
}

/* --- threads that wait already --------------------------------------------------------- */

static void *wait_here(void *arg)
{
	pid_t *tid = arg;

	__atomic_store_n(tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	wait_on(&words[7], 0);
	return NULL;
}

/* A process of somebody else's with two threads that wait for one word. */
static pid_t start_waiters(void)
{
	const struct timespec look = { .tv_nsec = LIVE_LOOK_NS };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct live_thread threads[2] = { { .word = &words[7] }, { .word = &words[7] } };
		pthread_t other;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setgid(65534) || setuid(65534) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
			_exit(1);
		for (size_t i = 0; i < 2; i++) {
			if (pthread_create(&other, NULL, wait_here, &told->tids[i]))
				_exit(1);
			while (!(threads[i].tid =
					 __atomic_load_n(&told->tids[i], __ATOMIC_ACQUIRE)))
				nanosleep(&look, NULL);
			if (!i && !live__wait_until_blocked(threads, 1))
				_exit(1);
		}
		if (!live__wait_until_blocked(threads, 2))
			_exit(1);
		for (;;)
			pause();
	}
	return pid;
}

/* As the recorder does it, with what it keeps of root's powers. */
static void check_found(struct session *session, pid_t pid)
{
	struct found found = { 0 };

	assert_int_equal(keep_only_ptrace(), 0);
	assert_int_equal(found__find(&found, session, SESSION_FINDS), 0);
	assert_int_equal(found.n_threads, 3);
	assert_int_equal(found.n_stacks, 1);
	assert_int_equal(found.stacks[0].pid, pid);
	assert_int_equal(found.stacks[0].word, (uintptr_t)&words[7]);
	check_stack(&found.stacks[0]);
	for (size_t at = 0; at < found.size;) {
		const struct convoy_ev_hdr *ev = (const void *)(found.events + at);

		assert_int_equal(ev->type, CONVOY_EV_SEEN); /* what is recorded */
		at += sizeof(struct convoy_ev_seen);
	}
	found__free(&found);
}

static void test_threads_that_wait_already(void **state)
{
	const struct timespec look = { .tv_nsec = LIVE_LOOK_NS };
	struct session *session;
	pid_t pid, checker;

	(void)state;
	require_root();
	pid = start_waiters();
	/* Until both do. */
	for (unsigned i = 0; i < LIVE_LOOKS; i++) {
		char path[64], text[512] = "";
		unsigned blocked = 0;

		for (size_t t = 0; t < 2; t++) {
			FILE *file;

			snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid,
				 (int)__atomic_load_n(&told->tids[t], __ATOMIC_ACQUIRE));
			file = fopen(path, "re");
			if (file && fgets(text, sizeof(text), file))
				blocked += strtol(text, NULL, 10) == SYS_futex;
			if (file)
				fclose(file);
		}
		if (blocked == 2)
			break;
		nanosleep(&look, NULL);
	}
	session = new_session(0, pid);
	checker = fork();
	assert_true(checker >= 0);
	if (!checker) {
		check_found(session, pid);
		_exit(0);
	}
	await(checker);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	session__free(session);
}

static int set_up(void **state)
{
	(void)state;
	memset(told, 0, sizeof(*told));
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_once_a_word_and_process, set_up),
#if defined(__x86_64__)
		cmocka_unit_test_setup(test_registers, set_up),
#endif
		cmocka_unit_test_setup(test_another_program_has_other_words, set_up),
		cmocka_unit_test_setup(test_no_room, set_up),
		cmocka_unit_test_setup(test_futex_waitv, set_up),
		cmocka_unit_test_setup(test_holder_of_a_robust_mutex, set_up),
		cmocka_unit_test_setup(test_threads_that_wait_already, set_up),
	};

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return 1;
	if (argc == 2 && !strcmp(argv[1], "wait")) {
		wait_on_fixed_word();
		return 0;
	}
	return cmocka_run_group_tests_name("stacks_live", tests, NULL, NULL);
}
