// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/names_fixture.h"
#include "user/host.h"

/* --- as the probes see them ----------------------------------------------------------- */

void stop(struct waiter *waiter)
{
	kill(waiter->pid, SIGKILL);
	while (waitpid(waiter->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

/* Whether it sleeps in futex(2), on which word with which operation. */
static bool is_waiting(pid_t pid, uint64_t *word, unsigned long *op)
{
	char path[64], text[256];
	unsigned long nr, at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%lu %lx %lx", &nr, &at, op) != 3 || nr != SYS_futex)
		return false;
	*word = at;
	return true;
}

/* It stands still from here to the end of the test. */
static bool read_stack(struct waiter *waiter)
{
#if defined(__x86_64__)
	struct convoy_ev_stack *stack = &waiter->stack;
	struct user_regs_struct regs;
	char path[64];
	ssize_t n;
	int fd;

	stack->hdr.time_ns = monotonic_ns();
	if (ptrace(PTRACE_SEIZE, waiter->pid, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, waiter->pid, NULL, NULL) ||
	    waitpid(waiter->pid, NULL, __WALL) < 0 ||
	    ptrace(PTRACE_GETREGS, waiter->pid, NULL, &regs))
		return false;
	stack->hdr.type = CONVOY_EV_STACK;
	stack->pid = (uint32_t)waiter->pid;
	stack->word = regs.rdi;
	stack->op = (uint32_t)regs.rsi;
	stack->val = (uint32_t)regs.rdx;
	stack->pc = regs.rip;
	stack->sp = regs.rsp;
	memcpy(stack->saved,
	       (uint64_t[]){ regs.rbx, regs.rbp, regs.r12, regs.r13, regs.r14, regs.r15 },
	       6 * sizeof(uint64_t));
	snprintf(path, sizeof(path), "/proc/%d/mem", waiter->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, stack->bytes, sizeof(stack->bytes), (off_t)regs.rsp);
	if (fd >= 0)
		close(fd);
	stack->size = n > 0 ? (uint32_t)n : 0;
	return n > 0;
#else
	(void)waiter;
	return false;
#endif
}

struct waiter start(void (*wait)(void *), void *arg, const void *word)
{
	struct waiter waiter = { 0 };
	uint64_t at = 0;
	unsigned long op;

	waiter.pid = fork();
	assert_true(waiter.pid >= 0);
	if (!waiter.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait(arg);
		_exit(1);
	}
	for (int i = 0; i < 20000 && (!is_waiting(waiter.pid, &at, &op) ||
				      (word && at != (uint64_t)(uintptr_t)word));
	     i++)
		usleep(1000);
	if (!read_stack(&waiter)) {
		stop(&waiter);
		print_message("a child's registers and memory cannot be read here\n");
		skip();
	}
	return waiter;
}

/* --- what is said of them ------------------------------------------------------------- */

static int collect(void *ctx, json_t *document)
{
	return json_array_append(ctx, document);
}

json_t *documents_of(struct names *names)
{
	json_t *documents = json_array();
	const struct recording_handler handler = { .document = collect, .ctx = documents };
	struct recording_writer *writer;
	struct recording_status status;
	int fd = memfd_create("recording", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(recording_writer__new(&writer, fd, RECORDING_RAW), 0);
	assert_int_equal(names__write(names, writer, 0), 0);
	assert_int_equal(recording_writer__finish(writer), 0);
	recording_writer__free(writer);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(recording__read(fd, &handler, &status), 0);
	assert_true(status.complete);
	close(fd);
	return documents;
}

json_t *entries_of(json_t *documents, size_t n)
{
	json_t *words = json_array_get(documents, json_array_size(documents) - 1);

	assert_true(json_array_size(documents) > 0);
	assert_string_equal(json_string_value(json_object_get(words, "type")), "words");
	assert_int_equal(json_array_size(json_object_get(words, "entries")), n);
	return json_object_get(words, "entries");
}

const char *text_of(const json_t *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text ? text : "";
}

uint64_t number_of(const json_t *entry, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(entry, key));
}

void assert_begins(const char *text, const char *begin)
{
	if (strncmp(text, begin, strlen(begin)))
		fail_msg("'%s' does not begin with '%s'", text, begin);
}
