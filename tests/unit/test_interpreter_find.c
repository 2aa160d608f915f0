// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_interpreter_find.c - which interpreters are found, in what order, and what is said of
 * those that cannot be used. All of them are scripts in a scratch directory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/stderr_fixture.h"
#include "user/interpreter.h"
#include "user/interpreter_parts.h"

static struct interpreters found;
static char path_entry[4096], home_entry[2048];
static char *environment[] = { path_entry, home_entry, NULL };
static struct interpreter_search search = { .environment = environment, .limit_ms = 20000 };

/* Scripts need programs that are not looked for: their PATH is another one. */
#define SH "#!/bin/sh\nPATH=/usr/bin:/bin\n"

/* Each test has a directory of its own, in which nothing is yet. */
static int begin(void **state)
{
	if (make_scratch(state))
		return -1;
	snprintf(home_entry, sizeof(home_entry), "HOME=%s/home", scratch);
	snprintf(path_entry, sizeof(path_entry), "PATH=%s/one:%s/two", scratch, scratch);
	search.sources = scratch;
	search.limit_ms = 20000;
	memset(&found, 0, sizeof(found));
	return 0;
}

static int end(void **state)
{
	interpreters__free(&found);
	return remove_scratch(state);
}

/* A script that says it is that; `executable` as in the shell. */
static const char *put_answer(const char *file, const char *name, const char *version,
			      const char *executable)
{
	char text[8192];

	snprintf(text, sizeof(text),
		 SH "echo '{\"schema\": \"convoy.interpreter/1\", \"implementation\": \"CPython\","
		    "\"name\": \"%s\", \"version\": \"%s\", \"executable\": \"'\"%s\"'\"}'\n",
		 name, version, executable);
	return put_file(file, text, 0755);
}

static const char *put_python(const char *file, const char *name, const char *version)
{
	return put_answer(file, name, version, "$0");
}

static void add(const char *spec)
{
	begin_hearing();
	assert_int_equal(interpreters__add(&found, &search, spec), 0);
	end_hearing();
}

static void assert_silent(void)
{
	assert_string_equal(said, "");
}

/* The last one added is this. */
static void assert_found(const char *path, const char *version)
{
	assert_silent();
	assert_int_equal(found.failed, 0);
	assert_true(found.n > 0);
	assert_string_equal(found.list[found.n - 1].path, in_scratch(path));
	assert_string_equal(found.list[found.n - 1].version, version);
}

/* Nothing is found, and the reason is one message. */
static void assert_failed(const char *words)
{
	const char *line = strchr(said, '\n');

	assert_said(words);
	assert_non_null(line);
	assert_string_equal(line, "\n");
	assert_int_equal(found.n, 0);
	assert_true(found.failed > 0);
}

/* --- where they are --- */

static void test_in_path(void **state)
{
	(void)state;
	put_file("one/python3", SH "exit 1\n", 0644); /* not executable */
	mkdir(in_scratch("one/python2.7"), 0755);
	put_python("two/python3", "python3.13", "3.13.0");
	put_python("two/python2.7", "python2.7", "2.7.18");
	add("python3");
	assert_found("two/python3", "3.13.0");
	add("python2.7");
	assert_found("two/python2.7", "2.7.18");
	assert_int_equal(found.n, 2);
	assert_string_equal(found.list[1].name, "python2.7");
	assert_string_equal(found.list[1].implementation, "CPython");
	assert_string_equal(found.list[1].language->name, "python");
	/* Once more, and by another name. */
	add("python3");
	assert_int_equal(symlink("python3", in_scratch("two/python")), 0);
	add("python");
	add(in_scratch("two/python"));
	assert_silent();
	assert_int_equal(found.n, 2);
	put_python("one/python3.13", "python3.13", "3.13.9");
	add("3.13");
	assert_found("one/python3.13", "3.13.9");
}

static void test_relative_path_is_skipped(void **state)
{
	char before[4096];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	put_python("python3", "python3.13", "3.13.0");
	put_python("bin/python3", "python3.13", "3.13.0");
	assert_int_equal(chdir(scratch), 0);
	snprintf(path_entry, sizeof(path_entry), "PATH=:.:bin::./bin:%s/two/", scratch);
	add("python3");
	assert_failed("there is no 'python3'; convoy list --interpreters shows what there is");
	put_python("two/python3", "python3.9", "3.9.18");
	found.failed = 0;
	add("python3");
	/* A path is as it is. */
	add("./bin/python3");
	assert_found("bin/python3", "3.13.0");
	add("bin/python3");
	assert_int_equal(found.n, 2);
	assert_int_equal(chdir(before), 0);
	snprintf(path_entry, sizeof(path_entry), "LANG=C");
	add("python3");
	assert_said("there is no 'python3'");
}

