// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_space.h"
#include "host.h"

#define REGIONS_MAX 32768
#define FILES_MAX 4096
#define MODULES_MAX 256		/* that are gone through one by one */
#define THREADS_TRIED 16	/* of a process whose first thread has exited */

/* What is mapped: a file, or memory with a name. */
struct file {
	uint32_t major, minor;
	uint64_t inode;
	uint8_t build_id_size, build_id[MAPPING_BUILD_ID_MAX];
	bool executable;	/* somewhere */
	bool failed;		/* cannot be opened, or is no ELF file */
	char *path;
};

struct region {
	uint64_t start, end, offset;
	uint32_t file;
	bool executable, shared;
};

/* All that is mapped at one time. Those that share one do not change it. */
struct layout {
	unsigned refs;
	struct region *regions;	/* by address, none overlaps another */
	size_t n_regions, regions_room;
	struct file *files;
	size_t n_files, files_room;
	char *program;
};

struct address_space {
	uint32_t pid;
	uint64_t owner;
	int proc;
	uint64_t read_ns;
	struct layout *layout;
};

static struct layout *new_layout(void)
{
	struct layout *layout = calloc(1, sizeof(*layout));

	if (layout)
		layout->refs = 1;
	return layout;
}

struct address_space *address_space__new(uint32_t pid)
{
	struct address_space *space = calloc(1, sizeof(*space));

	if (!space)
		return NULL;
	space->layout = new_layout();
	if (!space->layout) {
		free(space);
		return NULL;
	}
	space->pid = pid;
	space->proc = -1;
	/* One that is not used again while there is anything by which to find it. */
	space->owner = monotonic_ns() ^ (uint64_t)pid << 40;
	return space;
}

static void clear(struct layout *layout)
{
	for (size_t i = 0; i < layout->n_files; i++)
		free(layout->files[i].path);
	free(layout->files);
	free(layout->regions);
	free(layout->program);
	*layout = (struct layout){ .refs = layout->refs };
}

static void release(struct layout *layout)
{
	if (--layout->refs)
		return;
	clear(layout);
	free(layout);
}

static int copy(struct layout *to, const struct layout *from)
{
	to->regions = malloc((from->n_regions + 2) * sizeof(*to->regions));
	to->files = malloc((from->n_files + 2) * sizeof(*to->files));
	if (!to->regions || !to->files)
		return -ENOMEM;
	to->regions_room = from->n_regions + 2;
	to->files_room = from->n_files + 2;
	if (from->n_regions)
		memcpy(to->regions, from->regions, from->n_regions * sizeof(*to->regions));
	to->n_regions = from->n_regions;
	for (; to->n_files < from->n_files; to->n_files++) {
		to->files[to->n_files] = from->files[to->n_files];
		to->files[to->n_files].path = strdup(from->files[to->n_files].path);
		if (!to->files[to->n_files].path)
			return -ENOMEM;
	}
	if (!from->program)
		return 0;
	to->program = strdup(from->program);
	return to->program ? 0 : -ENOMEM;
}

/* A layout that is nobody else's: to be changed, or `anew` to be filled. */
static int make_own(struct address_space *space, bool anew)
{
	struct layout *own;
	int err;

	if (space->layout->refs == 1)
		return 0;
	own = new_layout();
	if (!own)
		return -ENOMEM;
	err = anew ? 0 : copy(own, space->layout);
	release(err ? own : space->layout);
	if (!err)
		space->layout = own;
	return err;
}

void address_space__free(struct address_space *space)
{
	if (!space)
		return;
	release(space->layout);
	free(space);
}

void address_space__inherit(struct address_space *space, const struct address_space *parent,
			    uint64_t born_ns)
{
	if (!address_space__is_empty(space) || space == parent)
		return;
	release(space->layout);
	space->layout = parent->layout;
	space->layout->refs++;
	/* Files are the same ones. */
	space->owner = parent->owner;
	space->read_ns = parent->read_ns < born_ns ? parent->read_ns : born_ns;
}

bool address_space__is_empty(const struct address_space *space)
{
	return !space->layout->n_regions;
}

void address_space__set_proc(struct address_space *space, int proc)
{
	space->proc = proc;
}

uint64_t address_space__read_ns(const struct address_space *space)
{
	return space->read_ns;
}

/* --- files and regions ---------------------------------------------------------------- */

