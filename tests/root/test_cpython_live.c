/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_cpython_live.c - CPython's GIL in every interpreter that is installed, against what
 * the interpreter says of itself, the words on which its threads sleep, and who of them is
 * not asleep.
 *
 * No root is needed, only interpreters: those in PATH, and those of pyenv.
 */
#include <dirent.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "tests/root/live_view.h"

#define INTERPRETERS 24
#define MOMENTS_MAX 4000	/* looks before giving up */
#define WAITS_WANTED 60
#define HOLDERS_WANTED 25
#define LIMIT_S 60		/* an interpreter that was forgotten ends itself */

#define SPIN                                                                                       \
	"def spin():\n"                                                                            \
	"    n = 0\n"                                                                              \
	"    while True:\n"                                                                        \
	"        n = (n + 1) % 1000\n"

#define THREADS                                                                                    \
	"import signal, sys, threading\n"                                                          \
	"signal.alarm(60)\n" SPIN "for i in range(3):\n"                                           \
	"    t = threading.Thread(target=spin)\n"                                                  \
	"    t.daemon = True\n"                                                                    \
	"    t.start()\n"                                                                          \
	"sys.stdout.write('ready\\n')\n"                                                           \
	"sys.stdout.flush()\n"                                                                     \
	"sys.stdin.read()\n"

static const char threads_script[] = THREADS;

/* The same, and an interpreter in the interpreter with three threads under a GIL of its own. */
static const char interpreters_script[] =
	"import threading\n"
	"try:\n"
	"    import _interpreters as interpreters\n"
	"except ImportError:\n"
	"    import _xxsubinterpreters as interpreters\n"
	"inner = interpreters.create()\n"
	"code = '''import threading\n" SPIN "for i in range(2):\n"
	"    threading.Thread(target=spin).start()\n"
	"spin()\n"
	"'''\n"
	"t = threading.Thread(target=interpreters.run_string, args=(inner, code))\n"
	"t.daemon = True\n"
	"t.start()\n" THREADS;

struct interpreter {
	char path[PATH_MAX];
	char version[32];
	unsigned int major, minor;
	bool free_threaded;
};

static struct interpreter interpreters[INTERPRETERS];
static size_t n_interpreters;

struct child {
	pid_t pid;
	int in, out;
};

/* --- interpreters --------------------------------------------------------------------------- */

static void start(struct child *child, const char *path, const char *script)
{
	int in[2], out[2];

	assert_return_code(pipe2(in, O_CLOEXEC), errno);
	assert_return_code(pipe2(out, O_CLOEXEC), errno);
	child->pid = fork();
	assert_return_code(child->pid, errno);
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(path, path, "-c", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child->in = in[1];
	child->out = out[0];
}

static void stop(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->in);
	close(child->out);
}

static bool is_ready(const struct child *child)
{
	char text[8] = "";

	return read(child->out, text, 6) == 6 && !strcmp(text, "ready\n");
}

/* What it says of itself: version, and whether it was built without a GIL. */
static bool ask(struct interpreter *interpreter)
{
	static const char question[] = "import platform, sysconfig\n"
				       "print('%s %d' % (platform.python_version(), "
				       "bool(sysconfig.get_config_var('Py_GIL_DISABLED'))))\n";
	char answer[128];
	struct child child;
	ssize_t n, size = 0;
	int status, no_gil;

	start(&child, interpreter->path, question);
	while ((n = read(child.out, answer + size, sizeof(answer) - 1 - (size_t)size)) > 0)
		size += n;
	answer[size] = 0;
	close(child.in);
	close(child.out);
	waitpid(child.pid, &status, 0);
	if (status || sscanf(answer, "%31s %d", interpreter->version, &no_gil) != 2 ||
	    sscanf(interpreter->version, "%u.%u", &interpreter->major, &interpreter->minor) != 2)
		return false;
	interpreter->free_threaded = no_gil;
	return true;
}

static void add(const char *path)
{
	struct interpreter *interpreter = &interpreters[n_interpreters];

	if (n_interpreters == INTERPRETERS || !realpath(path, interpreter->path))
		return;
	for (size_t i = 0; i < n_interpreters; i++)
		if (!strcmp(interpreters[i].path, interpreter->path))
			return;
	if (access(interpreter->path, X_OK) == 0 && ask(interpreter))
		n_interpreters++;
}

