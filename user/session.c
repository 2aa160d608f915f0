// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>

#include "exit_codes.h"
#include "merge.h"
#include "message.h"
#include "session.h"
#include "tracefs.h"

/* The compiled probes, put into this binary by the Makefile. */
extern const char convoy_bpf_convoy_start[], convoy_bpf_convoy_end[];

#define MAX_LINKS 20
/* All rings together, by default: what a large machine may spend. */
#define RINGS_TOTAL (64u << 20)

struct session {
	struct bpf_object *object;
	struct bpf_link *links[MAX_LINKS];
	size_t n_links;
	char note[160];

	int threads_fd;
	int own_pidfd;
	bool ignored;			/* this process's main thread is never traced */
	/* Iterators that were not read yet; -1: none. */
	int find_fds[SESSION_FINDS + SESSION_LATER_FINDS];
	int close_fd;

	uint8_t *rings;			/* n_cpus values of ring_stride bytes */
	size_t rings_bytes, ring_stride, ring_size;
	size_t n_cpus;
	struct merge_source *sources;
	size_t *heap;

	const struct convoy_counters *counters;
	size_t counters_bytes;

	struct convoy_guard *guards;
	size_t guards_bytes;
};

static int print_all(enum libbpf_print_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static int print_all(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, args);
}

