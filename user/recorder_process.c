// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * recorder_process.c - the recorder: drains, writes, and does what it is asked to.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "exit_codes.h"
#include "found.h"
#include "host.h"
#include "live_processes.h"
#include "merge.h"
#include "message.h"
#include "names.h"
#include "privileges.h"
#include "recorder_wire.h"

/* Bounds of the time between two drains; in between, the fill of the rings decides. */
#define DRAIN_MIN_MS 1
#define DRAIN_MAX_MS 100
/*
 * A record carries the time at which its probe began, and is visible a little
 * later: younger ones wait for the next drain, so that all CPUs have delivered.
 */
#define DRAIN_SETTLE_NS 5000000u
/* How old what was gathered may get before it is written: what a crash can cost. */
#define FLUSH_NS 1000000000u
/* Processes whose mappings are read between two drains: some 0.4 ms each. */
#define MAPS_AT_ONCE 4
/* What finding names for words may take between two drains. */
#define NAMES_NS 2000000u
/* Time between two drains while a runtime is expected that must be found early. */
#define WATCH_MS 10

struct process {
	const struct recorder_options *options;
	struct session *session;
	struct recording_writer *writer;
	struct names *names;		/* NULL without a session */
	int socket;
	bool active;			/* a round is on */
	bool found_any;			/* its threads were found, not forked for it */
	bool told_gone;
	uint64_t joined;		/* processes in the cgroup whose threads were looked for */
	bool told_joined;		/* that no more can be */
	struct convoy_counters before;	/* when the last round ended */
	uint64_t cpu_before_ns;		/* own CPU time when this one began */
	uint32_t n_published;		/* locks that are in the recording */
	uint64_t flushed_ns;
	struct report_loss loss;	/* as the recording has it so far */
	uint64_t drained_ns;		/* all events up to then are in the recording */
	struct live_processes live;
	uint32_t *ended;		/* processes, since the last drain of mappings */
	size_t n_ended, ended_room;
	struct found found;		/* at the beginning; their mappings are still to be written */
	struct recorder_reply reply;
};