static int find_interpreters(void **state)
{
	static const char *const names[] = { "python3", "python2", "python2.7" };
	const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME"), *dirs = getenv("PATH");
	char pattern[PATH_MAX], *copy = strdup(dirs ? dirs : "/usr/bin"), *rest = copy, *dir;
	glob_t found = { 0 };

	(void)state;
	snprintf(pattern, sizeof(pattern),
		 root ? "%s/versions/*/bin/python" : "%s/.pyenv/versions/*/bin/python",
		 root ? root :
		 home ? home :
			"");
	if (!glob(pattern, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			add(found.gl_pathv[i]);
	globfree(&found);
	while ((dir = strsep(&rest, ":"))) {
		char path[PATH_MAX];

		/* Those of pyenv are scripts that start one of the above. */
		if (strstr(dir, "/shims"))
			continue;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
			add(path);
		}
		for (unsigned int minor = 2; minor < 20; minor++) {
			snprintf(path, sizeof(path), "%s/python3.%u", dir, minor);
			add(path);
		}
	}
	free(copy);
	return 0;
}

/* --- what its threads do -------------------------------------------------------------------- */

/* Of a thread: the futex word it waits on; 0: it does not wait for one. */
static uint64_t waits_on(pid_t pid, const char *tid)
{
	char path[64], text[256];
	unsigned long long word;
	FILE *file;
	long number;
	bool waits;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/syscall", (int)pid, tid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	waits = fgets(text, sizeof(text), file) && sscanf(text, "%ld %llx", &number, &word) == 2 &&
		number == SYS_futex;
	fclose(file);
	return waits ? word : 0;
}

typedef void (*thread_fn)(void *ctx, const char *tid);

static void each_thread(pid_t pid, thread_fn fn, void *ctx)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks)))
		if (entry->d_name[0] != '.')
			fn(ctx, entry->d_name);
	closedir(tasks);
}