static int print_none(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static size_t choose_ring_size(size_t n_cpus)
{
	size_t size = SESSION_RING_MAX;

	while (size > 256u << 10 && size * n_cpus > RINGS_TOTAL)
		size /= 2;
	return size;
}

static struct bpf_program *program(struct session *session, const char *name)
{
	return bpf_object__find_program_by_name(session->object, name);
}

static int set_autoload(struct session *session, const char *name, bool load)
{
	return bpf_program__set_autoload(program(session, name), load);
}

const char *const session_futex_exits[SESSION_FUTEX_EXITS] = {
	"sys_exit_futex",
	"sys_exit_futex_wait",	/* 6.7 */
	"sys_exit_futex_wake",	/* 6.7 */
};

/* Before loading: choose the twins and set what the probes must know. */
static int configure(struct session *session, const struct session_options *options,
		     bool exits_by_id)
{
	const struct session_targets *targets = &options->targets;
	struct convoy_config config = {
		.ring_mask = session->ring_size - 1,
		.cgroup_id = targets->cgroup_id,
		.cgroup_level = targets->cgroup_level,
		.targets = targets->kind,
		.n_wanted = (__u32)targets->n_wanted,
	};
	bool all = options->futex == FUTEX_ALL;
	struct bpf_map *map;
	int err;

	memcpy(config.wanted, targets->wanted, sizeof(config.wanted));

	err = set_autoload(session, "sched_switch_state", options->features.switch_has_state);
	if (!err)
		err = set_autoload(session, "sched_switch_nostate",
				   !options->features.switch_has_state);
	if (!err)
		err = set_autoload(session, "contention_begin", options->features.contention);
	if (!err)
		err = set_autoload(session, "contention_end", options->features.contention);
	if (!err)
		err = set_autoload(session, "sys_exit_futex", all && exits_by_id);
	if (!err)
		err = set_autoload(session, "sys_exit_any", all && !exits_by_id);
	if (!err)
		err = set_autoload(session, "find_tasks", options->tasks);
	if (!err)
		err = set_autoload(session, "close_tasks", options->tasks);
	if (!err)
		err = set_autoload(session, "cgroup_attach_task",
				   targets->kind == CONVOY_TARGETS_CGROUP &&
					   options->features.cgroup_attach_task);
	if (err)
		return err;

	map = bpf_object__find_map_by_name(session->object, ".rodata.config");
	err = bpf_map__set_initial_value(map, &config, sizeof(config));
	if (err)
		return err;
	map = bpf_object__find_map_by_name(session->object, "rings");
	err = bpf_map__set_value_size(map, (__u32)session->ring_stride);
	if (!err)
		err = bpf_map__set_max_entries(map, (__u32)session->n_cpus);
	return err;
}

static int map_memory(struct session *session)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bpf_map *map = bpf_object__find_map_by_name(session->object, "rings");
	void *memory;

	session->rings_bytes = session->ring_stride * session->n_cpus;
	session->rings_bytes = (session->rings_bytes + page - 1) & ~(page - 1);
	memory = mmap(NULL, session->rings_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return -errno;
	session->rings = memory;

	map = bpf_object__find_map_by_name(session->object, ".data.counters");
	memory = mmap(NULL, page, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return -errno;
	session->counters = memory;
	session->counters_bytes = page;

	map = bpf_object__find_map_by_name(session->object, ".data.guards");
	session->guards_bytes = CONVOY_GUARDS * sizeof(*session->guards);
	session->guards_bytes = (session->guards_bytes + page - 1) & ~(page - 1);
	memory = mmap(NULL, session->guards_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return -errno;
	session->guards = memory;
	return 0;
}

static int keep_link(struct session *session, struct bpf_link *link)
{
	if (!link)
		return -errno;
	if (session->n_links == MAX_LINKS) {
		bpf_link__destroy(link);
		return -ENOSPC;
	}
	session->links[session->n_links++] = link;
	return 0;
}

/* By number, since libbpf would look it up in a mounted tracefs. */
static int attach_tracepoint(struct session *session, const char *name, int id)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = (__u64)id,
		.sample_period = 1,
	};
	struct bpf_link *link;
	int fd, err;

	/* A BPF program runs on every CPU whatever CPU the event names. */
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, sched_getcpu(), -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	link = bpf_program__attach_perf_event(program(session, name), fd);
	err = keep_link(session, link);
	if (err)
		close(fd);
	return err;
}

/* Iterators are opened here, because later there may be no permission to. */
static int open_iterators(struct session *session, const char *name, int *fds, size_t n)
{
	struct bpf_link *link = bpf_program__attach_iter(program(session, name), NULL);
	int err = keep_link(session, link);

	for (size_t i = 0; i < n && !err; i++) {
		fds[i] = bpf_iter_create(bpf_link__fd(link));
		if (fds[i] < 0)
			err = -errno;
	}
	if (err)
		message("cannot iterate over the tasks (%s): %s", name, strerror(-err));
	return err;
}

static bool is_iterator(const char *name)
{
	return !strcmp(name, "find_tasks") || !strcmp(name, "close_tasks");
}

static int attach(struct session *session, const struct session_options *options, const int *ids)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, session->object) {
		const char *name = bpf_program__name(prog);
		int err;

		if (!bpf_program__autoload(prog) || !strcmp(name, "sys_exit_futex") ||
		    is_iterator(name))
			continue;
		err = keep_link(session, bpf_program__attach(prog));
		if (err) {
			message("cannot attach the probe %s: %s", name, strerror(-err));
			return err;
		}
	}
	if (options->tasks) {
		bool later = options->targets.kind == CONVOY_TARGETS_CGROUP;
		int err = open_iterators(session, "find_tasks", session->find_fds,
					 SESSION_FINDS + (later ? SESSION_LATER_FINDS : 0));

		if (!err)
			err = open_iterators(session, "close_tasks", &session->close_fd, 1);
		if (err)
			return err;
	}
	if (options->futex != FUTEX_ALL || !ids)
		return 0;
	for (size_t i = 0; i < SESSION_FUTEX_EXITS; i++) {
		int err;

		if (ids[i] < 0)
			continue;
		err = attach_tracepoint(session, "sys_exit_futex", ids[i]);
		if (err) {
			message("cannot attach to %s: %s; try --futex=blocking",
				session_futex_exits[i], strerror(-err));
			return err;
		}
	}
	return 0;
}