#define PYENV "home/.pyenv/versions/"

static void put_pyenv(const char *folder, const char *program, const char *name,
		      const char *version)
{
	char file[256];

	snprintf(file, sizeof(file), PYENV "%s/bin/%s", folder, program);
	put_python(file, name, version);
}

static void test_newest_of_pyenv(void **state)
{
	(void)state;
	put_pyenv("3.13.9", "python", "python3.13", "3.13.9");
	put_pyenv("3.13.9", "python3.13", "python3.13", "3.13.9");
	put_pyenv("3.13.10", "python", "python3.13", "3.13.10");
	put_pyenv("3.13.10", "python3.13", "python3.13", "3.13.10");
	put_pyenv("3.13.11t", "python", "python3.13t", "3.13.11");
	put_pyenv("3.14.0rc1", "python", "python3.14", "3.14.0rc1");
	put_pyenv("2.7.18", "python", "python2.7", "2.7.18");
	put_pyenv("pypy3.10-7.3.17", "pypy3", "pypy3", "3.10.14");
	put_pyenv("pypy3.10-7.3.17", "python", "pypy3", "3.10.14");
	add("3.13");
	assert_found(PYENV "3.13.10/bin/python", "3.13.10");
	add("3.13.9");
	assert_found(PYENV "3.13.9/bin/python", "3.13.9");
	add("3.13t");
	assert_found(PYENV "3.13.11t/bin/python", "3.13.11");
	add("2.7.18");
	assert_found(PYENV "2.7.18/bin/python", "2.7.18");
	add("pypy3");
	assert_found(PYENV "pypy3.10-7.3.17/bin/pypy3", "3.10.14");
	add("python3.13");
	assert_found(PYENV "3.13.10/bin/python3.13", "3.13.10");
	/* The newest at all, which is not released yet; never PyPy. */
	add("python");
	assert_found(PYENV "3.14.0rc1/bin/python", "3.14.0rc1");
	add("3.12");
	assert_said("there is no '3.12'");
	assert_int_equal(found.failed, 1);
}

/* PATH comes first, unless it has another version than was asked for. */
static void test_version_in_path(void **state)
{
	(void)state;
	put_python("one/python3.11", "python3.11", "3.11.2");
	put_pyenv("3.11.7", "python", "python3.11", "3.11.7");
	add("3.11");
	assert_found("one/python3.11", "3.11.2");
	add("3.11.7");
	assert_found(PYENV "3.11.7/bin/python", "3.11.7");
	interpreters__name(&found);
	assert_string_equal(found.list[0].name, "python3.11.2");
	assert_string_equal(found.list[1].name, "python3.11.7");
	assert_ptr_equal(interpreters__find(&found, "python3.11.7"), &found.list[1]);
}

static void test_roots_elsewhere(void **state)
{
	char root[2048];

	(void)state;
	put_python("elsewhere/versions/3.8.1/bin/python", "python3.8", "3.8.1");
	put_python("home/.rbenv/versions/3.3.0/bin/ruby", "ruby3.3", "3.3.0");
	put_python("home/.rbenv/versions/3.10.0/bin/ruby", "ruby3.10", "3.10.0");
	add("ruby");
	assert_found("home/.rbenv/versions/3.10.0/bin/ruby", "3.10.0");
	assert_string_equal(found.list[0].language->name, "ruby");
	snprintf(root, sizeof(root), "PYENV_ROOT=%s/elsewhere", scratch);
	environment[1] = root;
	add("3.8");
	environment[1] = home_entry;
	assert_found("elsewhere/versions/3.8.1/bin/python", "3.8.1");
}

/* --- shims and other scripts --- */

static void test_shim(void **state)
{
	char real[2048];

	(void)state;
	snprintf(path_entry, sizeof(path_entry), "PATH=%s/home/.pyenv/shims:%s/one", scratch,
		 scratch);
	put_pyenv("3.9.1", "python3", "python3.9", "3.9.1");
	snprintf(real, sizeof(real), "%s/" PYENV "3.9.1/bin/python3", scratch);
	put_answer("home/.pyenv/shims/python3", "python3.9", "3.9.1", real);
	/* This one's version is not active. */
	put_file("home/.pyenv/shims/python3.8",
		 SH "echo 'pyenv: python3.8: command not found' >&2\nexit 127\n", 0755);
	add("python3");
	assert_found(PYENV "3.9.1/bin/python3", "3.9.1");
	put_python("one/python3.8", "python3.8", "3.8.2");
	add("python3.8");
	assert_found("one/python3.8", "3.8.2");
	add(in_scratch("home/.pyenv/shims/python3"));
	assert_int_equal(found.n, 2);
	assert_silent();
	assert_int_equal(unlink(in_scratch("one/python3.8")), 0);
	add("python3.8");
	assert_said("there is no 'python3.8'");
	assert_not_said("command not found");
}