static const struct word_info *range_of(const struct runtime_found *found, uint64_t word)
{
	for (size_t i = 0; i < found->n_words; i++)
		if (word >= found->words[i].address &&
		    word - found->words[i].address < found->words[i].size)
			return &found->words[i];
	return NULL;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

struct waits {
	pid_t pid;
	const struct runtime_found *found;
	size_t inside, outside, by_role[3];
	size_t by_word[RUNTIME_WORDS_MAX];
	uint64_t stranger;
};

static void note_wait(void *ctx, const char *tid)
{
	struct waits *waits = ctx;
	uint64_t word = waits_on(waits->pid, tid);
	const struct word_info *info = word ? range_of(waits->found, word) : NULL;

	if (info) {
		waits->inside++;
		waits->by_role[info->role]++;
		waits->by_word[info - waits->found->words]++;
	} else if (word) {
		waits->outside++;
		waits->stranger = word;
	}
}

static void check_waits(pid_t pid, const struct runtime_found *found, const char *version)
{
	struct waits waits = { .pid = pid, .found = found };

	for (int i = 0; i < MOMENTS_MAX && waits.inside < WAITS_WANTED && !waits.outside; i++) {
		each_thread(pid, note_wait, &waits);
		pause_ms(1);
	}
	print_message(
		"  %s: %zu waits in the GIL's words (%zu to acquire, %zu guard, %zu ack), %zu not\n",
		version, waits.inside, waits.by_role[LOCK_ROLE_ACQUIRE],
		waits.by_role[LOCK_ROLE_GUARD], waits.by_role[LOCK_ROLE_ACK], waits.outside);
	assert_int_equal(waits.outside, 0);
	assert_true(waits.inside >= WAITS_WANTED);
	/* Three threads, and one of them has it: that is what nearly all of them wait for. */
	assert_true(waits.by_role[LOCK_ROLE_ACQUIRE] > waits.inside / 2);
}

/* --- who holds it --------------------------------------------------------------------------- */

struct stopped {
	pid_t pid;
	size_t n, n_stopped;
};

static void note_stopped(void *ctx, const char *tid)
{
	struct stopped *stopped = ctx;
	char path[64], text[512], *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/stat", (int)stopped->pid, tid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	state = strrchr(text, ')');
	assert_non_null(state);
	stopped->n++;
	stopped->n_stopped += state[2] == 'T';
}

static void freeze(pid_t pid)
{
	assert_return_code(kill(pid, SIGSTOP), errno);
	for (int i = 0; i < MOMENTS_MAX; i++) {
		struct stopped stopped = { .pid = pid };

		each_thread(pid, note_stopped, &stopped);
		if (stopped.n == stopped.n_stopped)
			return;
		pause_ms(1);
	}
	fail_msg("it does not stop");
}

/*
 * A thread of its own, more than one over time, and never one that waits to get what it is
 * said to have.
 */
static void check_holders(struct live_view *live, const struct runtime_found *found,
			  const char *version)
{
	const pid_t pid = (pid_t)live->view.pid;
	size_t held = 0, free_of = 0, others = 0;
	uint32_t first = 0;

	for (int i = 0; i < MOMENTS_MAX / 8 && (held < HOLDERS_WANTED || !others); i++) {
		const struct word_info *info;
		char path[64], text[16];
		uint32_t tid = 0;
		int err;

		freeze(pid);
		err = runtimes[0]->holder(&live->view, found, found->words[0].address, &tid);
		if (!err) {
			snprintf(text, sizeof(text), "%u", tid);
			snprintf(path, sizeof(path), "/proc/%d/task/%u", (int)pid, tid);
			assert_return_code(access(path, F_OK), errno);
			info = range_of(found, waits_on(pid, text));
			assert_false(info && info->role == LOCK_ROLE_ACQUIRE);
			held++;
			first = first ? first : tid;
			others += tid != first;
		} else {
			assert_int_equal(err, -ENOENT);
			free_of++;
		}
		kill(pid, SIGCONT);
		pause_ms(3);
	}
	print_message(
		"  %s: held at %zu moments, by others than the first at %zu; by nobody at %zu\n",
		version, held, others, free_of);
	assert_true(held >= HOLDERS_WANTED);
	assert_true(others > 0);
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool has_symbol(struct live_view *live, const char *name)
{
	uint64_t address, size;

	return !live->view.symbol(live, name, &address, &size);
}

/* Its words need a local symbol, which is not there. */
static bool is_hidden(const struct interpreter *of, struct live_view *live)
{
	return (of->major == 2 && !has_symbol(live, "interpreter_lock")) ||
	       (of->major == 3 && of->minor < 7 && !has_symbol(live, "gil_cond"));
}

static void check_same_words(const struct runtime_found *one, const struct runtime_found *other)
{
	assert_int_equal(one->n_words, other->n_words);
	for (size_t i = 0; i < one->n_words; i++)
		assert_int_equal(one->words[i].address, other->words[i].address);
}

/* As if its memory could not be read any more. */
static void check_gone(struct live_view *live, const struct interpreter *of,
		       const struct runtime_found *found)
{
	struct runtime_found again;

	live->gone = true;
	assert_int_equal(runtimes[0]->find(&live->view, &again), 0);
	live->gone = false;
	assert_memory_equal(again.info.version, found->info.version, of->minor > 9 ? 4 : 3);
	if (again.info.gil == GIL_PRESENT) {
		check_same_words(found, &again);
	} else {
		/* What only a pointer tells, or a build that nobody has seen. */
		assert_true(of->major == 2 || of->minor >= 12);
		assert_int_equal(again.info.gil, GIL_UNKNOWN);
		assert_int_equal(again.n_words, 0);
		assert_string_not_equal(again.info.hint, "");
	}
}

static void check_stripped(struct live_view *live, const struct interpreter *of,
			   const struct runtime_found *found)
{
	struct runtime_found again;

	live->stripped = true;
	assert_int_equal(runtimes[0]->find(&live->view, &again), 0);
	if (is_hidden(of, live)) {
		assert_int_equal(again.info.gil, GIL_UNKNOWN);
		assert_int_equal(again.n_words, 0);
		assert_non_null(strstr(again.info.hint, "debug symbols"));
	} else {
		assert_int_equal(again.info.gil, GIL_PRESENT);
		check_same_words(found, &again);
	}
	live->stripped = false;
}

static void check_interpreter(const struct interpreter *of)
{
	struct runtime_found found;
	struct live_view *live;
	struct child child;
	char wanted[64];

	print_message("%s\n", of->path);
	start(&child, of->path, threads_script);
	assert_true(is_ready(&child));
	pause_ms(50);
	live = live_view__open(child.pid);
	assert_non_null(live);
	assert_int_equal(runtimes[0]->find(&live->view, &found), 0);
	assert_string_equal(found.info.name, "CPython");
	if (of->major == 3 && (of->minor >= 11 || has_symbol(live, "version.0")))
		assert_string_equal(found.info.version, of->version);
	else
		assert_memory_equal(found.info.version, of->version, of->minor > 9 ? 4 : 3);
	snprintf(wanted, sizeof(wanted), "GIL of CPython %u.%u", of->major, of->minor);
	if (of->free_threaded) {
		assert_int_equal(found.info.gil, GIL_ABSENT);
		assert_int_equal(found.n_words, 0);
	} else if (is_hidden(of, live)) {
		assert_int_equal(found.info.gil, GIL_UNKNOWN);
		assert_non_null(strstr(found.info.hint, "debug symbols"));
	} else {
		assert_int_equal(found.info.gil, GIL_PRESENT);
		assert_int_equal(found.n_words, of->major == 2 ? 1 : 4);
		for (size_t i = 0; i < found.n_words; i++) {
			assert_int_equal(found.words[i].kind, LOCK_GIL);
			assert_string_equal(found.words[i].name, wanted);
			assert_string_equal(found.words[i].object, found.words[0].object);
		}
		check_waits(child.pid, &found, of->version);
		check_holders(live, &found, of->version);
		check_gone(live, of, &found);
		check_stripped(live, of, &found);
	}
	live_view__close(live);
	stop(&child);
}

static void test_each_interpreter(void **state)
{
	static const unsigned int wanted[] = { 6, 7, 8, 9, 10, 11, 12, 13, 14 };
	bool have_2 = false;

	(void)state;
	for (size_t i = 0; i < n_interpreters; i++) {
		check_interpreter(&interpreters[i]);
		have_2 |= interpreters[i].major == 2;
	}
	if (!have_2)
		print_message("no Python 2.7 here: not tested\n");
	for (size_t w = 0; w < sizeof(wanted) / sizeof(wanted[0]); w++) {
		bool have = false;

		for (size_t i = 0; i < n_interpreters; i++)
			have |= interpreters[i].major == 3 && interpreters[i].minor == wanted[w];
		if (!have)
			print_message("no Python 3.%u here: not tested\n", wanted[w]);
	}
	if (!n_interpreters)
		skip();
}

/*
 * Are its libraries mapped, all parts of them? The dynamic linker maps a library whole, and
 * then its parts over that: meanwhile data is code. It allocates nothing in the heap.
 */
static bool is_loaded(pid_t pid, const char *program)
{
	char path[64], line[PATH_MAX + 128];
	bool loaded = false, runs = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	/* Before exec it is a copy of this test, with a heap of its own. */
	while (fgets(line, sizeof(line), maps)) {
		loaded |= strstr(line, "[heap]") != NULL;
		runs |= strstr(line, program) != NULL;
	}
	fclose(maps);
	return loaded && runs;
}

/* From its start on: not there, not yet, or what it will be; and nothing else. */
static void test_while_it_starts(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < n_interpreters; i++) {
		const struct interpreter *of = &interpreters[i];
		struct runtime_found found, last = { 0 };
		size_t absent = 0, early = 0, ready = 0;
		struct live_view *live;
		struct child child;

		if (of->major == 2 || of->minor < 7 || of->free_threaded)
			continue;
		start(&child, of->path, threads_script);
		for (int look = 0; look < MOMENTS_MAX && ready < 20; look++) {
			bool loaded = is_loaded(child.pid, of->path);
			int err;

			live = live_view__open(child.pid);
			assert_non_null(live);
			err = runtimes[0]->find(&live->view, &found);
			live_view__close(live);
			if (err == -ENOENT) {
				absent++;
				continue;
			}
			if (err == -EAGAIN) {
				early++;
				continue;
			}
			assert_int_equal(err, 0);
			if (!loaded)
				continue;
			assert_int_equal(found.info.gil, GIL_PRESENT);
			if (ready++)
				check_same_words(&found, &last);
			last = found;
		}
		print_message("  %s: not there %zu times, not yet %zu times\n", of->version, absent,
			      early);
		assert_true(ready >= 20);
		stop(&child);
		n++;
	}
	if (!n)
		skip();
}

static void check_inner_interpreter(const struct interpreter *of)
{
	struct runtime_found found;
	struct waits waits = { .found = &found };
	size_t outer = 0, inner = 0;
	struct live_view *live;
	struct child child;

	start(&child, of->path, interpreters_script);
	assert_true(is_ready(&child));
	pause_ms(300);
	live = live_view__open(child.pid);
	assert_non_null(live);
	waits.pid = child.pid;
	assert_int_equal(runtimes[0]->find(&live->view, &found), 0);
	assert_int_equal(found.n_words, 8);
	assert_string_not_equal(found.words[0].object, found.words[4].object);
	assert_null(strstr(found.words[0].name, "interpreter"));
	assert_non_null(strstr(found.words[4].name, ", interpreter 1"));
	for (int i = 0; i < MOMENTS_MAX && (outer < WAITS_WANTED || inner < WAITS_WANTED); i++) {
		each_thread(child.pid, note_wait, &waits);
		pause_ms(1);
		outer = inner = 0;
		for (size_t w = 0; w < found.n_words; w++)
			*(w < 4 ? &outer : &inner) += waits.by_word[w];
	}
	print_message(
		"  %s: %zu waits for the main interpreter's GIL, %zu for another's, %zu strange\n",
		of->version, outer, inner, waits.outside);
	assert_true(outer >= WAITS_WANTED);
	assert_true(inner >= WAITS_WANTED);
	assert_int_equal(waits.outside, 0);
	live_view__close(live);
	stop(&child);
}

static void test_interpreters_in_one_process(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < n_interpreters; i++) {
		const struct interpreter *of = &interpreters[i];

		if (of->major != 3 || of->minor < 12 || of->minor > 13 || of->free_threaded)
			continue;
		check_inner_interpreter(of);
		n++;
	}
	if (!n) {
		print_message("no Python 3.12 or 3.13 here\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_interpreter),
		cmocka_unit_test(test_while_it_starts),
		cmocka_unit_test(test_interpreters_in_one_process),
	};

	return cmocka_run_group_tests(tests, find_interpreters, NULL);
}