static int load(struct session *session, const struct session_options *options)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_options, .object_name = "convoy");
	int ids[SESSION_FUTEX_EXITS];
	bool exits_by_id = false;
	int err;

	if (options->futex == FUTEX_ALL) {
		err = tracefs__syscall_event_ids(session_futex_exits, SESSION_FUTEX_EXITS, ids);
		exits_by_id = !err && ids[0] >= 0;
		if (!exits_by_id)
			snprintf(
				session->note, sizeof(session->note),
				"futex exits by tp_btf/sys_exit, which slows every system call: %s",
				err ? "tracefs cannot be read" :
				      "the kernel has no system call tracepoints");
	}

	session->object = bpf_object__open_mem(
		convoy_bpf_convoy_start, (size_t)(convoy_bpf_convoy_end - convoy_bpf_convoy_start),
		&open_options);
	if (!session->object) {
		err = -errno;
		message("cannot open the compiled probes: %s", strerror(-err));
		return err;
	}
	err = configure(session, options, exits_by_id);
	if (!err)
		err = bpf_object__load(session->object);
	if (err) {
		message("the kernel refused the probes: %s; -v shows its own words",
			strerror(-err));
		if (err == -EPERM || err == -EACCES)
			message("it takes root or CAP_BPF and CAP_PERFMON in the initial user "
				"namespace; a container's seccomp filter or kernel lockdown can "
				"forbid bpf() too");
		return err;
	}
	err = map_memory(session);
	if (err) {
		message("cannot map the probes' memory: %s", strerror(-err));
		return err;
	}
	session->threads_fd = bpf_map__fd(bpf_object__find_map_by_name(session->object, "threads"));
	return attach(session, options, exits_by_id ? ids : NULL);
}

int session__new(struct session **out, const struct session_options *options)
{
	struct session *session = calloc(1, sizeof(*session));
	int err, n;

	if (!session)
		return -ENOMEM;
	session->own_pidfd = session->close_fd = -1;
	for (size_t i = 0; i < SESSION_FINDS + SESSION_LATER_FINDS; i++)
		session->find_fds[i] = -1;
	libbpf_set_print(options->verbose ? print_all : print_none);

	n = libbpf_num_possible_cpus();
	if (n < 0) {
		message("cannot tell the number of CPUs: %s", strerror(-n));
		err = n;
		goto fail;
	}
	session->n_cpus = (size_t)n;
	session->ring_size = options->ring_bytes ? options->ring_bytes :
						   choose_ring_size(session->n_cpus);
	session->ring_stride = sizeof(struct convoy_ring) + session->ring_size + CONVOY_RING_SLACK;
	session->sources = calloc(session->n_cpus, sizeof(*session->sources));
	session->heap = calloc(session->n_cpus, sizeof(*session->heap));
	err = session->sources && session->heap ? 0 : -ENOMEM;
	if (err)
		goto fail;
	session->own_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (session->own_pidfd < 0) {
		err = -errno;
		message("pidfd_open: %s", strerror(-err));
		goto fail;
	}
	err = load(session, options);
	if (err)
		goto fail;
	*out = session;
	return 0;
fail:
	session__free(session);
	return err;
}

void session__free(struct session *session)
{
	if (!session)
		return;
	for (size_t i = 0; i < SESSION_FINDS + SESSION_LATER_FINDS; i++)
		if (session->find_fds[i] >= 0)
			close(session->find_fds[i]);
	if (session->close_fd >= 0)
		close(session->close_fd);
	while (session->n_links)
		bpf_link__destroy(session->links[--session->n_links]);
	if (session->rings)
		munmap(session->rings, session->rings_bytes);
	if (session->counters)
		munmap((void *)session->counters, session->counters_bytes);
	if (session->guards)
		munmap(session->guards, session->guards_bytes);
	bpf_object__close(session->object);
	if (session->own_pidfd >= 0)
		close(session->own_pidfd);
	free(session->sources);
	free(session->heap);
	free(session);
}

int session__exit_code(int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
	case -EOPNOTSUPP:
	case -EINVAL:
	case -ENOENT:
		return CONVOY_EXIT_REFUSED;
	}
	return CONVOY_EXIT_FAILED;
}

const char *session__note(const struct session *session)
{
	return session->note;
}

static int set_own_state(struct session *session, bool launcher)
{
	struct convoy_thread own = { .launcher = launcher, .ignored = session->ignored };

	return bpf_map_update_elem(session->threads_fd, &session->own_pidfd, &own, BPF_ANY);
}

int session__arm(struct session *session)
{
	return set_own_state(session, true);
}

int session__disarm(struct session *session)
{
	if (session->ignored)
		return set_own_state(session, false);
	return bpf_map_delete_elem(session->threads_fd, &session->own_pidfd);
}

int session__ignore_self(struct session *session)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	/* After a fork the old one is the parent's. */
	if (pidfd < 0)
		return -errno;
	close(session->own_pidfd);
	session->own_pidfd = pidfd;
	session->ignored = true;
	return set_own_state(session, false);
}

