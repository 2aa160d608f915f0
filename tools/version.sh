#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# version.sh - the version of this checkout: 0.1.0, or in git 0.1.0-g0123abc[-dirty].
# A tag v* replaces the number below.
set -u

base=0.1.0

cd "$(dirname "$0")/.." || exit 1
described=
if [ -e .git ]; then
	described=$(git describe --tags --match 'v*' --always --dirty --abbrev=10 2>/dev/null)
fi
case $described in
'') echo "$base" ;;
v*) echo "${described#v}" ;;
*) echo "$base-g$described" ;;
esac
