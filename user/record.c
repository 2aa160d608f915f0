// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exec_error.h"
#include "exit_codes.h"
#include "features.h"
#include "host.h"
#include "message.h"
#include "record.h"
#include "record_meta.h"
#include "recorder.h"
#include "session.h"
#include "signals.h"
#include "trace.h"

/* How long the last switches of a command may take to appear after it was reaped. */
#define LAST_SWITCHES_MS 50
/* How long a command has to end by the Ctrl-C that it got, too. */
#define GRACE_NS 500000000u
/* How long a command may take to begin before its file gets its name only at the end. */
#define EXEC_MS 1000
/* How often to look at what does not wake. */
#define LOOK_AGAIN_MS 500

struct record {
	const struct record_request *request;
	const struct record_plan *plan;
	struct record_outcome *outcome;
	struct session *session;
	struct maps *maps;
	struct recorder *recorder;
	struct launch_options launch;
	struct trace trace;		/* of a command */
	int signal_fd;
	sigset_t old_mask, ignored;
	uint64_t start_ns;
	struct pollfd fds[2 + CONVOY_MAX_WANTED];	/* signals, recorder, processes */
	size_t n_fds;
	bool command_ended;
	bool closes;			/* the kernel has the iterator that tells what lives on */
};

/* --- setting up --- */

static int attach(struct record *record)
{
	const struct record_plan *plan = record->plan;
	struct session_options options = {
		.futex = plan->futex,
		.ring_bytes = plan->ring_bytes,
		.verbose = plan->verbose,
		.targets = { .kind = plan->targets, .n_wanted = plan->n_wanted },
	};
	int err;

	if (features__require(&options.features))
		return CONVOY_EXIT_REFUSED;
	options.tasks = record->closes = options.features.iter_task;
	if (plan->targets != CONVOY_TARGETS_NONE && !options.tasks) {
		message("this kernel has no BPF iterator over tasks, which it takes to find threads "
			"that run already; a command can be recorded: convoy record -- COMMAND");
		return CONVOY_EXIT_REFUSED;
	}
	memcpy(options.targets.wanted, plan->wanted, sizeof(options.targets.wanted));
	if (record->request->cgroup) {
		options.targets.cgroup_id = record->request->cgroup->id;
		options.targets.cgroup_level = record->request->cgroup->level;
	}
	err = session__new(&record->session, &options);
	if (err)
		return session__exit_code(err);
	if (plan->targets == CONVOY_TARGETS_ALL)
		err = session__ignore_self(record->session);
	if (!err && plan->targets != CONVOY_TARGETS_NONE)
		err = session__compare_clocks(record->session);
	if (err)
		message("cannot prepare the probes: %s", strerror(-err));
	if (!err && plan->maps != RECORD_MAPS_NONE)
		err = maps__open(&record->maps, plan->maps == RECORD_MAPS_EVENTS,
				 plan->targets == CONVOY_TARGETS_ALL);
	return err ? CONVOY_EXIT_FAILED : 0;
}

static int start_recorder(struct record *record)
{
	struct recorder_options options = {
		.session = record->session,
		.fd = record->request->fd,
		.codec = recording__best_codec(),
		.maps = record->maps,
		.ignore = record->plan->targets == CONVOY_TARGETS_ALL,
		.closes = record->closes,
	};
	int err = recorder__start(&record->recorder, &options);

	if (!err)
		recorder__interruptible(record->recorder, record->signal_fd);
	if (!err)
		err = record_meta__write(record->recorder, record->plan,
					 session__note(record->session));
	if (err)
		message("cannot begin the recording: %s", strerror(-err));
	return err ? CONVOY_EXIT_FAILED : 0;
}

/*
 * The file gets its name now, so that it is found whatever becomes of this process; but for
 * a command that cannot be executed no old recording is replaced.
 */
static void name_file(struct record *record)
{
	if (!record->request->file)
		return;
	if (!record->trace.launch.started || launch__executed(&record->trace.launch, EXEC_MS) > 0)
		record_file__keep(record->request->file); /* else it is said again at the end */
}

/* To be told when one of these processes ends. 0 or an exit status after a message. */
static int watch_processes(struct record *record)
{
	const struct record_plan *plan = record->plan;

	for (size_t i = 0; plan->targets == CONVOY_TARGETS_PIDS && i < plan->n_wanted; i++) {
		int fd = (int)syscall(SYS_pidfd_open, plan->wanted[i], 0);

		if (fd >= 0) {
			record->fds[record->n_fds++] =
				(struct pollfd){ .fd = fd, .events = POLLIN };
		} else if (errno != ESRCH) {
			message("cannot watch process %u: %s", plan->wanted[i], strerror(errno));
			return CONVOY_EXIT_FAILED;
		}
	}
	return 0;
}