int session__compare_clocks(struct session *session)
{
	int err = session__arm(session);

	/* It is compared when this thread leaves a CPU that it was seen to get. */
	for (int i = 0; i < 3 && !err; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
	return err ? err : session__disarm(session);
}

/* Read an iterator to its end: events, one after the other. */
static int read_iterator(int *fd, session_event_fn fn, void *ctx)
{
	_Alignas(8) uint8_t buffer[1 << 16];
	size_t have = 0;
	int err = 0;

	if (*fd < 0)
		return -ENODATA;
	while (!err) {
		ssize_t got = read(*fd, buffer + have, sizeof(buffer) - have);
		size_t at = 0;

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0) {
			err = got < 0 ? -errno : have ? -EBADMSG : 0;
			break;
		}
		have += (size_t)got;
		while (!err && have - at >= sizeof(struct convoy_ev_hdr)) {
			const struct convoy_ev_hdr *ev = (const void *)(buffer + at);
			size_t size = event__size(ev->type);

			if (!size)
				err = -EBADMSG;
			if (!size || have - at < size)
				break;
			err = fn(ctx, ev);
			at += size;
		}
		memmove(buffer, buffer + at, have - at);
		have -= at;
	}
	close(*fd);
	*fd = -1;
	return err;
}

struct finding {
	session_event_fn fn;
	void *ctx;
	size_t n;
};

static int found_one(void *ctx, const struct convoy_ev_hdr *ev)
{
	struct finding *finding = ctx;

	finding->n += ev->type == CONVOY_EV_SEEN;
	return finding->fn(finding->ctx, ev);
}

int session__find(struct session *session, session_event_fn fn, void *ctx, size_t *n)
{
	struct finding finding = { .fn = fn, .ctx = ctx };
	int err = -ENODATA;

	for (size_t i = 0; i < SESSION_FINDS + SESSION_LATER_FINDS && err; i++) {
		if (session->find_fds[i] < 0)
			continue;
		err = read_iterator(&session->find_fds[i], found_one, &finding);
		break;
	}
	*n = finding.n;
	return err;
}

int session__close(struct session *session, session_event_fn fn, void *ctx)
{
	return read_iterator(&session->close_fd, fn, ctx);
}

static struct convoy_ring *ring_at(const struct session *session, size_t cpu)
{
	return (struct convoy_ring *)(session->rings + cpu * session->ring_stride);
}

int session__drain(struct session *session, uint64_t limit_ns, session_event_fn fn, void *ctx,
		   double *fill)
{
	const struct convoy_ev_hdr *ev;
	uint64_t fullest = 0;
	struct merge merge;
	int err;

	for (size_t i = 0; i < session->n_cpus; i++) {
		struct convoy_ring *ring = ring_at(session, i);
		struct merge_source *source = &session->sources[i];

		source->data = ring->data;
		source->mask = session->ring_size - 1;
		source->pos = ring->tail;
		source->end = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
		if (source->end - source->pos > fullest)
			fullest = source->end - source->pos;
	}
	if (fill)
		*fill = (double)fullest / (double)session->ring_size;

	err = merge__init(&merge, session->sources, session->n_cpus, session->heap);
	while (!err) {
		err = merge__next(&merge, limit_ns, &ev);
		if (err || !ev)
			break;
		err = fn(ctx, ev);
	}
	for (size_t i = 0; i < session->n_cpus; i++)
		__atomic_store_n(&ring_at(session, i)->tail, session->sources[i].pos,
				 __ATOMIC_RELEASE);
	return err;
}

struct convoy_counters session__counters(const struct session *session)
{
	const volatile struct convoy_counters *now = session->counters;

	return (struct convoy_counters){
		.task_state = now->task_state,
		.reads = now->reads,
		.unmatched = now->unmatched,
		.recovered = now->recovered,
		.born = now->born,
		.dead = now->dead,
		.joined = now->joined,
		.clock_offset = now->clock_offset,
		.stacks = now->stacks,
	};
}

struct convoy_guard *session__guards(const struct session *session)
{
	return session->guards;
}

uint64_t session__ring_dropped(const struct session *session)
{
	uint64_t dropped = 0;

	for (size_t i = 0; i < session->n_cpus; i++)
		dropped += __atomic_load_n(&ring_at(session, i)->dropped, __ATOMIC_RELAXED);
	return dropped;
}