/* Room for two more, where one is put in and another is cut in two. */
static int make_room(void **array, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? 2 * *room : 32;
	void *grown;

	if (n + 2 <= *room)
		return 0;
	grown = realloc(*array, more * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = more;
	return 0;
}

static bool same_file(const struct file *file, const struct mapping *mapping)
{
	/* The path is compared too: memory without an inode has nothing else. */
	return file->inode == mapping->inode && file->major == mapping->major &&
	       file->minor == mapping->minor && file->build_id_size == mapping->build_id_size &&
	       !memcmp(file->build_id, mapping->build_id, mapping->build_id_size) &&
	       !strcmp(file->path, mapping->path);
}

/* Its index; -ENOMEM, or -E2BIG. */
static int note_file(struct layout *layout, const struct mapping *mapping)
{
	struct file *file;
	int err;

	/* Most often the last one again. */
	for (size_t i = layout->n_files; i-- > 0;)
		if (same_file(&layout->files[i], mapping))
			return (int)i;
	if (layout->n_files == FILES_MAX)
		return -E2BIG;
	err = make_room((void **)&layout->files, &layout->files_room, layout->n_files,
			sizeof(*layout->files));
	if (err)
		return err;
	file = &layout->files[layout->n_files];
	*file = (struct file){ .major = mapping->major,
			       .minor = mapping->minor,
			       .inode = mapping->inode,
			       .build_id_size = mapping->build_id_size,
			       .path = strdup(mapping->path) };
	if (!file->path)
		return -ENOMEM;
	memcpy(file->build_id, mapping->build_id, mapping->build_id_size);
	return (int)layout->n_files++;
}

/* The index of the first region that ends behind the address. */
static size_t first_behind(const struct layout *layout, uint64_t address)
{
	size_t low = 0, high = layout->n_regions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (layout->regions[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct layout *layout, size_t at, struct region region)
{
	memmove(&layout->regions[at + 1], &layout->regions[at],
		(layout->n_regions - at) * sizeof(region));
	layout->regions[at] = region;
	layout->n_regions++;
}

/* What was mapped there before is not any more. */
static size_t make_hole(struct layout *layout, uint64_t start, uint64_t end)
{
	size_t at = first_behind(layout, start), to;
	struct region *region = &layout->regions[at];

	if (at < layout->n_regions && region->start < start) {
		if (region->end > end) {
			struct region rest = *region;

			rest.offset += end - rest.start;
			rest.start = end;
			region->end = start;
			insert(layout, at + 1, rest);
			return at + 1;
		}
		region->end = start;
		at++;
	}
	for (to = at; to < layout->n_regions && layout->regions[to].end <= end; to++)
		;
	memmove(&layout->regions[at], &layout->regions[to],
		(layout->n_regions - to) * sizeof(*layout->regions));
	layout->n_regions -= to - at;
	region = &layout->regions[at];
	if (at < layout->n_regions && region->start < end) {
		region->offset += end - region->start;
		region->start = end;
	}
	return at;
}

static int add(struct layout *layout, const struct mapping *mapping)
{
	uint64_t end = mapping->start + mapping->length;
	int err, file;

	if (end <= mapping->start || layout->n_regions + 2 > REGIONS_MAX)
		return 0;
	err = make_room((void **)&layout->regions, &layout->regions_room, layout->n_regions,
			sizeof(*layout->regions));
	if (err)
		return err;
	file = note_file(layout, mapping);
	if (file < 0)
		return file == -E2BIG ? 0 : file;
	layout->files[file].executable |= mapping->executable;
	insert(layout, make_hole(layout, mapping->start, end),
	       (struct region){ mapping->start, end, mapping->offset, (uint32_t)file,
				mapping->executable, mapping->shared });
	return 0;
}

static int tell(struct layout *layout, const struct mapping *mapping)
{
	if (mapping->kind == MAPPING_FILE)
		return add(layout, mapping);
	if (mapping->kind != MAPPING_EXEC)
		return 0;
	clear(layout);
	layout->program = strdup(mapping->path);
	return layout->program ? 0 : -ENOMEM;
}

int address_space__told(struct address_space *space, const struct mapping *mapping)
{
	int err;

	if (mapping->kind == MAPPING_EXEC)
		space->read_ns = 0;
	/* /proc was asked later than that. */
	else if (mapping->time_ns < space->read_ns)
		return 0;
	err = make_own(space, mapping->kind == MAPPING_EXEC);
	return err ? err : tell(space->layout, mapping);
}

static int tell_layout(void *ctx, const struct mapping *mapping)
{
	return tell(ctx, mapping);
}

/* The first thread has exited, and with it all that /proc tells by its number. */
static int read_other_threads(const struct address_space *space, struct map_proc *map_proc,
			      uint64_t now, struct layout *fresh)
{
	char path[64];
	struct dirent *entry;
	DIR *tasks;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", space->pid);
	tasks = opendir(path);
	for (int n = 0; tasks && !err && !fresh->n_regions && n < THREADS_TRIED;) {
		unsigned long tid;

		entry = readdir(tasks);
		if (!entry)
			break;
		tid = strtoul(entry->d_name, NULL, 10);
		if (!tid || tid == space->pid)
			continue;
		n++;
		err = map_proc__read(map_proc, (pid_t)tid, space->pid, now, tell_layout, fresh);
	}
	if (tasks)
		closedir(tasks);
	return err;
}

int address_space__read(struct address_space *space, struct map_proc *map_proc)
{
	struct layout *fresh = new_layout();
	uint64_t now = monotonic_ns();
	int err;

	if (!fresh)
		return -ENOMEM;
	err = map_proc__read(map_proc, (pid_t)space->pid, space->pid, now, tell_layout, fresh);
	if (!err && !fresh->n_regions)
		err = read_other_threads(space, map_proc, now, fresh);
	space->read_ns = now;
	if (!err && fresh->n_regions) {
		release(space->layout);
		space->layout = fresh;
		return 0;
	}
	release(fresh);
	return err == -ENOMEM ? err : 0;
}

/* --- looking up ----------------------------------------------------------------------- */

static const struct region *region_at(const struct layout *layout, uint64_t address)
{
	size_t at = first_behind(layout, address);

	return at < layout->n_regions && layout->regions[at].start <= address ?
		       &layout->regions[at] :
		       NULL;
}

static void to_mapping(const struct address_space *space, const struct region *region,
		       struct mapping *mapping)
{
	const struct file *file = &space->layout->files[region->file];

	*mapping = (struct mapping){ .kind = MAPPING_FILE,
				     .pid = space->pid,
				     .start = region->start,
				     .length = region->end - region->start,
				     .offset = region->offset,
				     .major = file->major,
				     .minor = file->minor,
				     .inode = file->inode,
				     .executable = region->executable,
				     .shared = region->shared,
				     .build_id_size = file->build_id_size,
				     .path = file->path };
	memcpy(mapping->build_id, file->build_id, file->build_id_size);
}

bool address_space__find(const struct address_space *space, uint64_t address,
			 struct mapping *mapping)
{
	const struct region *region = region_at(space->layout, address);

	if (!region)
		return false;
	to_mapping(space, region, mapping);
	return true;
}

/* The file that has this code mapped. */
static bool open_module(struct address_space *space, struct elf_cache *cache,
			const struct region *region, struct module *module)
{
	struct file *file = &space->layout->files[region->file];
	struct mapping mapping;

	if (file->failed || (!file->inode && !file->build_id_size))
		return false;
	to_mapping(space, region, &mapping);
	module->file = elf_cache__get(cache, space->owner, space->proc, &mapping);
	module->path = file->path;
	if (module->file &&
	    elf_file__bias(module->file, region->start, region->offset, &module->bias))
		return true;
	/* Without /proc it may be another process's alone to open. */
	if (space->proc >= 0 || space->layout->refs == 1)
		file->failed = true;
	return false;
}

/* The same, if the address is one that the file takes when loaded. */
static bool open_if_holds(struct address_space *space, struct elf_cache *cache,
			  const struct region *region, uint64_t address, struct module *module)
{
	uint64_t lowest, end;

	if (!region || !open_module(space, cache, region, module))
		return false;
	elf_file__extent(module->file, &lowest, &end);
	return address - module->bias >= lowest && address - module->bias < end;
}

static const struct region *code_below(const struct layout *layout, uint64_t address)
{
	for (size_t i = first_behind(layout, address); i-- > 0;)
		if (layout->regions[i].executable)
			return &layout->regions[i];
	return NULL;
}

static const struct region *code_above(const struct layout *layout, uint64_t address)
{
	for (size_t i = first_behind(layout, address); i < layout->n_regions; i++)
		if (layout->regions[i].executable)
			return &layout->regions[i];
	return NULL;
}

bool address_space__module(struct address_space *space, struct elf_cache *cache, uint64_t address,
			   struct module *module)
{
	const struct layout *layout = space->layout;
	const struct region *region = region_at(layout, address);

	if (region && region->executable)
		return open_module(space, cache, region, module);
	/* A file that is mapped, but is no program: its data, or shared memory. */
	if (region && layout->files[region->file].inode && !layout->files[region->file].executable)
		return false;
	return open_if_holds(space, cache, code_below(layout, address), address, module) ||
	       open_if_holds(space, cache, code_above(layout, address), address, module);
}

/* --- all of them ---------------------------------------------------------------------- */

size_t address_space__modules(const struct address_space *space)
{
	size_t n = 0;

	for (size_t i = 0; i < space->layout->n_files; i++)
		n += space->layout->files[i].executable;
	return n;
}

/* The first executable region of each file, in order of addresses, but the program's first. */
static const struct region *module_region(const struct layout *layout, size_t at)
{
	uint32_t program = UINT32_MAX;
	size_t n = 0;

	if (at >= MODULES_MAX)
		return NULL;
	for (size_t i = 0; i < layout->n_files && layout->program; i++)
		if (layout->files[i].executable && !strcmp(layout->files[i].path, layout->program))
			program = (uint32_t)i;
	for (int pass = 0; pass < 2; pass++) {
		uint32_t last = UINT32_MAX;

		for (size_t i = 0; i < layout->n_regions; i++) {
			const struct region *region = &layout->regions[i];

			if (!region->executable || (region->file == program) != !pass ||
			    region->file == last || layout->files[region->file].path[0] != '/')
				continue;
			last = region->file;
			if (n++ == at)
				return region;
		}
	}
	return NULL;
}

bool address_space__module_path(const struct address_space *space, size_t at, const char **path)
{
	const struct region *region = module_region(space->layout, at);

	if (region)
		*path = space->layout->files[region->file].path;
	return region != NULL;
}

bool address_space__module_at(struct address_space *space, struct elf_cache *cache, size_t at,
			      struct module *module)
{
	const struct region *region = module_region(space->layout, at);

	return region && open_module(space, cache, region, module);
}
