// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocks are compressed one by one. zstd where it was built in, zlib is always there.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "recording_block.h"

/* The fastest levels: the rest of the work is the columns'. */
#define ZSTD_LEVEL 1
#define ZLIB_LEVEL 1

/* Fewer bytes are not worth a codec's header. */
#define WORTH_PACKING 64u
/* Nor a part its own statistics: it shares those of the next. */
#define WORTH_PARTING 256u

enum recording_codec recording__best_codec(void)
{
#ifdef HAVE_ZSTD
	return RECORDING_ZSTD;
#else
	return RECORDING_ZLIB;
#endif
}

const char *recording__codec_name(enum recording_codec codec)
{
	switch (codec) {
	case RECORDING_RAW:
		return "raw";
	case RECORDING_ZLIB:
		return "zlib";
	case RECORDING_ZSTD:
		return "zstd";
	}
	return NULL;
}

struct recording_packer {
	enum recording_codec codec;
	z_stream zlib;
	bool zlib_ready;
#ifdef HAVE_ZSTD
	ZSTD_CCtx *zstd;
#endif
};

static int packer_init(struct recording_packer *packer)
{
	switch (packer->codec) {
	case RECORDING_RAW:
		return 0;
	case RECORDING_ZLIB:
		if (deflateInit(&packer->zlib, ZLIB_LEVEL) != Z_OK)
			return -ENOMEM;
		packer->zlib_ready = true;
		return 0;
	case RECORDING_ZSTD:
#ifdef HAVE_ZSTD
		packer->zstd = ZSTD_createCCtx();
		if (!packer->zstd)
			return -ENOMEM;
		ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		return 0;
#endif
		break;
	}
	return -EOPNOTSUPP;
}

int recording_packer__new(struct recording_packer **packer, enum recording_codec codec)
{
	int err;

	*packer = calloc(1, sizeof(**packer));
	if (!*packer)
		return -ENOMEM;
	(*packer)->codec = codec;
	err = packer_init(*packer);
	if (err) {
		recording_packer__free(*packer);
		*packer = NULL;
	}
	return err;
}

void recording_packer__free(struct recording_packer *packer)
{
	if (!packer)
		return;
	if (packer->zlib_ready)
		deflateEnd(&packer->zlib);
#ifdef HAVE_ZSTD
	ZSTD_freeCCtx(packer->zstd);
#endif
	free(packer);
}

size_t recording_packer__bound(size_t size)
{
	size_t bound = compressBound(size);

#ifdef HAVE_ZSTD
	if (ZSTD_compressBound(size) > bound)
		bound = ZSTD_compressBound(size);
#endif
	return bound;
}

static size_t size_of(const struct column *parts, size_t n_parts)
{
	size_t size = 0;

	for (size_t i = 0; i < n_parts; i++)
		size += column__size(&parts[i]);
	return size;
}

/* Whether what was compressed so far ends with this part; the last one ends anyway. */
static bool ends_here(const struct column *part)
{
	return column__size(part) >= WORTH_PARTING;
}

/* Bytes that it took; 0: it did not get smaller. */
static size_t deflate_parts(struct recording_packer *packer, uint8_t *out, size_t size,
			    const struct column *parts, size_t n_parts)
{
	z_stream *zlib = &packer->zlib;

	deflateReset(zlib);
	zlib->next_out = out;
	zlib->avail_out = (uInt)size - 1;
	for (size_t i = 0; i < n_parts; i++) {
		zlib->next_in = (uint8_t *)parts[i].at;
		zlib->avail_in = (uInt)column__size(&parts[i]);
		/* Without input it would complain. */
		if (zlib->avail_in &&
		    deflate(zlib, ends_here(&parts[i]) ? Z_BLOCK : Z_NO_FLUSH) != Z_OK)
			return 0;
	}
	return deflate(zlib, Z_FINISH) == Z_STREAM_END ? size - 1 - zlib->avail_out : 0;
}

