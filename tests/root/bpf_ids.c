// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bpf_ids - which of these are still in the kernel?
 *
 *	bpf_ids prog 12 link 3 map 4
 *
 * Prints those that are, "KIND ID" a line. Ids are not used again before 2^31 others.
 * Exit status: 0 none is, 1 some are, 2 cannot tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

static int open_id(const char *kind, unsigned id)
{
	if (!strcmp(kind, "prog"))
		return bpf_prog_get_fd_by_id(id);
	if (!strcmp(kind, "map"))
		return bpf_map_get_fd_by_id(id);
	if (!strcmp(kind, "link"))
		return bpf_link_get_fd_by_id(id);
	errno = EINVAL;
	return -1;
}

int main(int argc, char **argv)
{
	int found = 0;

	if (argc < 3 || argc % 2 == 0)
		return 2;
	for (int i = 1; i < argc; i += 2) {
		int fd = open_id(argv[i], (unsigned)strtoul(argv[i + 1], NULL, 10));

		if (fd < 0 && errno != ENOENT) {
			fprintf(stderr, "%s %s: %s\n", argv[i], argv[i + 1], strerror(errno));
			return 2;
		}
		if (fd < 0)
			continue;
		close(fd);
		printf("%s %s\n", argv[i], argv[i + 1]);
		found = 1;
	}
	return found;
}
