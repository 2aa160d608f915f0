// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recording_mappings.h"
#include "varint.h"

/* What a MAPPING_FILE is, besides its numbers. */
#define EXECUTABLE 0x01
#define SHARED 0x02

/* Bytes of the longest mapping: 10 numbers and 3 bytes, its build-id and its path. */
#define MAPPING_SIZE_MAX (10 * VARINT_MAX + 3 + MAPPING_BUILD_ID_MAX + MAPPING_PATH_MAX)

int mappings_encoder__init(struct mappings_encoder *encoder)
{
	*encoder = (struct mappings_encoder){
		.content = malloc(RECORDING_MAPPINGS_FULL + MAPPING_SIZE_MAX),
	};
	return encoder->content ? 0 : -ENOMEM;
}

void mappings_encoder__free(struct mappings_encoder *encoder)
{
	free(encoder->content);
	*encoder = (struct mappings_encoder){ 0 };
}

void mappings_encoder__clear(struct mappings_encoder *encoder)
{
	encoder->count = 0;
	encoder->pid = 0;
	encoder->time_ns = 0;
	encoder->size = 0;
}

static uint8_t *put_file(uint8_t *out, const struct mapping *mapping)
{
	out = varint__put(out, mapping->start);
	out = varint__put(out, mapping->length);
	out = varint__put(out, mapping->offset);
	out = varint__put(out, mapping->major);
	out = varint__put(out, mapping->minor);
	out = varint__put(out, mapping->inode);
	*out++ = (uint8_t)((mapping->executable ? EXECUTABLE : 0) | (mapping->shared ? SHARED : 0));
	*out++ = mapping->build_id_size;
	memcpy(out, mapping->build_id, mapping->build_id_size);
	return out + mapping->build_id_size;
}

int mappings_encoder__add(struct mappings_encoder *encoder, const struct mapping *mapping)
{
	size_t path_size = strnlen(mapping->path, MAPPING_PATH_MAX + 1);
	uint8_t *out = encoder->content + encoder->size;

	if ((mapping->kind != MAPPING_EXEC && mapping->kind != MAPPING_FILE) ||
	    mapping->build_id_size > MAPPING_BUILD_ID_MAX)
		return -EINVAL;
	if (path_size > MAPPING_PATH_MAX)
		return -ENAMETOOLONG;
	if (encoder->size >= RECORDING_MAPPINGS_FULL)
		return -ENOSPC;
	*out++ = (uint8_t)mapping->kind;
	out = varint__put(out, varint__fold((uint64_t)mapping->pid - encoder->pid));
	out = varint__put(out, varint__fold(mapping->time_ns - encoder->time_ns));
	if (mapping->kind == MAPPING_FILE)
		out = put_file(out, mapping);
	out = varint__put(out, path_size);
	memcpy(out, mapping->path, path_size);
	encoder->size = (size_t)(out + path_size - encoder->content);
	encoder->pid = mapping->pid;
	encoder->time_ns = mapping->time_ns;
	encoder->count++;
	return 0;
}

static bool take_byte(struct column *in, uint8_t *byte)
{
	if (in->at >= in->end)
		return false;
	*byte = *in->at++;
	return true;
}

static bool take_u32(struct column *in, uint32_t *number)
{
	uint64_t value;

	if (!varint__take(in, &value) || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

/* `size` bytes, which are there. */
static bool take_bytes(struct column *in, size_t size, const uint8_t **bytes)
{
	if (in->at > in->end || (size_t)(in->end - in->at) < size)
		return false;
	*bytes = in->at;
	in->at += size;
	return true;
}

static bool take_file(struct column *in, struct mapping *mapping)
{
	const uint8_t *build_id;
	uint8_t is;

	if (!varint__take(in, &mapping->start) || !varint__take(in, &mapping->length) ||
	    !varint__take(in, &mapping->offset) || !take_u32(in, &mapping->major) ||
	    !take_u32(in, &mapping->minor) || !varint__take(in, &mapping->inode) ||
	    !take_byte(in, &is) || is & ~(EXECUTABLE | SHARED) ||
	    !take_byte(in, &mapping->build_id_size) ||
	    mapping->build_id_size > MAPPING_BUILD_ID_MAX ||
	    !take_bytes(in, mapping->build_id_size, &build_id))
		return false;
	mapping->executable = is & EXECUTABLE;
	mapping->shared = is & SHARED;
	memcpy(mapping->build_id, build_id, mapping->build_id_size);
	return true;
}

/* The next mapping, after `last`; its path goes to `path`, one longer than the longest. */
static bool take_mapping(struct column *in, const struct mapping *last, struct mapping *mapping,
			 char *path)
{
	const uint8_t *bytes;
	uint64_t pid, time, path_size;
	uint8_t kind;

	if (!take_byte(in, &kind) || (kind != MAPPING_EXEC && kind != MAPPING_FILE) ||
	    !varint__take(in, &pid) || !varint__take(in, &time))
		return false;
	*mapping = (struct mapping){
		.kind = (enum mapping_kind)kind,
		.pid = (uint32_t)(last->pid + varint__unfold(pid)),
		.time_ns = last->time_ns + varint__unfold(time),
		.path = path,
	};
	if (kind == MAPPING_FILE && !take_file(in, mapping))
		return false;
	if (!varint__take(in, &path_size) || path_size > MAPPING_PATH_MAX ||
	    !take_bytes(in, path_size, &bytes) || memchr(bytes, 0, path_size))
		return false;
	memcpy(path, bytes, path_size);
	path[path_size] = 0;
	return true;
}

static int walk(const uint8_t *content, size_t size, uint32_t items, mapping_fn fn, void *ctx)
{
	struct column in = { content, content + size };
	struct mapping mapping, last = { 0 };
	char path[MAPPING_PATH_MAX + 1];

	for (uint32_t i = 0; i < items; i++) {
		int err;

		if (!take_mapping(&in, &last, &mapping, path))
			return -EBADMSG;
		err = fn ? fn(ctx, &mapping) : 0;
		if (err)
			return err;
		last = mapping;
	}
	return in.at == in.end ? 0 : -EBADMSG;
}

int recording_mappings__decode(const uint8_t *content, size_t size, uint32_t items, mapping_fn fn,
			       void *ctx, const char **why)
{
	if (walk(content, size, items, NULL, NULL)) {
		*why = "its mappings are damaged";
		return -EBADMSG;
	}
	*why = NULL;
	return fn ? walk(content, size, items, fn, ctx) : 0;
}
