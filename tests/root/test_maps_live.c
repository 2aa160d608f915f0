// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_maps_live.c - mappings of living processes against independent witnesses: the
 * dynamic linker for what is mapped where, ELF notes in memory for build-ids, fstat(2)
 * for shared memory; and what a process without privileges can still tell of them.
 */
#include "tests/root/kept_mappings.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "user/host.h"
#include "user/map_build_id.h"
#include "user/maps.h"

#define ANOTHER_PROGRAM "/bin/true"

struct objects {
	const struct kept *kept;
	size_t n, n_ids;
};

/* The build-id, as it lies in this process's own memory. */
static const uint8_t *note_in_memory(const struct dl_phdr_info *info, uint32_t *size)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const uint8_t *at = (const uint8_t *)info->dlpi_addr + segment->p_vaddr;
		const uint8_t *end = at + segment->p_memsz;

		while (segment->p_type == PT_NOTE && segment->p_align == 4 && at + 12 <= end) {
			const ElfW(Nhdr) *note = (const void *)at;
			const uint8_t *desc = at + 12 + ((note->n_namesz + 3) & ~3u);

			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
			    !memcmp(at + 12, "GNU", 4)) {
				*size = note->n_descsz;
				return desc;
			}
			at = desc + ((note->n_descsz + 3) & ~3u);
		}
	}
	return NULL;
}

static int check_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct objects *objects = ctx;
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	bool is_vdso = strstr(info->dlpi_name, "vdso");
	uint32_t id_size;
	const uint8_t *id = note_in_memory(info, &id_size);
	char path[PATH_MAX];

	(void)size;
	objects->n++;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const struct mapping *mapping;

		if (segment->p_type != PT_LOAD)
			continue;
		mapping = at_address(objects->kept, info->dlpi_addr + segment->p_vaddr);
		assert_non_null(mapping);
		assert_int_equal(mapping->executable, !!(segment->p_flags & PF_X));
		assert_false(mapping->shared);
		if (is_vdso) {
			assert_string_equal(mapping->path, "[vdso]");
			continue;
		}
		assert_non_null(
			realpath(*info->dlpi_name ? info->dlpi_name : "/proc/self/exe", path));
		assert_string_equal(mapping->path, path);
		assert_int_equal(mapping->offset, segment->p_offset & ~(page - 1));
		if (!id)
			continue;
		assert_int_equal(mapping->build_id_size, id_size);
		assert_memory_equal(mapping->build_id, id, id_size);
		objects->n_ids++;
	}
	return 0;
}

static void check_own_objects(const struct kept *kept)
{
	struct objects objects = { .kept = kept };

	dl_iterate_phdr(check_object, &objects);
	assert_true(objects.n >= 3); /* the program, the C library, the linker */
	assert_true(objects.n_ids > 0);
}

static void test_own_mappings_are_the_linkers(void **state)
{
	struct kept kept = read_proc(getpid());
	const struct mapping *mapping;
	char path[PATH_MAX] = "";
	void *brk = sbrk(0);

	(void)state;
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_string_equal(kept.mappings[0].path, path);
	check_own_objects(&kept);
	mapping = at_address(&kept, (uintptr_t)__builtin_frame_address(0));
	assert_non_null(mapping);
	assert_string_equal(mapping->path, "[stack]");
	mapping = at_address(&kept, (uintptr_t)brk - 1);
	if (mapping) /* not where malloc() is the sanitizer's */
		assert_string_equal(mapping->path, "[heap]");
	forget(&kept);
}

static void test_shared_memory_has_its_inode(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("new\nline", MFD_CLOEXEC);
	uint8_t *named, *shared, *private;
	const struct mapping *mapping;
	struct kept kept;
	struct stat st;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(4 * page)), 0);
	assert_int_equal(fstat(fd, &st), 0);
	named = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(2 * page));
	shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	private = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(named != MAP_FAILED && shared != MAP_FAILED && private != MAP_FAILED);
	kept = read_proc(getpid());

	mapping = at_address(&kept, (uintptr_t)named);
	assert_non_null(mapping);
	assert_true(mapping->shared);
	assert_int_equal(mapping->inode, st.st_ino);
	assert_int_equal(mapping->major, major(st.st_dev));
	assert_int_equal(mapping->minor, minor(st.st_dev));
	assert_int_equal(mapping->offset, 2 * page);
	assert_int_equal(mapping->build_id_size, 0);
	assert_string_equal(mapping->path, "/memfd:new\nline (deleted)");
	mapping = at_address(&kept, (uintptr_t)shared);
	assert_non_null(mapping);
	assert_true(mapping->shared && mapping->inode);
	assert_null(at_address(&kept, (uintptr_t) private));

	munmap(named, page);
	munmap(shared, page);
	munmap(private, page);
	close(fd);
	forget(&kept);
}

