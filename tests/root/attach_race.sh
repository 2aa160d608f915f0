#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# attach_race.sh - attaching to threads that are switched, begin and end while one looks at
# them, again and again: nothing is lost, every thread's accounts close, and the switches of
# those that ended are the kernel's.
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/root/lib_attach.sh
. "$(dirname "$0")/lib_attach.sh"
require_python
require_tracing

audited=0
# How often is as long as it takes on a busy machine.
until_s=$((SECONDS + 70))

# race NAME TIMES TARGET...: record so often; one word of what was not sound each time.
race() {
	local name=$1 times=$2 i n why wrong='' got

	shift 2
	for ((i = 0; i < times && (i == 0 || SECONDS < until_s); i++)); do
		record -d 0.05 "$@"
		got=$("$PYTHON" - "$json" 2>&1 <<-'EOT'
			import json, sys
			try:
			    r = json.load(open(sys.argv[1]))
			    if r["loss"]["ring"]: # -a on a busy machine; told is all that can be asked
			        print(0, *([] if not r["valid"] else ["ring"]))
			        sys.exit()
			    wrong = [k for k in ("task_state", "unmatched") if r["loss"][k]]
			    wrong += [] if r["valid"] else ["invalid"]
			    for m in r["modes"]:
			        wrong += ["residual"] if m["time_ns"]["residual"] else []
			        wrong += ["thread %d" % t["tid"] for t in m["threads"]
			                  if sum(t["time_ns"].values()) != t["lifetime_ns"]]
			    a = r["audit"]
			    wrong += ["audit"] if a["threads_checked"] != a["threads_equal"] else []
			    print(a["threads_checked"], *wrong)
			except Exception as e:
			    print(0, repr(e))
			EOT
		)
		read -r n why <<<"$got"
		audited=$((audited + n))
		[ "$status" -eq 0 ] || why="status $status $why"
		if [ -n "$why" ]; then
			wrong="$wrong [$i: $why; $(tail -n 1 "$err")]"
			cp "$rec" "$tmp/wrong.rec"
		fi
	done
	if [ -z "$wrong" ]; then
		pass "$name: $i times"
	else
		fail "$name: $i times" "$wrong"
	fi
}

for kind in futex pipe; do
	for where in one two; do
		for handoffs in 0 50 500; do
			live switchers 2 $kind $where $handoffs
			race "$kind, $where CPU, ${handoffs/#0/endless} handoffs" 3 -p "$target"
			gone "$target"
		done
	done
done
live switchers 2 pipe two 100
race 'the whole machine' 4 -a --allow-loss
gone "$target"
is 'threads that ended were audited' [ $audited -gt 0 ]
finish