#ifdef HAVE_ZSTD
static size_t zstd_parts(struct recording_packer *packer, uint8_t *out, size_t size,
			 const struct column *parts, size_t n_parts)
{
	ZSTD_outBuffer to = { .dst = out, .size = recording_packer__bound(size) };
	ZSTD_inBuffer none = { 0 };

	ZSTD_CCtx_reset(packer->zstd, ZSTD_reset_session_only);
	/* The window need not be larger than that. */
	ZSTD_CCtx_setPledgedSrcSize(packer->zstd, size);
	for (size_t i = 0; i < n_parts; i++) {
		ZSTD_inBuffer from = { .src = parts[i].at, .size = column__size(&parts[i]) };
		size_t left =
			ZSTD_compressStream2(packer->zstd, &to, &from,
					     ends_here(&parts[i]) ? ZSTD_e_flush : ZSTD_e_continue);

		if (ZSTD_isError(left) || from.pos < from.size)
			return 0;
	}
	return ZSTD_compressStream2(packer->zstd, &to, &none, ZSTD_e_end) ? 0 : to.pos;
}
#endif

int recording_packer__pack(struct recording_packer *packer, struct recording_block *block,
			   uint8_t *out, const struct column *parts, size_t n_parts)
{
	size_t size = size_of(parts, n_parts), stored = 0;

	if (size > RECORDING_RAW_MAX)
		return -EFBIG;
	if (size >= WORTH_PACKING && packer->codec == RECORDING_ZLIB)
		stored = deflate_parts(packer, out, size, parts, n_parts);
#ifdef HAVE_ZSTD
	if (size >= WORTH_PACKING && packer->codec == RECORDING_ZSTD)
		stored = zstd_parts(packer, out, size, parts, n_parts);
#endif
	block->codec = (uint8_t)packer->codec;
	if (!stored || stored >= size) {
		stored = 0;
		for (size_t i = 0; i < n_parts; i++) {
			memcpy(out + stored, parts[i].at, column__size(&parts[i]));
			stored += column__size(&parts[i]);
		}
		block->codec = RECORDING_RAW;
	}
	block->raw_size = (uint32_t)size;
	block->stored_size = (uint32_t)stored;
	return 0;
}

struct recording_unpacker {
	z_stream zlib;
	bool zlib_ready;
#ifdef HAVE_ZSTD
	ZSTD_DCtx *zstd;
#endif
};

int recording_unpacker__new(struct recording_unpacker **unpacker)
{
	*unpacker = calloc(1, sizeof(**unpacker));
	return *unpacker ? 0 : -ENOMEM;
}

void recording_unpacker__free(struct recording_unpacker *unpacker)
{
	if (!unpacker)
		return;
	if (unpacker->zlib_ready)
		inflateEnd(&unpacker->zlib);
#ifdef HAVE_ZSTD
	ZSTD_freeDCtx(unpacker->zstd);
#endif
	free(unpacker);
}

static int inflate_block(struct recording_unpacker *unpacker, const struct recording_block *block,
			 uint8_t *raw, const uint8_t *stored)
{
	z_stream *zlib = &unpacker->zlib;

	if (!unpacker->zlib_ready && inflateInit(zlib) != Z_OK)
		return -ENOMEM;
	unpacker->zlib_ready = true;
	inflateReset(zlib);
	zlib->next_in = (uint8_t *)stored;
	zlib->avail_in = block->stored_size;
	zlib->next_out = raw;
	zlib->avail_out = block->raw_size;
	if (inflate(zlib, Z_FINISH) != Z_STREAM_END || zlib->avail_in || zlib->avail_out)
		return -EBADMSG;
	return 0;
}

#ifdef HAVE_ZSTD
static int unzstd_block(struct recording_unpacker *unpacker, const struct recording_block *block,
			uint8_t *raw, const uint8_t *stored)
{
	size_t got;

	if (!unpacker->zstd)
		unpacker->zstd = ZSTD_createDCtx();
	if (!unpacker->zstd)
		return -ENOMEM;
	got = ZSTD_decompressDCtx(unpacker->zstd, raw, block->raw_size, stored, block->stored_size);
	return ZSTD_isError(got) || got != block->raw_size ? -EBADMSG : 0;
}
#endif

int recording_unpacker__unpack(struct recording_unpacker *unpacker,
			       const struct recording_block *block, uint8_t *raw,
			       const uint8_t *stored)
{
	switch ((enum recording_codec)block->codec) {
	case RECORDING_RAW:
		memcpy(raw, stored, block->raw_size);
		return 0;
	case RECORDING_ZLIB:
		return inflate_block(unpacker, block, raw, stored);
	case RECORDING_ZSTD:
#ifdef HAVE_ZSTD
		return unzstd_block(unpacker, block, raw, stored);
#endif
		break;
	}
	return -EOPNOTSUPP;
}