static int give_up(void *ctx, const struct mapping *mapping)
{
	int *calls = ctx;

	(void)mapping;
	return ++*calls == 3 ? -ENOENT : 0;
}

static void test_receiver_ends_it(void **state)
{
	struct map_proc *map_proc;
	int calls = 0;

	(void)state;
	assert_int_equal(map_proc__new(&map_proc), 0);
	assert_int_equal(map_proc__read(map_proc, getpid(), 1, 0, give_up, &calls), -ENOENT);
	assert_int_equal(calls, 3);
	map_proc__free(map_proc);
}

/* Read at every moment of its end: while it dies, as a zombie, while it is reaped. */
static void test_process_that_vanishes(void **state)
{
	struct map_proc *map_proc;
	struct kept kept = { 0 };

	(void)state;
	assert_int_equal(map_proc__new(&map_proc), 0);
	for (int i = 0; i < 200; i++) {
		bool stays = i % 4 == 0; /* a zombie, for a while */
		pid_t pid;

		signal(SIGCHLD, stays ? SIG_DFL : SIG_IGN);
		pid = fork_idle();
		assert_int_equal(map_proc__read(map_proc, pid, 1, 0, keep, &kept), 0);
		kill(pid, SIGKILL);
		for (int k = 0; stays ? k < 5 : !kill(pid, 0); k++)
			assert_int_equal(map_proc__read(map_proc, pid, 1, 0, keep, &kept), 0);
		if (stays)
			waitpid(pid, NULL, 0);
		forget(&kept);
		assert_int_equal(map_proc__read(map_proc, pid, 1, 0, keep, &kept), 0);
		assert_int_equal(kept.n, 0);
	}
	signal(SIGCHLD, SIG_DFL);
	map_proc__free(map_proc);
}

/* The same build-ids, by path now: map_files would need CAP_CHECKPOINT_RESTORE. */
static void test_proc_without_capabilities(void **state)
{
	struct kept with, without;
	int status;
	pid_t pid;

	(void)state;
	require_root();
	with = read_proc(getpid());
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (keep_only_ptrace())
			_exit(1);
		without = read_proc(getppid());
		for (size_t i = 1; i < with.n; i++) {
			const struct mapping *a = &with.mappings[i];
			const struct mapping *b = at_address(&without, a->start);

			if (!a->build_id_size)
				continue;
			if (!b || b->build_id_size != a->build_id_size ||
			    memcmp(b->build_id, a->build_id, a->build_id_size))
				_exit(2);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	forget(&with);
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat st;

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
	close(in);
	close(out);
}

static struct build_id build_id_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct build_id id = build_id__of_elf(fd);

	assert_true(fd >= 0 && id.size > 0);
	close(fd);
	return id;
}