static void pause_ns(uint64_t ns)
{
	struct timespec pause = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

/* --- whose mappings and words are wanted --- */

/* A thread of that process came. */
static void is_not_ended(struct process *process, uint32_t pid)
{
	for (size_t i = 0; i < process->n_ended; i++)
		if (process->ended[i] == pid)
			process->ended[i--] = process->ended[--process->n_ended];
}

static int follow_birth(struct process *process, const struct convoy_ev_birth *birth)
{
	struct maps *maps = process->options->maps;
	/* One that joined is older than its birth here. */
	bool first = birth->tid == birth->pid && !(birth->hdr.flags & CONVOY_F_SINCE_BEFORE);
	uint32_t parent = live_processes__pid_of(&process->live, birth->parent);
	int err = live_processes__add(&process->live, birth->hdr.id, birth->pid, first);

	/* The number may be that of one that ended since the last drain. */
	is_not_ended(process, birth->pid);
	if (!err && first && process->names)
		/* Where no exec is told of, it may long be another program. */
		err = names__born(process->names, birth->pid,
				  maps && maps__has_events(maps) ? parent : 0, birth->born_ns);
	return err || !maps ? err : maps__follow(maps, birth->pid);
}

static int follow_death(struct process *process, const struct convoy_ev_death *death)
{
	uint32_t pid = live_processes__remove(&process->live, death->hdr.id);

	if (!pid)
		return 0;
	if (process->n_ended == process->ended_room) {
		size_t room = process->ended_room ? 2 * process->ended_room : 64;
		uint32_t *grown = realloc(process->ended, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		process->ended = grown;
		process->ended_room = room;
	}
	process->ended[process->n_ended++] = pid;
	return 0;
}

/* Processes, from their birth to the end of their last thread. */
static int follow(struct process *process, const struct convoy_ev_hdr *ev)
{
	if (!process->options->maps && !process->names)
		return 0;
	if (ev->type == CONVOY_EV_BIRTH)
		return follow_birth(process, (const void *)ev);
	if (ev->type == CONVOY_EV_DEATH)
		return follow_death(process, (const void *)ev);
	if (ev->type == CONVOY_EV_SEEN) {
		const struct convoy_ev_seen *seen = (const void *)ev;

		is_not_ended(process, seen->pid);
		return live_processes__add(&process->live, ev->id, seen->pid, false);
	}
	return 0;
}

/* Those that were found, which are not drained. */
static int follow_found(struct process *process, const struct found *found)
{
	int err = 0;

	for (size_t at = 0; at < found->size && !err;) {
		const struct convoy_ev_hdr *ev = (const void *)(found->events + at);

		err = follow(process, ev);
		at += event__size(ev->type);
	}
	return err;
}

/* After all that was told of them. */
static void forget_ended(struct process *process)
{
	while (process->n_ended) {
		uint32_t pid = process->ended[--process->n_ended];

		if (process->options->maps)
			maps__unfollow(process->options->maps, pid);
		if (process->names)
			names__forget(process->names, pid);
	}
	live_processes__sweep(&process->live);
}

static int write_event(void *ctx, const struct convoy_ev_hdr *ev)
{
	struct process *process = ctx;
	int err;

	/* Whatever a stack may hold, it is for finding names and for nothing else. */
	if (ev->type == CONVOY_EV_STACK)
		return process->names ? names__stack(process->names, (const void *)ev) : 0;
	err = follow(process, ev);
	if (ev->type == CONVOY_EV_WAIT || ev->type == CONVOY_EV_RUNNABLE)
		process->reply.switches++;
	return err ? err : recording_writer__event(process->writer, ev);
}

/* Takes the document. */
static int write_document(struct process *process, json_t *document)
{
	int err = document ? recording_writer__document(process->writer, document) : -ENOMEM;

	json_decref(document);
	return err;
}

/* Locks come before the events that are drained after them, as they did in the work. */
static int write_published(struct process *process)
{
	const struct lock_table *table = process->options->published;
	uint32_t n, from = process->n_published;

	if (!table)
		return 0;
	n = __atomic_load_n(&table->count, __ATOMIC_ACQUIRE);
	if (n > LOCK_TABLE_CAPACITY)
		n = LOCK_TABLE_CAPACITY;
	while (process->n_published < n &&
	       __atomic_load_n(&table->entries[process->n_published].ready, __ATOMIC_ACQUIRE))
		process->n_published++;
	if (process->n_published == from)
		return 0;
	return write_document(process, record_docs__locks(table, from, process->n_published));
}

static int drain(struct process *process, uint64_t limit_ns, double *fill)
{
	int err = write_published(process);

	if (!err && process->session)
		err = session__drain(process->session, limit_ns, write_event, process, fill);
	if (limit_ns != UINT64_MAX && limit_ns > process->drained_ns)
		process->drained_ns = limit_ns;
	/* After the births, which say whose mappings are wanted. */
	if (!err && process->options->maps)
		err = maps__drain(process->options->maps, limit_ns, process->writer);
	forget_ended(process);
	return err;
}

static int observe_mapping(void *ctx, const struct mapping *mapping)
{
	return names__mapping(ctx, mapping);
}

/* Names for the words that were drained: in about `budget_ns`, 0: for all. */
static int write_names(struct process *process, uint64_t budget_ns)
{
	return process->names ? names__write(process->names, process->writer, budget_ns) : 0;
}

/* What was lost so far, if that has changed: of one that breaks off, it is all that is known. */
static int write_loss(struct process *process)
{
	struct report_loss loss;

	if (!process->session)
		return 0;
	recorder__loss(process->session, &loss);
	loss.reads += process->reply.reads;
	if (process->options->maps)
		loss.mappings = process->reply.mappings = maps__lost(process->options->maps);
	loss.words = session__counters(process->session).stacks;
	if (process->names)
		loss.words += names__dropped(process->names);
	process->reply.words = loss.words;
	if (!memcmp(&loss, &process->loss, sizeof(loss)))
		return 0;
	process->loss = loss;
	return write_document(process, record_docs__loss(&loss));
}

static uint64_t n_left(const struct process *process)
{
	struct convoy_counters now;

	if (!process->session)
		return 0;
	now = session__counters(process->session);
	return (now.born - process->before.born) - (now.dead - process->before.dead);
}

/* --- a round --- */

static int begin(struct process *process, json_t *document, bool find)
{
	struct found *found = &process->found;
	struct record_round round;
	int err = record_docs__read_round(document, &round);

	process->cpu_before_ns = own_cpu_ns();
	process->n_published = 0;
	process->told_gone = false;
	process->found_any = find;
	round.first_id = (uint32_t)process->before.born;
	if (!err && find) {
		err = found__find(found, process->session, SESSION_FINDS);
		round.start_ns = monotonic_ns();
		process->reply.found = found->n_threads;
		process->reply.start_ns = round.start_ns;
	}
	if (!err)
		err = write_document(process, record_docs__round(&round));
	if (!err && find)
		err = found__write(found, process->writer);
	if (!err && find)
		err = follow_found(process, found);
	if (!err && process->names)
		err = found__give_stacks(found, process->names);
	if (!err && find && process->options->maps)
		err = found__follow(found, process->options->maps);
	process->reply.reads += found->failed_reads;
	process->active = !err;
	return err;
}

/* The mappings of those that were found, which take a while to read: some at a time. */
static int write_some_maps(struct process *process)
{
	if (!process->options->maps)
		return 0;
	return found__write_maps(&process->found, process->options->maps, process->writer,
				 MAPS_AT_ONCE);
}

static int write_rest_of_maps(struct process *process)
{
	int err = process->options->maps ?
			  found__write_maps(&process->found, process->options->maps,
					    process->writer, SIZE_MAX) :
			  0;

	found__free(&process->found);
	return err;
}

/* The other threads of processes that were moved into the cgroup since the last time. */
static int find_joined(struct process *process)
{
	uint64_t joined = process->session ? session__counters(process->session).joined : 0;
	struct found found = { 0 };
	int err;

	if (joined == process->joined)
		return 0;
	process->joined = joined;
	err = found__find(&found, process->session, 1);
	if (!err)
		err = found__write(&found, process->writer);
	if (!err)
		err = follow_found(process, &found);
	if (!err && process->names)
		err = found__give_stacks(&found, process->names);
	if (!err && process->options->maps)
		err = found__follow(&found, process->options->maps);
	if (!err && process->options->maps)
		err = found__write_maps(&found, process->options->maps, process->writer, SIZE_MAX);
	process->reply.reads += found.failed_reads;
	found__free(&found);
	if (err != -ENODATA)
		return err;
	if (!process->told_joined)
		message("so many processes came into the cgroup that of those which still come only "
			"one thread is recorded, and what it starts");
	process->told_joined = true;
	return 0;
}

/*
 * Everything up to `end_ns`, or to where it was drained; then how what lives on stands, and
 * what happens meanwhile.
 */
static int stop(struct process *process, uint64_t end_ns)
{
	uint64_t now = monotonic_ns();
	int err;

	if (end_ns < process->drained_ns)
		end_ns = process->drained_ns;
	if (now < end_ns + DRAIN_SETTLE_NS)
		pause_ns(end_ns + DRAIN_SETTLE_NS - now);
	err = drain(process, end_ns, NULL);
	if (!err)
		err = write_document(process, record_docs__stop(end_ns));
	if (!err && process->session)
		err = session__close(process->session, write_event, process);
	if (err == -ENODATA)
		err = 0; /* these probes cannot tell; the ledger will see that */
	pause_ns(DRAIN_SETTLE_NS);
	return err ? err : drain(process, UINT64_MAX, NULL);
}

/* A reaped thread may still be on its way to its last switch on another CPU. */
static int await_last_switches(struct process *process, unsigned patience_ms)
{
	uint64_t give_up = monotonic_ns() + patience_ms * 1000000ull;
	int err = 0;

	while (!err && n_left(process) && monotonic_ns() < give_up) {
		pause_ns(200000);
		/* What may have to be closed at an earlier time is not drained beyond it. */
		if (!process->options->closes)
			err = drain(process, monotonic_ns() - DRAIN_SETTLE_NS, NULL);
	}
	return err;
}

static int end(struct process *process, json_t *document, unsigned patience_ms)
{
	json_int_t tool_ns = json_integer_value(json_object_get(document, "tool_cpu_ns"));
	struct record_round_end round_end;
	int err = find_joined(process);

	if (!err)
		err = record_docs__read_round_end(document, &round_end);
	if (!err)
		err = await_last_switches(process, patience_ms);
	if (!err && n_left(process)) {
		/* What was waited for is not all that was recorded. */
		json_object_set_new(document, "usage", json_null());
		err = stop(process, round_end.end_ns);
	} else if (!err) {
		err = drain(process, UINT64_MAX, NULL);
	}
	if (!err)
		err = write_rest_of_maps(process);
	/* Before the round's end is written: they are documents of the round. */
	while (!err && process->names && names__pending(process->names)) {
		err = write_names(process, NAMES_NS);
		/* The probes go on. */
		if (!err)
			err = drain(process, UINT64_MAX, NULL);
	}
	process->active = false;
	if (process->session) {
		struct convoy_counters now = session__counters(process->session);

		process->reply.threads += now.born - process->before.born;
		process->before = now;
	}
	if (!err)
		err = write_loss(process);
	tool_ns += (json_int_t)(own_cpu_ns() - process->cpu_before_ns);
	json_object_set_new(document, "tool_cpu_ns", json_integer(tool_ns));
	if (!err)
		err = recording_writer__document(process->writer, document);
	return err;
}

/* --- requests --- */

static int send_reply(struct process *process, enum recorder_reply_kind kind, int err)
{
	process->reply.kind = kind;
	process->reply.err = err;
	/* One that could not begin has none. */
	process->reply.bytes = process->writer ? recording_writer__size(process->writer) : 0;
	return wire__send(process->socket, &process->reply, sizeof(process->reply));
}

/* Returns 1 when it was the last request, 0, or a negative errno. */
static int serve(struct process *process)
{
	struct request_header header;
	json_t *document = NULL;
	char *text;
	int err = wire__receive(process->socket, &header, sizeof(header));

	if (err)
		return err;
	text = malloc((size_t)header.size + 1);
	if (!text)
		return -ENOMEM;
	err = wire__receive(process->socket, text, header.size);
	if (!err)
		document = json_loadb(text, header.size, JSON_ALLOW_NUL, NULL);
	free(text);
	if (!err && !document)
		err = -EBADMSG;
	if (err)
		return err;
	switch (header.kind) {
	case RECORDER_BEGIN:
		err = begin(process, document, header.flags & RECORDER_FIND);
		break;
	case RECORDER_END:
		err = end(process, document, header.patience_ms);
		break;
	case RECORDER_FINISH:
		err = recording_writer__document(process->writer, document);
		if (!err)
			err = recording_writer__finish(process->writer);
		break;
	default:
		err = recording_writer__document(process->writer, document);
	}
	json_decref(document);
	if (send_reply(process, RECORDER_DONE, err))
		return -ECONNRESET;
	return err ? err : header.kind == RECORDER_FINISH;
}

/* What there is to do between requests. */
static int work(struct process *process, int *interval_ms)
{
	double fill = 0;
	uint64_t now = monotonic_ns();
	int err = drain(process, now - DRAIN_SETTLE_NS, &fill);

	if (!err)
		err = write_names(process, NAMES_NS);
	if (!err)
		err = find_joined(process);
	if (!err)
		err = write_some_maps(process);
	if (!err && now - process->flushed_ns >= FLUSH_NS) {
		process->flushed_ns = now;
		err = write_loss(process);
		if (!err)
			err = recording_writer__flush(process->writer);
	}
	if (!err && process->found_any && !process->told_gone && !n_left(process)) {
		process->told_gone = true;
		err = send_reply(process, RECORDER_GONE, 0);
	}
	if (fill > 0.25)
		*interval_ms = *interval_ms / 2 > DRAIN_MIN_MS ? *interval_ms / 2 : DRAIN_MIN_MS;
	else if (fill < 0.05)
		*interval_ms = 2 * *interval_ms < DRAIN_MAX_MS ? 2 * *interval_ms : DRAIN_MAX_MS;
	if (process->names && names__is_watching(process->names) && *interval_ms > WATCH_MS)
		*interval_ms = WATCH_MS;
	return err;
}

/* Until the last request; 0 or a negative errno. */
static int loop(struct process *process)
{
	struct pollfd poll_fd = { .fd = process->socket, .events = POLLIN };
	int interval_ms = 10, err;

	for (;;) {
		int n = poll(&poll_fd, 1, process->active ? interval_ms : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		err = n > 0 ? serve(process) : 0;
		if (err)
			return err < 0 ? err : 0;
		if (process->active)
			err = work(process, &interval_ms);
		else
			interval_ms = 10;
		if (err)
			return err;
	}
}

int recorder_process__run(int socket, const struct recorder_options *options,
			  const struct convoy_counters *before)
{
	static const int ignored[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE, SIGXFSZ
	};
	struct process process = {
		.options = options,
		.session = options->session,
		.socket = socket,
		.before = *before,
	};
	int err;

	/* Who started it decides when it ends. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "convoy-recorder");
	if (options->session && options->ignore && session__ignore_self(options->session)) {
		message("the recorder cannot be left out of what is recorded");
		return CONVOY_EXIT_FAILED;
	}
	err = options->maps ? maps__map(options->maps) : 0;
	if (err) {
		message("the kernel's records of mappings cannot be read: %s", strerror(-err));
		return CONVOY_EXIT_FAILED;
	}
	err = privileges__drop();
	if (err) {
		message("cannot drop privileges: %s", strerror(-err));
		return CONVOY_EXIT_FAILED;
	}
	err = recording_writer__new(&process.writer, options->fd, options->codec);
	if (!err && process.session)
		err = names__new(&process.names, host__in_initial_pid_namespace(),
				 session__guards(process.session));
	if (!err && process.names && options->maps)
		maps__observe(options->maps, observe_mapping, process.names);
	if (!err) {
		process.flushed_ns = monotonic_ns();
		err = loop(&process);
		/* Who started it is gone: what was seen is kept. */
		if (err == -ECONNRESET && process.active && !stop(&process, monotonic_ns())) {
			write_names(&process, 0);
			recording_writer__flush(process.writer);
		}
	}
	if (err && err != -ECONNRESET)
		send_reply(&process, RECORDER_FAILED, err);
	recording_writer__free(process.writer);
	names__free(process.names);
	found__free(&process.found);
	live_processes__free(&process.live);
	free(process.ended);
	close(socket);
	return err ? CONVOY_EXIT_FAILED : 0;
}
