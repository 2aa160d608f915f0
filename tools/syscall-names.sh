#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# syscall-names.sh CC [FLAGS...] - the system calls of CC's target, one line each:
#
#	SYSCALL_NAME(0, "read")
#
# sorted by number. The names come from <sys/syscall.h>; each number is expanded by
# the preprocessor, since some are macros of other macros (arm64, arm). The calls of
# kernels newer than the headers are added: from 424 on all architectures share the
# numbers (kernel's scripts/syscall.tbl; only alpha, which has no BPF JIT, differs).
set -eu

newer='cachestat 451 fchmodat2 452 map_shadow_stack 453 futex_wake 454 futex_wait 455
futex_requeue 456 statmount 457 listmount 458 lsm_get_self_attr 459 lsm_set_self_attr 460
lsm_list_modules 461 mseal 462 setxattrat 463 getxattrat 464 listxattrat 465
removexattrat 466 open_tree_attr 467 file_getattr 468 file_setattr 469'

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
echo '#include <sys/syscall.h>' >"$tmp/list.c"
"$@" -E -dM "$tmp/list.c" >"$tmp/macros"
{
	cat "$tmp/list.c"
	# Not calls: the count, bases and ranges.
	sed -n 's/^#define __NR_\([a-z_][a-z0-9_]*\) .*/\1/p' "$tmp/macros" |
		grep -vxE 'syscalls|arch_specific_syscall|syscall_count' |
		sed 's/.*/@ "&" __NR_&/'
} >"$tmp/values.c"
"$@" -E -P "$tmp/values.c" >"$tmp/values"

echo '/* Made by tools/syscall-names.sh. Define SYSCALL_NAME(number, name) first. */'
{
	sed -n 's/^@ "\([^"]*\)" *\([-0-9a-fA-FxXuUlL+() ]*\)$/\1 \2/p' "$tmp/values"
	# shellcheck disable=SC2086 # pairs of words
	printf '%s %s\n' $newer
} |
	while read -r name value; do
		value=$(printf '%s' "$value" | sed 's/[uUlL]//g')
		echo "$((value)) $name"
	done | sort -k1,1n -k2,2 | awk '
	$1 >= 0 && !($1 in seen) { seen[$1] = 1; printf "SYSCALL_NAME(%d, \"%s\")\n", $1, $2 }'
