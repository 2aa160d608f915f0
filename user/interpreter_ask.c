// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "exec_error.h"
#include "host.h"
#include "interpreter_parts.h"
#include "launch.h"
#include "message.h"
#include "outside.h"
#include "signals.h"

#define SCHEMA "convoy.interpreter/1"
#define LIMIT_MS 10000
#define MAX_OPTIONS 8

/* --- what it printed --- */

/* Answers take a few hundred bytes. */
#define MAX_ANSWER (64 * 1024)
#define LAST_WORDS 4096

struct printed {
	char answer[MAX_ANSWER];
	size_t answer_size;
	bool too_much;
	char last[LAST_WORDS];	/* the end of its stderr */
	size_t last_size;
};

static void keep_answer(struct printed *printed, const char *text, size_t n)
{
	size_t room = sizeof(printed->answer) - printed->answer_size;

	printed->too_much |= n > room;
	if (n > room)
		n = room;
	memcpy(printed->answer + printed->answer_size, text, n);
	printed->answer_size += n;
}

static void keep_last(struct printed *printed, const char *text, size_t n)
{
	size_t keep = sizeof(printed->last) - n;

	if (printed->last_size > keep) {
		memmove(printed->last, printed->last + printed->last_size - keep, keep);
		printed->last_size = keep;
	}
	memcpy(printed->last + printed->last_size, text, n);
	printed->last_size += n;
}

/* Reads what is there without waiting; -1 for the descriptor when it has ended. */
static void read_some(int *fd, struct printed *printed,
		      void (*keep)(struct printed *, const char *, size_t))
{
	char text[LAST_WORDS];
	ssize_t n;

	while (*fd >= 0 && !printed->too_much) {
		n = read(*fd, text, sizeof(text));
		if (n > 0) {
			keep(printed, text, (size_t)n);
		} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
			close(*fd);
			*fd = -1;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* The last line that is not empty, made harmless. */
static void put_last_line(char *out, size_t size, const char *text, size_t n)
{
	size_t begin;

	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	for (begin = n; begin && text[begin - 1] != '\n' && text[begin - 1] != '\r';)
		begin--;
	while (begin < n && isspace((unsigned char)text[begin]))
		begin++;
	outside__terminal(out, size, text + begin, n - begin, true);
}

/* --- the answer --- */

static int refuse(struct interpreter_answer *answer, const char *why)
{
	answer->outcome = ASK_NOT_UNDERSTOOD;
	snprintf(answer->words, sizeof(answer->words), "%s", why);
	return -EINVAL;
}

/* A word that is a part of labels and file names: ASCII, without separators. */
static int read_word(struct interpreter_answer *answer, const json_t *json, const char *key,
		     char *out, size_t size)
{
	const json_t *value = json_object_get(json, key);
	const char *text = json_string_value(value);
	char why[64];

	snprintf(why, sizeof(why), "its '%s' is not a short word", key);
	if (!text || !isalnum((unsigned char)*text) || json_string_length(value) >= size)
		return refuse(answer, why);
	/* A NUL within, too, is none of these. */
	for (size_t i = 0; i < json_string_length(value); i++)
		if (!isalnum((unsigned char)text[i]) && (!text[i] || !strchr("._+-", text[i])))
			return refuse(answer, why);
	snprintf(out, size, "%s", text);
	return 0;
}

static void read_object(struct interpreter_answer *answer, const json_t *json)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));
	const json_t *executable = json_object_get(json, "executable");
	const char *path = json_string_value(executable);

	if (!schema || strcmp(schema, SCHEMA)) {
		refuse(answer, "its answer is not of schema " SCHEMA);
		return;
	}
	if (read_word(answer, json, "name", answer->name, sizeof(answer->name)) ||
	    read_word(answer, json, "implementation", answer->implementation,
		      sizeof(answer->implementation)) ||
	    read_word(answer, json, "version", answer->version, sizeof(answer->version)))
		return;
	/* It may not know, and then it is executed as it was found. */
	if (path && strlen(path) == json_string_length(executable) &&
	    strlen(path) < sizeof(answer->executable))
		snprintf(answer->executable, sizeof(answer->executable), "%s", path);
	answer->outcome = ASK_ANSWERED;
}