/* What works only by its script, or says that it is something that it is not. */
static void test_wrappers(void **state)
{
	char real[2048];

	(void)state;
	snprintf(real, sizeof(real), "%s/real", scratch);
	put_answer("one/python3.7", "python3.7", "3.7.1", real);
	put_file("real", SH "[ \"$KEY\" ] || exit 3\n", 0755);
	add("python3.7");
	assert_found("one/python3.7", "3.7.1");
	put_python("other", "python3.5", "3.5.1");
	snprintf(real, sizeof(real), "%s/other", scratch);
	put_answer("one/python3.6", "python3.6", "3.6.1", real);
	add("python3.6");
	assert_found("one/python3.6", "3.6.1");
	put_answer("one/python3.5", "python3.5", "3.5.9", "relative/python");
	add("python3.5");
	assert_found("one/python3.5", "3.5.9");
	put_answer("one/python3.4", "python3.4", "3.4.9", scratch);
	add("python3.4");
	assert_found("one/python3.4", "3.4.9");
}

/* A virtual environment's is the same program; its own path is for who names it. */
static void test_venv(void **state)
{
	(void)state;
	put_python("real/python3.11", "python3.11", "3.11.7");
	put_file("venv/bin/activate", "", 0644);
	assert_int_equal(symlink("../../real/python3.11", in_scratch("venv/bin/python")), 0);
	snprintf(path_entry, sizeof(path_entry), "PATH=%s/venv/bin:%s/real", scratch, scratch);
	add("python");
	assert_found("real/python3.11", "3.11.7");
	interpreters__free(&found);
	add(in_scratch("venv/bin/python"));
	assert_found("venv/bin/python", "3.11.7");
	add("all");
	assert_silent();
	assert_int_equal(found.n, 1);
}

/* --- all --- */

static void test_all(void **state)
{
	static const char *const expected[] = {
		PYENV "2.7.18/bin/python2.7",
		"one/python3.9",
		"two/python3.11",
		PYENV "3.11.7/bin/python",
		PYENV "3.13.0/bin/python3.13",
	};

	(void)state;
	snprintf(path_entry, sizeof(path_entry), "PATH=%s/home/.pyenv/shims:%s/one:%s/two", scratch,
		 scratch, scratch);
	put_file("home/.pyenv/shims/python", SH "echo no >&2\nexit 127\n", 0755);
	put_python("one/python3.9", "python3.9", "3.9.18");
	put_file("one/python3-config", SH "touch \"$0.started\"\n", 0755);
	put_python("two/python3.11", "python3.11", "3.11.2");
	assert_int_equal(symlink("python3.11", in_scratch("two/python3")), 0);
	assert_int_equal(symlink("nowhere", in_scratch("two/python")), 0);
	put_pyenv("3.13.0", "python3.13", "python3.13", "3.13.0");
	assert_int_equal(symlink("python3.13", in_scratch(PYENV "3.13.0/bin/python")), 0);
	put_pyenv("3.11.7", "python", "python3.11", "3.11.7");
	put_pyenv("2.7.18", "python2.7", "python2.7", "2.7.18");
	put_file("two/python3.3", SH "echo 'no module named json' >&2\nexit 1\n", 0755);
	add("all");
	assert_said("python3.3' does not work: asked what it is, it ended with exit status 1: no "
		    "module named json\n");
	assert_non_null(strchr(said, '\n'));
	assert_string_equal(strchr(said, '\n'), "\n");
	assert_int_equal(found.failed, 0);
	assert_int_equal(found.n, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(found.list[i].path, in_scratch(expected[i]));
	assert_int_equal(access(in_scratch("one/python3-config.started"), F_OK), -1);
	/* Those that were there stay where they are. */
	add("all");
	assert_int_equal(found.n, 5);
}

static void test_all_of_nothing(void **state)
{
	(void)state;
	add("all");
	assert_failed("there is no interpreter, neither in PATH nor of pyenv or rbenv");
	environment[0] = NULL;
	add("all");
	environment[0] = path_entry;
	assert_failed("there is no interpreter");
}

/* --- what does not work --- */

static void test_no_such(void **state)
{
	(void)state;
	add("python9");
	assert_failed("there is no 'python9'; convoy list --interpreters shows what there is");
	add("9.9");
	assert_failed("there is no '9.9'");
	add("");
	assert_failed("'' is not the name of an interpreter");
	/* Nothing is executed that is called otherwise. */
	put_file("one/rm", SH "touch \"$0.started\"\n", 0755);
	add("rm");
	assert_failed("'rm' is not the name of an interpreter of Python or Ruby");
	assert_int_equal(access(in_scratch("one/rm.started"), F_OK), -1);
	add("py\e[2Jthon");
	assert_failed("\\x1b[2J");
	assert_null(strchr(said, '\e'));
	add(in_scratch("nothing/python3"));
	assert_failed("nothing/python3': there is no such file");
	assert_int_equal(found.failed, 6);
}

static void test_not_executable(void **state)
{
	const char *path = put_file("python3", SH, 0644);

	(void)state;
	add(path);
	assert_failed("it is not executable (chmod +x)");
	add(scratch);
	assert_failed("it is a directory");
	assert_int_equal(symlink("nowhere", in_scratch("python")), 0);
	add(in_scratch("python"));
	assert_failed("it is a symbolic link to what does not exist");
	add(put_file("python2", "#!/no/such/interpreter\n", 0755));
	assert_failed("which does not exist");
}

static void test_other_architecture(void **state)
{
	/* 64 bits, little endian, a program for a machine that nobody built. */
	static const unsigned char elf[64] = { 0x7f, 'E',      'L',	    'F',  2, 1,
					       1,    [16] = 2, [18] = 0xfe, 0xfe, 1, [52] = 64 };
	const char *path = put_file("one/python3.8", "", 0755);
	FILE *file = fopen(path, "we");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fwrite(elf, sizeof(elf), 1, file), 1);
	assert_int_equal(fclose(file), 0);
	add(path);
	assert_failed("it is neither a program of this machine nor a script");
	/* By its name, another one may be there that works. */
	add("python3.8");
	assert_failed("it is neither a program of this machine nor a script");
	assert_int_equal(found.failed, 2);
	found.failed = 0;
	put_python("two/python3.8", "python3.8", "3.8.1");
	add("python3.8");
	assert_found("two/python3.8", "3.8.1");
}

