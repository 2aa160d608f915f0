#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# truth.sh - programs whose waits are known, each of one class, and what a report says of
# them: which lock, of what kind, in which account, how long, and who held it. What differs
# is a failure; the confusion matrices are printed at the end.
#
# TRUTH="class ..." takes only these.
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/../root/lib.sh"
require_python
require_tracing

programs=${CONVOY_TESTS%/*}/truth
compare=$CONVOY_SRC/tests/truth/compare.py
cells=$tmp/cells truth=$tmp/truth.json json=$tmp/report.json rec=$tmp/truth.rec
: >"$cells"

# All that there is a source of: one that was not built is a failure.
classes=()
for source in "$CONVOY_SRC"/tests/truth/*.c; do
	source=${source##*/}
	[ "$source" = truth.c ] || classes+=("${source%.c}")
done
if [ "${TRUTH-}" ]; then
	read -ra classes <<<"$TRUTH"
fi

for class in "${classes[@]}"; do
	rm -f "$rec"
	run "$CONVOY" record -o "$rec" -- "$programs/$class"
	cp "$out" "$truth"
	if [ "$status" -eq 77 ]; then
		skip "$class" 'this kernel has no such call'
		continue
	fi
	if [ "$status" -ne 0 ]; then
		fail "$class: it waits as it should"
		continue
	fi
	pass "$class: it waits as it should"
	run "$CONVOY" report "$rec" --format json --threads
	cp "$out" "$json"
	: >"$out"
	while IFS=$'\t' read -r verdict name detail; do
		if [ "$verdict" = ok ]; then
			pass "$name"
		else
			fail "${name:-$class: comparing}" "${detail:-$verdict}"
		fi
	done < <("$PYTHON" "$compare" "$truth" "$json" "$cells" 2>&1)
done
"$PYTHON" "$compare" --matrix "$cells" | sed 's/^/# /'
finish