void interpreter__read_answer(struct interpreter_answer *answer, const char *text, size_t size)
{
	char line[128], why[sizeof(line) + 16];
	json_error_t error;
	json_t *json;

	memset(answer, 0, sizeof(*answer));
	json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(json)) {
		read_object(answer, json);
	} else {
		put_last_line(line, sizeof(line), text, size);
		snprintf(why, sizeof(why), *line ? "it printed '%s'" : "it printed nothing", line);
		refuse(answer, why);
	}
	json_decref(json);
}

/* --- asking --- */

struct asking {
	struct launch launch;
	int out_fd, err_fd, signal_fd;
	sigset_t old_mask;
	int was_subreaper;
	int signal;	/* that came meanwhile; 0: none */
	bool in_time;
	struct printed printed;
};

static void read_all(struct asking *asking)
{
	read_some(&asking->out_fd, &asking->printed, keep_answer);
	read_some(&asking->err_fd, &asking->printed, keep_last);
}

/* Until it has ended; not until its pipes have: a child of its own may keep them open. */
static int listen_to(struct asking *asking, unsigned limit_ms)
{
	uint64_t deadline = monotonic_ns() + limit_ms * 1000000ull;

	while (!asking->launch.reaped) {
		struct pollfd fds[] = {
			{ .fd = asking->out_fd, .events = POLLIN },
			{ .fd = asking->err_fd, .events = POLLIN },
			{ .fd = asking->signal_fd, .events = POLLIN },
		};
		uint64_t now = monotonic_ns();
		int err;

		if (now >= deadline)
			return 0;
		if (poll(fds, 3, (int)((deadline - now) / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
		asking->signal = signals__read(asking->signal_fd);
		if (asking->signal)
			return -EINTR;
		read_all(asking);
		if (asking->printed.too_much)
			return 0;
		err = launch__reap(&asking->launch);
		if (err < 0)
			return err;
	}
	asking->in_time = true;
	read_all(asking);
	return 0;
}

/* A pipe that a child writes to; this end does not wait. */
static int make_pipe(int *read_end, int *write_end)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	*read_end = fds[0];
	*write_end = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Start it with its stdin at its end, and let it go. */
static int start(struct asking *asking, struct launch_options *options)
{
	int fds[3] = { -1, -1, -1 };
	uint64_t when;
	int err;

	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	err = fds[0] < 0 ? -errno : make_pipe(&asking->out_fd, &fds[1]);
	if (!err)
		err = make_pipe(&asking->err_fd, &fds[2]);
	if (err) {
		message("cannot ask '%s' what it is: %s", options->argv[0], strerror(-err));
	} else {
		options->stdin_fd = fds[0];
		options->stdout_fd = fds[1];
		options->stderr_fd = fds[2];
		err = launch__start(&asking->launch, options);
		if (err)
			launch__explain_start_error(&asking->launch, options, err);
	}
	close_all(fds, 3);
	if (err)
		return err;
	err = launch__release(&asking->launch, &when);
	if (err)
		message("cannot start '%s': %s", options->argv[0], strerror(-err));
	return err;
}

/* What came of it, once it has ended or been killed. */
static void judge(struct asking *asking, struct interpreter_answer *answer)
{
	struct printed *printed = &asking->printed;

	memset(answer, 0, sizeof(*answer));
	answer->exec_error = launch__exec_error(&asking->launch);
	answer->status = asking->launch.status;
	if (answer->exec_error) {
		answer->outcome = ASK_NOT_EXECUTED;
	} else if (printed->too_much) {
		refuse(answer, "it printed more than 64 KiB");
	} else if (!asking->in_time) {
		answer->outcome = ASK_NO_END;
	} else if (answer->status) {
		answer->outcome = ASK_ENDED;
		put_last_line(answer->words, sizeof(answer->words), printed->last,
			      printed->last_size);
	} else {
		interpreter__read_answer(answer, printed->answer, printed->answer_size);
	}
}

/* Nothing of it is left behind, and this process is as it was. */
static void end(struct asking *asking)
{
	launch__kill(&asking->launch);
	prctl(PR_SET_CHILD_SUBREAPER, asking->was_subreaper);
	close_all(&asking->out_fd, 1);
	close_all(&asking->err_fd, 1);
}

/* "PATH OPTION... SOURCE --identify"; false if the source's path is too long. */
static bool make_arguments(const char **argv, char *source, size_t size,
			   const struct interpreter_search *search,
			   const struct interpreter_language *language, const char *path)
{
	size_t n = 0;

	argv[n++] = path;
	for (size_t i = 0; language->options[i] && i < MAX_OPTIONS; i++)
		argv[n++] = language->options[i];
	argv[n++] = source;
	argv[n++] = "--identify";
	argv[n] = NULL;
	return snprintf(source, size, "%s/%s/%s", search->sources, language->name,
			language->source) < (int)size;
}

static int ask(const struct interpreter_search *search, char *const *argv, struct asking *asking,
	       struct interpreter_answer *answer)
{
	struct launch_options options = {
		.argv = argv,
		.envp = search->environment,
		.keep_fd = -1,
		.sigmask = &asking->old_mask,
		.as = search->as,
	};
	int err;

	prctl(PR_GET_CHILD_SUBREAPER, &asking->was_subreaper);
	err = signals__take(&asking->signal_fd, &asking->old_mask);
	if (err)
		return err;
	err = start(asking, &options);
	if (!err) {
		err = listen_to(asking, search->limit_ms ? search->limit_ms : LIMIT_MS);
		if (err && err != -EINTR)
			message("cannot wait for '%s': %s", argv[0], strerror(-err));
	}
	end(asking);
	if (!err)
		judge(asking, answer);
	launch__close(&asking->launch);
	/* One that came as the other was killed must not end convoy half-way. */
	if (!asking->signal)
		asking->signal = signals__read(asking->signal_fd);
	signals__give_back(asking->signal_fd, &asking->old_mask);
	return asking->signal ? -EINTR : err;
}

int interpreter__ask(const struct interpreter_search *search,
		     const struct interpreter_language *language, const char *path,
		     struct interpreter_answer *answer, int *signal)
{
	struct asking *asking = calloc(1, sizeof(*asking));
	const char *argv[MAX_OPTIONS + 4];
	char source[PATH_MAX];
	int err;

	if (!asking) {
		message("cannot ask '%s' what it is: %s", path, strerror(ENOMEM));
		return -ENOMEM;
	}
	asking->out_fd = asking->err_fd = asking->signal_fd = -1;
	asking->launch.cork_fd = asking->launch.failure_fd = -1;
	if (make_arguments(argv, source, sizeof(source), search, language, path)) {
		err = ask(search, (char *const *)argv, asking, answer);
	} else {
		message("the path of %s is too long: %s", language->source, search->sources);
		err = -ENAMETOOLONG;
	}
	*signal = asking->signal;
	free(asking);
	return err;
}

/* --- why not --- */

static void explain_end(const struct interpreter_language *language, const char *path,
			const struct interpreter_answer *answer)
{
	const char *colon = *answer->words ? ": " : "";

	if (WIFSIGNALED(answer->status))
		message("'%s' does not work: it was ended by signal %d (%s)%s%s", path,
			WTERMSIG(answer->status), strsignal(WTERMSIG(answer->status)), colon,
			answer->words);
	else if (!strncmp(answer->words, "SyntaxError", 11))
		message("'%s' is too old for the jobs in %s: it does not understand %s (%s)", path,
			language->name, language->source, answer->words);
	else
		message("'%s' does not work: asked what it is, it ended with exit status %d%s%s",
			path, WEXITSTATUS(answer->status), colon, answer->words);
}

void interpreter__explain(const struct interpreter_search *search,
			  const struct interpreter_language *language, const char *path,
			  const struct interpreter_answer *answer)
{
	const struct exec_error error = {
		.argv0 = path,
		.err = answer->exec_error,
		.path = environ__get(search->environment, "PATH"),
		.as = search->as,
	};

	switch (answer->outcome) {
	case ASK_ANSWERED:
		break;
	case ASK_NOT_EXECUTED:
		exec_error__explain(&error);
		break;
	case ASK_ENDED:
		explain_end(language, path, answer);
		break;
	case ASK_NO_END:
		message("'%s' does not work: asked what it is, it did not end in %g s", path,
			(search->limit_ms ? search->limit_ms : LIMIT_MS) / 1000.0);
		break;
	case ASK_NOT_UNDERSTOOD:
		message("'%s' is no interpreter for the jobs in %s: asked what it is, %s", path,
			language->name, answer->words);
		break;
	}
}