static void test_broken(void **state)
{
	(void)state;
	add(put_file("a/python", SH "exit 42\n", 0755));
	assert_failed("it ended with exit status 42\n");
	add(put_file("b/python", SH "kill -SEGV $$\n", 0755));
	assert_failed("b/python' does not work: it was ended by signal 11 (Segmentation fault)\n");
	add(put_file("c/python",
		     SH "printf 'first\\n\\033[2Jlast\\033]0;x\\007\\n\\n  \\n' >&2\n"
			"exit 1\n",
		     0755));
	assert_failed("exit status 1: \\x1b[2Jlast\\x1b]0;x\\x07\n");
	/* As much as it likes to say; the end is kept. */
	add(put_file("d/python",
		     SH "head -c 1000000 /dev/zero | tr '\\0' x >&2\n"
			"echo >&2; echo over >&2\nexit 1\n",
		     0755));
	assert_failed("exit status 1: over\n");
	add(put_file("e/python",
		     SH "echo '  File \"convoy_work.py\", line 1' >&2\n"
			"echo 'SyntaxError: invalid syntax' >&2\nexit 1\n",
		     0755));
	assert_failed("e/python' is too old for the jobs in python: it does not understand "
		      "convoy_work.py (SyntaxError: invalid syntax)\n");
}

static void test_other_answers(void **state)
{
	(void)state;
	add(put_file("a/python", SH "echo hello; echo 'Python 3.13'\n", 0755));
	assert_failed("a/python' is no interpreter for the jobs in python: asked what it is, it "
		      "printed 'Python 3.13'\n");
	add(put_file("b/ruby", SH ":\n", 0755));
	assert_failed(
		"b/ruby' is no interpreter for the jobs in ruby: asked what it is, it printed "
		"nothing\n");
	add(put_answer("c/python", "x:y", "1", "$0"));
	assert_failed("its 'name' is not a short word\n");
	add(put_file("d/python", SH "exec cat /dev/zero\n", 0755));
	assert_failed("it printed more than 64 KiB\n");
	/* Another program altogether, by its path. */
	add("/bin/true");
	assert_failed("it printed nothing\n");
	add("/bin/false");
	assert_failed("it ended with exit status 1\n");
}

