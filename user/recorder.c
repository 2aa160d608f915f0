// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "message.h"
#include "recorder_wire.h"
#include "signals.h"

struct recorder {
	pid_t pid;
	int socket;
	int signal_fd;		/* what can end the waiting for it; -1: nothing */
	struct recorder_news news;
};

int wire__send(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EPIPE ? -ECONNRESET : -errno;
		at += sent;
		size -= (size_t)sent;
	}
	return 0;
}

int wire__receive(int fd, void *data, size_t size)
{
	char *at = data;

	while (size) {
		ssize_t got = recv(fd, at, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ECONNRESET;
		at += got;
		size -= (size_t)got;
	}
	return 0;
}

int recorder__start(struct recorder **out, const struct recorder_options *options)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	struct convoy_counters before = { 0 };
	int sockets[2], err;

	if (!recorder)
		return -ENOMEM;
	/* Here, since a command may be forked before the new process gets to it. */
	if (options->session)
		before = session__counters(options->session);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) {
		err = -errno;
		free(recorder);
		message("socketpair: %s", strerror(-err));
		return err;
	}
	recorder->signal_fd = -1;
	recorder->pid = fork();
	if (!recorder->pid) {
		close(sockets[0]);
		_exit(recorder_process__run(sockets[1], options, &before));
	}
	err = -errno;
	close(sockets[1]);
	recorder->socket = sockets[0];
	if (recorder->pid < 0) {
		message("fork: %s", strerror(-err));
		close(sockets[0]);
		free(recorder);
		return err;
	}
	*out = recorder;
	return 0;
}

/* Take one reply; true when it answers a request. */
static int take_reply(struct recorder *recorder, struct recorder_reply *reply)
{
	int err = wire__receive(recorder->socket, reply, sizeof(*reply));

	if (err) {
		if (!recorder->news.failed)
			recorder->news.failed = err;
		return recorder->news.failed;
	}
	recorder->news.switches = reply->switches;
	recorder->news.bytes = reply->bytes;
	recorder->news.threads = reply->threads;
	recorder->news.reads = reply->reads;
	recorder->news.mappings = reply->mappings;
	recorder->news.words = reply->words;
	if (reply->kind == RECORDER_GONE)
		recorder->news.gone = true;
	else if (reply->kind == RECORDER_FAILED)
		recorder->news.failed = reply->err;
	return 0;
}

/* Wait for an answer; -EINTR when a signal ended the recorder instead. */
static int await_reply(struct recorder *recorder)
{
	struct pollfd fds[] = {
		{ .fd = recorder->socket, .events = POLLIN },
		{ .fd = recorder->signal_fd, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents)
			return 0;
		if (signals__read(recorder->signal_fd)) {
			kill(recorder->pid, SIGKILL);
			recorder->news.failed = -EINTR;
			return -EINTR;
		}
	}
}

static int ask(struct recorder *recorder, const struct request_header *what, json_t *document,
	       struct recorder_reply *reply)
{
	struct request_header header = *what;
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
	int err = text ? 0 : -ENOMEM;

	json_decref(document);
	if (!err && recorder->news.failed)
		err = recorder->news.failed;
	if (!err) {
		header.size = (uint32_t)strlen(text);
		err = wire__send(recorder->socket, &header, sizeof(header));
	}
	if (!err)
		err = wire__send(recorder->socket, text, header.size);
	free(text);
	/* Who has ended has said why, perhaps. */
	while (!err || err == -ECONNRESET) {
		int got = await_reply(recorder);

		if (!got)
			got = take_reply(recorder, reply);
		if (got)
			return got;
		if (reply->kind == RECORDER_DONE)
			return reply->err;
	}
	return err;
}

int recorder__document(struct recorder *recorder, json_t *document)
{
	struct request_header header = { .kind = RECORDER_DOCUMENT };
	struct recorder_reply reply;

	return ask(recorder, &header, json_incref(document), &reply);
}

int recorder__meta(struct recorder *recorder, struct record_meta *meta)
{
	json_t *document;
	int err;

	meta->monotonic_ns = monotonic_ns();
	meta->realtime_ns = realtime_ns();
	document = record_docs__meta(meta);
	err = document ? recorder__document(recorder, document) : -ENOMEM;
	json_decref(document);
	return err;
}

void recorder__loss(const struct session *session, struct report_loss *loss)
{
	struct convoy_counters counters;

	memset(loss, 0, sizeof(*loss));
	if (!session)
		return;
	counters = session__counters(session);
	loss->ring = session__ring_dropped(session);
	loss->task_state = counters.task_state;
	loss->reads = counters.reads;
	loss->unmatched = counters.unmatched;
	loss->recovered = counters.recovered;
}

int recorder__begin(struct recorder *recorder, struct record_round *round, bool find,
		    uint64_t *found)
{
	struct request_header header = { .kind = RECORDER_BEGIN,
					 .flags = find ? RECORDER_FIND : 0 };
	struct recorder_reply reply = { 0 };
	int err = ask(recorder, &header, record_docs__round(round), &reply);

	if (find && !err)
		round->start_ns = reply.start_ns;
	if (found)
		*found = reply.found;
	return err;
}

int recorder__end(struct recorder *recorder, const struct record_round_end *end,
		  unsigned patience_ms)
{
	struct request_header header = { .kind = RECORDER_END, .patience_ms = patience_ms };
	struct recorder_reply reply;

	return ask(recorder, &header, record_docs__round_end(end), &reply);
}

int recorder__finish(struct recorder *recorder, const struct record_end *end)
{
	struct request_header header = { .kind = RECORDER_FINISH };
	struct recorder_reply reply;
	int err = ask(recorder, &header, record_docs__end(end), &reply), status;

	close(recorder->socket);
	recorder->socket = -1;
	while (waitpid(recorder->pid, &status, 0) < 0 && errno == EINTR)
		;
	recorder->pid = -1;
	return err;
}

void recorder__interruptible(struct recorder *recorder, int signal_fd)
{
	recorder->signal_fd = signal_fd;
}

int recorder__fd(const struct recorder *recorder)
{
	return recorder->socket;
}

struct recorder_news recorder__news(struct recorder *recorder)
{
	struct pollfd poll_fd = { .fd = recorder->socket, .events = POLLIN };
	struct recorder_reply reply;

	while (!recorder->news.failed && poll(&poll_fd, 1, 0) > 0)
		take_reply(recorder, &reply);
	return recorder->news;
}

void recorder__free(struct recorder *recorder)
{
	int status;

	if (!recorder)
		return;
	/* It ends by itself when this end is closed. */
	if (recorder->socket >= 0)
		close(recorder->socket);
	if (recorder->pid > 0)
		while (waitpid(recorder->pid, &status, 0) < 0 && errno == EINTR)
			;
	free(recorder);
}
