#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# lib_py.sh - for the tests of `convoy py`. To be sourced after lib.sh.
# shellcheck disable=SC2034,SC2154 # used by those who source this, set by lib.sh

# py ARGUMENT...: with the usual Python, unless -i says another. In $answer, what was said.
py() {
	run "$CONVOY" py "$@"
	answer=$(tr -s ' \n' '  ' <"$out")
}

says() {
	grep -qE -- "$1" <<<"$answer"
}

says_no() {
	! says "$1"
}

cat >one.py <<-'EOT'
	import sys
	x = 0
	for i in range(1000000):
	    x += i
	print("done", sys.argv[1:])
EOT

# find_usual: the Python that runs scripts here, in $usual. After require_tracing.
find_usual() {
	run "$CONVOY" py --format json -c ''
	usual=$("$PYTHON" -c 'import json, sys
print(json.load(sys.stdin)["params"]["python"]["interpreter"]["path"])' <"$out")
	is 'the usual Python is a program' [ -x "$usual" ]
}