static int begin_targets(struct record *record)
{
	struct record_round round = { 0 };
	uint64_t found = 0;
	int err = watch_processes(record);

	if (err)
		return err;
	snprintf(round.mode, sizeof(round.mode), "%s", record_meta__label(record->plan));
	err = recorder__begin(record->recorder, &round, true, &found);
	record->start_ns = round.start_ns;
	if (err) {
		message("cannot begin the recording: %s", strerror(-err));
		return CONVOY_EXIT_FAILED;
	}
	record->outcome->begun = true;
	if (!found && record->plan->targets < CONVOY_TARGETS_CGROUP) {
		message("nothing was found to record: it has ended meanwhile, or cannot be seen by "
			"the probes");
		return CONVOY_EXIT_USAGE;
	}
	name_file(record);
	if (!record->request->quiet)
		message("recording %llu thread%s%s", (unsigned long long)found,
			found == 1 ? "" : "s",
			record->plan->duration_ns ?
				"" :
				"; Ctrl-C ends the recording, and nothing else");
	return 0;
}

static int begin_command(struct record *record)
{
	const struct record_plan *plan = record->plan;
	struct trace_options options = {
		.mode = record_meta__label(plan),
		.session = record->session,
		.recorder = record->recorder,
		.signal_fd = record->signal_fd,
	};
	int err;

	record->launch = (struct launch_options){
		.argv = plan->command,
		.stdout_fd = record->request->stdout_taken ||
					     !strcmp(plan->output ? plan->output : "", "-") ?
				     STDERR_FILENO :
				     -1,
		.keep_fd = -1,
		.sigmask = &record->old_mask,
		.ignored = &record->ignored,
		.as = record->request->as,
		.leave_alone = true,
	};
	if (record->request->as) {
		record->launch.envp = identity__environ(record->request->as, environ);
		if (!record->launch.envp)
			return CONVOY_EXIT_FAILED;
	}
	options.launch = record->launch;
	err = trace__start(&record->trace, &options);
	/* It is the user's, and runs, though nobody records it. */
	record->outcome->failed = record->trace.released;
	if (err && !record->trace.released)
		return record->trace.start_status ? record->trace.start_status : CONVOY_EXIT_FAILED;
	record->start_ns = record->trace.start_ns;
	record->outcome->begun = record->trace.begun;
	if (record->trace.begun)
		name_file(record);
	return record->trace.signal ? CONVOY_EXIT_SIGNAL + record->trace.signal : 0;
}

/* --- while it runs --- */

/* Has the command ended? It is not asked again once it has. */
static bool command_ended(struct record *record)
{
	if (!record->trace.launch.started || record->command_ended)
		return record->command_ended;
	record->command_ended = launch__reap(&record->trace.launch) != 0;
	return record->command_ended;
}

/* How long to sleep at most, in ms, before `until_ns` (0: never) or the next look. */
static int sleep_ms(uint64_t until_ns)
{
	uint64_t now = monotonic_ns();

	if (!until_ns)
		return LOOK_AGAIN_MS;
	if (now >= until_ns)
		return 0;
	return (until_ns - now) / 1000000 < LOOK_AGAIN_MS ? (int)((until_ns - now) / 1000000 + 1) :
							    LOOK_AGAIN_MS;
}

/* Have all the processes that were named ended? */
static bool processes_gone(struct record *record)
{
	for (size_t i = 2; i < record->n_fds; i++) {
		if (!(record->fds[i].revents & POLLIN))
			continue;
		close(record->fds[i].fd);
		record->fds[i] = record->fds[--record->n_fds];
		i--;
	}
	return record->plan->targets == CONVOY_TARGETS_PIDS && record->n_fds == 2;
}

static bool target_gone(struct record *record)
{
	switch (record->plan->targets) {
	case CONVOY_TARGETS_NONE:
		return command_ended(record);
	case CONVOY_TARGETS_PIDS:
		return processes_gone(record);
	case CONVOY_TARGETS_THREADS:
		return recorder__news(record->recorder).gone;
	case CONVOY_TARGETS_CGROUP:
		return cgroup__gone(record->request->cgroup);
	default:
		return false;
	}
}

/* Until it is over, for whatever reason. Returns 0 or an exit status after a message. */
static int watch(struct record *record)
{
	uint64_t until_ns =
		record->plan->duration_ns ? record->start_ns + record->plan->duration_ns : 0;

	while (!until_ns || monotonic_ns() < until_ns) {
		int failed;

		if (poll(record->fds, record->n_fds, sleep_ms(until_ns)) < 0 && errno != EINTR) {
			message("poll: %s", strerror(errno));
			return CONVOY_EXIT_FAILED;
		}
		record->outcome->signal = signals__read(record->signal_fd);
		if (record->outcome->signal)
			break;
		failed = recorder__news(record->recorder).failed;
		if (failed) {
			message("cannot record any more: %s; what was written until then is kept",
				failed == -ECONNRESET ? "the recorder has ended" :
							strerror(-failed));
			return CONVOY_EXIT_FAILED;
		}
		if (target_gone(record))
			break;
	}
	return 0;
}

