// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "process_memory.h"

/* What one call may bring: the kernel reads whole pieces or nothing of them. */
#define PIECES 16

static ssize_t read_pieces(pid_t pid, uint64_t address, void *buffer, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct iovec here = { .iov_base = buffer }, there[PIECES];
	size_t n = 0;
	ssize_t got;

	while (n < PIECES && size) {
		size_t piece = page - (address & (page - 1));

		if (piece > size)
			piece = size;
		there[n++] = (struct iovec){ (void *)(uintptr_t)address, piece };
		here.iov_len += piece;
		address += piece;
		size -= piece;
	}
	got = process_vm_readv(pid, &here, 1, there, n, 0);
	return got < 0 ? -errno : got;
}

ssize_t process_memory__read(pid_t pid, uint64_t address, void *buffer, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read_pieces(pid, address + have, (char *)buffer + have, size - have);

		if (got < 0 && !have)
			return got;
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	return have ? (ssize_t)have : -EFAULT;
}