/* Another program has taken the path of a mapped one: its build-id is never taken. */
static void test_replaced_file(void **state)
{
	struct build_id mapped = build_id_of("/proc/self/exe"),
			other = build_id_of(ANOTHER_PROGRAM);
	char dir[PATH_MAX], path[PATH_MAX + 16], next[PATH_MAX + 16];
	const struct mapping *mapping;
	struct kept kept;
	void *memory;
	int fd, status;
	pid_t pid;

	(void)state;
	require_root();
	assert_memory_not_equal(mapped.bytes, other.bytes, mapped.size);
	make_directory(dir);
	snprintf(path, sizeof(path), "%s/a", dir);
	snprintf(next, sizeof(next), "%s/b", dir);
	copy_file("/proc/self/exe", path);
	copy_file(ANOTHER_PROGRAM, next);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	memory = mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(memory != MAP_FAILED);
	close(fd);
	assert_int_equal(rename(next, path), 0);
	/* Below the name that the kernel gives it, too. */
	snprintf(next, sizeof(next), "%s/a (deleted)", dir);
	copy_file(ANOTHER_PROGRAM, next);

	kept = read_proc(getpid());
	mapping = at_address(&kept, (uintptr_t)memory);
	assert_non_null(mapping);
	assert_string_equal(mapping->path, next);
	assert_int_equal(mapping->build_id_size, mapped.size);
	assert_memory_equal(mapping->build_id, mapped.bytes, mapped.size);
	forget(&kept);

	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (keep_only_ptrace())
			_exit(1);
		kept = read_proc(getppid());
		mapping = at_address(&kept, (uintptr_t)memory);
		_exit(!mapping || mapping->build_id_size ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	munmap(memory, 1);
	unlink(path);
	unlink(next);
	assert_int_equal(rmdir(dir), 0);
}

/* The program's build-id, though its directory is closed to who reads. */
static void test_program_in_a_closed_directory(void **state)
{
	struct build_id id;
	char dir[PATH_MAX], path[PATH_MAX + 16], byte;
	int begun[2], end[2], status;
	pid_t program, reader;

	(void)state;
	require_root();
	make_directory(dir);
	snprintf(path, sizeof(path), "%s/a", dir);
	copy_file("/bin/cat", path);
	id = build_id_of(path);
	assert_int_equal(pipe2(begun, O_CLOEXEC), 0);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	program = fork();
	assert_true(program >= 0);
	if (!program) {
		dup2(end[0], STDIN_FILENO);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(begun[1]);
	assert_int_equal(read(begun[0], &byte, 1), 0);
	assert_int_equal(chmod(dir, 0), 0);

	reader = fork();
	assert_true(reader >= 0);
	if (!reader) {
		struct kept kept;

		if (keep_only_ptrace())
			_exit(1);
		kept = read_proc(program);
		for (size_t i = 0; i < kept.n; i++) {
			const struct mapping *mapping = &kept.mappings[i];

			if (mapping->kind == MAPPING_FILE && !strcmp(mapping->path, path))
				_exit(mapping->build_id_size != id.size ||
						      memcmp(mapping->build_id, id.bytes, id.size) ?
					      2 :
					      0);
		}
		_exit(3);
	}
	assert_int_equal(waitpid(reader, &status, 0), reader);
	close(end[1]);
	close(end[0]);
	close(begun[0]);
	assert_int_equal(waitpid(program, NULL, 0), program);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(dir, 0700), 0);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

/* No room for the kernel's records: said, and no error of the recording. */
static void test_records_that_cannot_be_mapped(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	require_root();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		const struct rlimit none = { 0, 0 };
		struct maps *maps;

		if (maps__open(&maps, true, true) || setrlimit(RLIMIT_AS, &none))
			_exit(1);
		_exit(maps__map(maps) || maps__drain(maps, UINT64_MAX, NULL) ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Whoever wants to know is told of all that is written. */
static void test_observer(void **state)
{
	struct kept expected = read_proc(getpid()), observed = { 0 };
	int fd = memfd_create("recording", MFD_CLOEXEC);
	struct recording_writer *writer;
	struct maps *maps;

	(void)state;
	if (!host__in_initial_pid_namespace()) {
		print_message("PIDs here are not the probes'\n");
		skip();
	}
	assert_true(fd >= 0);
	assert_int_equal(recording_writer__new(&writer, fd, RECORDING_RAW), 0);
	assert_int_equal(maps__open(&maps, false, true), 0);
	maps__observe(maps, keep, &observed);
	assert_int_equal(maps__write_now(maps, (uint32_t)getpid(), writer), 0);
	/* What was made of this process's memory since then may be more. */
	assert_true(observed.n >= expected.n);
	assert_int_equal(observed.mappings[0].kind, MAPPING_EXEC);
	assert_int_equal(observed.mappings[0].pid, getpid());
	check_own_objects(&observed);
	forget(&observed);
	maps__observe(maps, NULL, NULL);
	assert_int_equal(maps__write_now(maps, (uint32_t)getpid(), writer), 0);
	assert_int_equal(observed.n, 0);
	maps__free(maps);
	recording_writer__free(writer);
	close(fd);
	forget(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_mappings_are_the_linkers),
		cmocka_unit_test(test_shared_memory_has_its_inode),
		cmocka_unit_test(test_receiver_ends_it),
		cmocka_unit_test(test_process_that_vanishes),
		cmocka_unit_test(test_proc_without_capabilities),
		cmocka_unit_test(test_replaced_file),
		cmocka_unit_test(test_program_in_a_closed_directory),
		cmocka_unit_test(test_records_that_cannot_be_mapped),
		cmocka_unit_test(test_observer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