/* How an interpreter is called. */
static void test_arguments(void **state)
{
	char text[4096] = "", expected[4096];
	FILE *file;

	(void)state;
	add(put_file("python",
		     SH "for a in \"$0\" \"$@\"; do echo \"$a\"; done >\"$0.called\"\n"
			"cat >>\"$0.called\"; echo \"$HOME\" >>\"$0.called\"\n",
		     0755));
	assert_failed("it printed nothing");
	snprintf(expected, sizeof(expected),
		 "%s/python\n-B\n%s/python/convoy_work.py\n--identify\n%s/home\n", scratch, scratch,
		 scratch);
	file = fopen(in_scratch("python.called"), "re");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, expected);
}

/* A file whose name says nothing is asked in each language. */
static void test_any_name(void **state)
{
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text),
		 SH "case \"$*\" in *.rb*) exec %s \"$@\" ;; esac\necho who? >&2\nexit 1\n",
		 put_answer("answer", "ruby3.1", "3.1.2", "$0"));
	add(put_file("mine", text, 0755));
	assert_silent();
	assert_int_equal(found.n, 1);
	assert_string_equal(found.list[0].language->name, "ruby");
	interpreters__free(&found);
	put_file("any", SH "echo \"not $2\" >&2\nexit 1\n", 0755);
	add(in_scratch("any"));
	assert_failed("python/convoy_work.py\n");
	/* A link has the name of what it leads to. */
	put_python("python3", "python3.9", "3.9.1");
	assert_int_equal(symlink("python3", in_scratch("link")), 0);
	found.failed = 0;
	add(in_scratch("link"));
	assert_found("link", "3.9.1");
	assert_string_equal(found.list[0].language->name, "python");
}

/* --- what does not end --- */

/* Has the process whose number is in that file ended? It may take a moment to. */
static bool has_ended(const char *file)
{
	FILE *in = fopen(in_scratch(file), "re");
	int pid = 0;

	assert_non_null(in);
	assert_int_equal(fscanf(in, "%d", &pid), 1);
	fclose(in);
	assert_true(pid > 1);
	for (int i = 0; i < 10000 && !kill(pid, 0); i++)
		usleep(1000);
	return kill(pid, 0) != 0;
}

static void test_hangs(void **state)
{
	(void)state;
	search.limit_ms = 3000;
	add(put_file("python",
		     SH "sleep 1000 & echo $! >\"$0.child\"\n"
			"setsid sleep 1000 & echo $! >\"$0.other\"\necho $$ >\"$0.pid\"\nwait\n",
		     0755));
	assert_failed("python' does not work: asked what it is, it did not end in 3 s\n");
	assert_true(has_ended("python.pid"));
	assert_true(has_ended("python.child"));
	assert_true(has_ended("python.other"));
}

/* One that has answered is done; what it leaves behind keeps nobody waiting. */
static void test_leaves_a_child(void **state)
{
	char text[2048];
	int subreaper = -1;

	(void)state;
	put_python("answer", "python3.9", "3.9.1");
	snprintf(text, sizeof(text), SH "setsid sleep 1000 &\necho $! >\"$0.child\"\n%s \"$@\"\n",
		 in_scratch("answer"));
	put_file("one/python3", text, 0755);
	add("python3");
	assert_silent();
	assert_int_equal(found.n, 1);
	assert_true(has_ended("one/python3.child"));
	assert_int_equal(prctl(PR_GET_CHILD_SUBREAPER, &subreaper), 0);
	assert_int_equal(subreaper, 0);
}

/* A signal that is to end convoy: nothing is left, and the caller knows which it was. */
static void test_signal(void **state)
{
	sigset_t set, before, pending;

	(void)state;
	put_file("one/python3", SH "echo $$ >\"$0.pid\"\nkill -INT $PPID\nexec sleep 1000\n", 0755);
	put_python("two/python3", "python3.9", "3.9.1");
	/* So that it does not end this process, if it comes too late or too early. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &before);
	begin_hearing();
	assert_int_equal(interpreters__add(&found, &search, "python3"), -EINTR);
	end_hearing();
	assert_silent();
	assert_int_equal(found.signal, SIGINT);
	assert_int_equal(found.n, 0);
	assert_true(has_ended("one/python3.pid"));
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGINT));
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_in_path),
		TEST(test_relative_path_is_skipped),
		TEST(test_newest_of_pyenv),
		TEST(test_version_in_path),
		TEST(test_roots_elsewhere),
		TEST(test_shim),
		TEST(test_wrappers),
		TEST(test_venv),
		TEST(test_all),
		TEST(test_all_of_nothing),
		TEST(test_no_such),
		TEST(test_not_executable),
		TEST(test_other_architecture),
		TEST(test_broken),
		TEST(test_other_answers),
		TEST(test_arguments),
		TEST(test_any_name),
		TEST(test_hangs),
		TEST(test_leaves_a_child),
		TEST(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
