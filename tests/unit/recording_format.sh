#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# recording_format.sh - docs/recording-format.md is enough to write a reader: one that was
# made from it finds the same in a recording as test_recording_golden does.
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"

name='another reader finds the same'
if ! has_python 'import json, struct, zlib'; then
	skip "$name" "no $PYTHON, or without zlib"
	finish
fi

# What the C reader must find, as the test has it.
golden() {
	sed -n "s/^#define GOLDEN_$1 \(0x[0-9a-f]*\|[0-9]*\)u\{0,1\}$/\1/p" \
		"$CONVOY_SRC/tests/unit/test_recording_golden.c"
}

"$PYTHON" "$CONVOY_SRC/tests/unit/recording_format.py" \
	"$CONVOY_SRC/tests/golden/recording-1.0" >"$out" 2>"$err"
status=$?
expected="$(golden EVENTS) events, tape of $(golden TAPE_SIZE) bytes, $(golden TAPE_SUM)"
is "$name" [ "$(cat "$out")" = "$expected" ]
finish
