#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# golden.sh - recordings that were made once must give the reports that they gave, in
# every later version. With UPDATE_GOLDEN=1 it writes the reports anew: then look at what
# has changed, and say in the commit why. They are compressed with zlib, which every build can
# read.
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/../root/lib.sh"

# All of a report but the version of the tool that made it.
report() {
	"$CONVOY" report --format json --threads "$1" | sed '/"version":/d'
}

for recording in "$CONVOY_SRC"/tests/golden/*.rec; do
	name=$(basename "$recording" .rec)
	expected=${recording%.rec}.json
	if [ -n "${UPDATE_GOLDEN-}" ]; then
		report "$recording" >"$expected"
	fi
	report "$recording" >"$tmp/$name.json"
	if diff -u "$expected" "$tmp/$name.json" >"$tmp/diff"; then
		pass "the report of $name.rec"
	else
		fail "the report of $name.rec" "$(head -n 30 "$tmp/diff")"
	fi
	"$CONVOY" report --format json "$recording" >"$tmp/whole.json"
	validate "$name.rec: as the schema says" "$tmp/whole.json"
done

finish