/* Wait until the command has ended, `until_ns`, or a signal comes. */
static void await_command(struct record *record, uint64_t until_ns)
{
	while (record->trace.launch.started && !command_ended(record) &&
	       (!until_ns || monotonic_ns() < until_ns)) {
		int signal;

		poll(record->fds, 1, sleep_ms(until_ns));
		signal = signals__read(record->signal_fd);
		if (signal) {
			/* The first one, if there was one, ended the recording. */
			if (!record->outcome->signal)
				record->outcome->signal = signal;
			record->outcome->insisted = true;
			return;
		}
	}
}

/* --- the end --- */

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? CONVOY_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The command's own end, once it is known. */
static void note_command(struct record *record)
{
	struct record_outcome *outcome = record->outcome;

	if (!record->trace.launch.started || outcome->exec_status)
		return;
	outcome->left = record->command_ended ? 0 : record->trace.launch.pid;
	if (!record->command_ended)
		return;
	record->trace.exec_error = launch__exec_error(&record->trace.launch);
	if (record->trace.exec_error)
		outcome->exec_status =
			launch__explain_exec_error(&record->launch, record->trace.exec_error);
	else
		outcome->command_status = shell_status(record->trace.launch.status);
}

/* Close the round and the recording; how it is known from the outcome. */
static void finish(struct record *record, const struct stolen_clock *stolen, uint64_t cpu_ns)
{
	struct record_outcome *outcome = record->outcome;
	struct record_end end = { 0 };
	struct record_round_end round_end = {
		.measured = true,
		.has_usage = record->command_ended,
		.usage = record->trace.launch.usage,
	};
	struct recorder_news news;
	int err;

	round_end.end_ns = monotonic_ns();
	round_end.tool_cpu_ns = own_cpu_ns() - cpu_ns;
	err = recorder__end(record->recorder, &round_end,
			    record->command_ended ? LAST_SWITCHES_MS : 0);
	note_command(record);
	news = recorder__news(record->recorder);
	end.stolen_share = stolen_clock__share(stolen);
	end.command_status = outcome->command_status;
	recorder__loss(record->session, &end.loss);
	end.loss.reads += news.reads;
	end.loss.mappings = news.mappings;
	end.loss.words = news.words;
	if (!err)
		err = recorder__finish(record->recorder, &end);
	news = recorder__news(record->recorder);
	outcome->duration_ns = round_end.end_ns - record->start_ns;
	outcome->threads = news.threads;
	outcome->switches = news.switches;
	outcome->bytes = news.bytes;
	outcome->loss = end.loss;
	outcome->failed = err;
	if (err)
		message("cannot end the recording: %s; what was written until then is kept",
			err == -EINTR	    ? "interrupted" :
			err == -ECONNRESET ? "the recorder has ended" :
					     strerror(-err));
}

static int record_all(struct record *record)
{
	struct record_outcome *outcome = record->outcome;
	uint64_t cpu_ns = own_cpu_ns();
	struct stolen_clock stolen;
	int status, first;

	stolen_clock__start(&stolen);
	record->fds[0] = (struct pollfd){ .fd = record->signal_fd, .events = POLLIN };
	record->fds[1] = (struct pollfd){ .fd = recorder__fd(record->recorder), .events = POLLIN };
	record->n_fds = 2;
	status = record->plan->targets == CONVOY_TARGETS_NONE ? begin_command(record) :
								begin_targets(record);
	if (status)
		return status;
	if (!outcome->failed)
		outcome->failed = watch(record) != 0;
	first = outcome->signal;
	if (first == SIGINT)
		await_command(record, monotonic_ns() + GRACE_NS);
	if (!outcome->failed)
		finish(record, &stolen, cpu_ns);
	/* The recording is over; the command is the user's, who waits for it. */
	session__free(record->session);
	record->session = NULL;
	if (!command_ended(record) && record->trace.launch.started && !outcome->insisted &&
	    (!first || first == SIGINT)) {
		message("the recording has ended, the command goes on: waiting for it");
		await_command(record, 0);
	}
	note_command(record);
	launch__close(&record->trace.launch);
	return 0;
}

int record__run(const struct record_request *request, struct record_outcome *outcome)
{
	struct record record = {
		.request = request,
		.plan = request->plan,
		.outcome = outcome,
	};
	int status;

	memset(outcome, 0, sizeof(*outcome));
	outcome->command_status = -1;
	launch__note_ignored(&record.ignored);
	if (signals__take(&record.signal_fd, &record.old_mask))
		return CONVOY_EXIT_FAILED;
	/* A closed pipe and a file that is too large are errors of write(). */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	status = attach(&record);
	outcome->signal = signals__read(record.signal_fd);
	if (!status && outcome->signal)
		status = CONVOY_EXIT_SIGNAL + outcome->signal;
	if (!status)
		status = start_recorder(&record);
	if (!status)
		status = record_all(&record);
	for (size_t i = 2; i < record.n_fds; i++)
		close(record.fds[i].fd);
	recorder__free(record.recorder);
	maps__free(record.maps);
	session__free(record.session);
	if (record.launch.envp)
		identity__free_environ((char **)record.launch.envp);
	signals__give_back(record.signal_fd, &record.old_mask);
	return status;
}
