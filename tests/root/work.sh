#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# work.sh - convoy with a convoy-work that is missing, fails, or says nonsense: exit 6,
# a message that names the cause, no report, nothing left running.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing

# With one fake: fails NAME PATTERN <SCRIPT
fails() {
	local name=$1 pattern=$2

	fake_work
	run "$fake" run -m threads,processes -r 2 -n 1000 --export "json=$tmp/export.json"
	is "convoy-work $name" failed_with 6 "$pattern"
	if [ -e "$tmp/export.json" ]; then
		fail "convoy-work $name: no export" 'there is a report of nothing'
		rm -f "$tmp/export.json"
	fi
}

mkdir "$tmp/alone"
cp "$CONVOY" "$tmp/alone/convoy"
run "$tmp/alone/convoy" run -m threads -r 1 -n 1000
if [ "$status" -eq 0 ]; then
	skip 'convoy-work is missing' 'another one is installed'
	skip 'convoy-work is not executable' 'another one is installed'
else
	is 'convoy-work is missing' failed_with 6 'convoy-work'
	is 'convoy-work is missing: says how to get it' grep -q 'make' "$err"
	cp "$CONVOY_WORK" "$tmp/alone/convoy-work"
	chmod 644 "$tmp/alone/convoy-work"
	run "$tmp/alone/convoy" run -m threads -r 1 -n 1000
	is 'convoy-work is not executable' failed_with 6 'convoy-work'
fi

fails 'exits 6' 'status 6' <<-'EOT'
	#!/bin/sh
	exit 6
EOT
fails 'exits 6 after a good result' 'status 6' <<-'EOT'
	#!/bin/sh
	echo '{"schema":"convoy.work/1","tasks":[],"threads":[]}'
	exit 6
EOT
fails 'prints nothing' 'no result' <<-'EOT'
	#!/bin/sh
	exit 0
EOT
fails 'prints garbage' 'result' <<-'EOT'
	#!/bin/sh
	head -c 100000 /dev/urandom
EOT
fails 'prints a NUL' 'result' <<-'EOT'
	#!/bin/sh
	head -c 1 /dev/zero
EOT
fails 'prints half a result' 'result' <<-'EOT'
	#!/bin/sh
	printf '{"schema":"convoy.work/1","tasks":['
EOT
fails 'prints two results' 'result' <<-'EOT'
	#!/bin/sh
	echo '{"schema":"convoy.work/1","tasks":[],"threads":[]}'
	echo '{"schema":"convoy.work/1","tasks":[],"threads":[]}'
EOT
fails 'prints an array' 'result' <<-'EOT'
	#!/bin/sh
	echo '[1, 2, 3]'
EOT
fails 'prints another schema' 'result' <<-'EOT'
	#!/bin/sh
	echo '{"schema":"convoy.work/2","tasks":[],"threads":[]}'
EOT
fails 'prints a task that ends before it starts' 'result' <<-'EOT'
	#!/bin/sh
	echo '{"schema":"convoy.work/1","threads":[],"tasks":[{"name":"a","result":"1",
	"pid":1,"tid":1,"start_ns":2,"end_ns":1,"ok":true}]}'
EOT
fails 'prints a deep pit' 'result' <<-'EOT'
	#!/bin/sh
	head -c 1000000 /dev/zero | tr '\0' '['
EOT
fails 'is killed by SIGSEGV' 'signal 11' <<-'EOT'
	#!/bin/sh
	kill -SEGV $$
EOT
fails 'is killed by SIGKILL' 'signal 9' <<-'EOT'
	#!/bin/sh
	kill -KILL $$
EOT
fails 'has an interpreter that is not there' 'execute' <<-'EOT'
	#!/nonexistent/interpreter
EOT

# No format that the kernel knows.
fake_work </dev/null
head -c 4096 /dev/urandom >"$(dirname "$fake")/convoy-work"
run "$fake" run -m threads -r 1 -n 1000
is 'convoy-work is no program' [ "$status" -eq 6 ]
is 'convoy-work is no program: no report' [ ! -s "$out" ]
is 'convoy-work is no program: says so' grep -q '^convoy: ' "$err"

# It fails later: the rounds before are kept, and marked.
echo 0 >"$tmp/count"
fake_work <<-EOT
	#!/bin/sh
	n=\$(cat '$tmp/count')
	echo \$((n + 1)) >'$tmp/count'
	[ \$n -lt 3 ] || exit 7
	exec '$CONVOY_WORK' "\$@"
EOT
run "$fake" run -m threads,processes -r 5 -n 1000 --format json --export "text=$tmp/export"
is 'convoy-work fails in the fourth round: exit 6' [ "$status" -eq 6 ]
is 'convoy-work fails in the fourth round: says so' grep -q '^convoy: .*status 7' "$err"
is 'convoy-work fails in the fourth round: the text is marked' \
	grep -q '^INCOMPLETE' "$tmp/export"
if has_python; then
	ask "$out" <<-'EOT'
		convoy-work fails in the fourth round: the JSON is marked :: r["incomplete"] is True
		convoy-work fails in the fourth round: three rounds are there :: sum(len(m["wall_ns"]["rounds"]) for m in modes) == 3
		convoy-work fails in the fourth round: and valid :: r["valid"] is True
	EOT
else
	skip 'convoy-work fails in the fourth round: the JSON' "$PYTHON is not there"
fi

# What it leaves running is waited for, whatever group it is in.
mark=97$$.5
fake_work <<-EOT
	#!/bin/sh
	(setsid sleep $mark &)
	exec sleep $mark
EOT
env --default-signal "$fake" run -m threads -r 1 -n 1000 >"$out" 2>"$err" </dev/null &
pid=$!
started+=("$pid")
two_marked() {
	[ "$(marked "$mark" | wc -l)" -eq 2 ]
}
if eventually two_marked; then
	kill -INT $pid
	wait $pid
	status=$?
	is 'Ctrl-C when convoy-work has left a daemon: exit 130' [ "$status" -eq 130 ]
	is 'Ctrl-C when convoy-work has left a daemon: it is gone' none_marked "$mark"
else
	fail 'convoy-work that leaves a daemon' 'did not start'
fi

# Ctrl-C ends also what is stopped.
fake_work <<-'EOT'
	#!/bin/sh
	kill -STOP $$
EOT
env --default-signal "$fake" run -m threads -r 1 -n 97$$ >"$out" 2>"$err" </dev/null &
pid=$!
started+=("$pid")
stopped() {
	local work

	work=$(marked "--work=97$$")
	[ -n "$work" ] && grep -q '^State:.*T' "/proc/$work/status" 2>/dev/null
}
if eventually stopped; then
	kill -TERM $pid
	wait $pid
	status=$?
	is 'SIGTERM when convoy-work is stopped: exit 143' [ "$status" -eq 143 ]
	is 'SIGTERM when convoy-work is stopped: it is gone' none_marked "--work=97$$"
else
	fail 'convoy-work that stops itself' 'did not start'
fi

# Its own words reach the user.
fake_work <<-'EOT'
	#!/bin/sh
	echo 'convoy-work: something is wrong' >&2
	exit 6
EOT
run "$fake" run -m threads -r 1 -n 1000
is "convoy-work's own words are shown" grep -q 'something is wrong' "$err"
finish
