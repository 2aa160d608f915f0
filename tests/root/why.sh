#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# why.sh - what `convoy why` says of processes of which it is known.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/root/lib_attach.sh
. "$(dirname "$0")/lib_attach.sh"
require_python

# --- what it does not take ----------------------------------------------------------

background sleep 1000
dead=$target
gone "$dead"
run "$CONVOY" why -p "$dead" -d 0.1
is 'no such PID: exit 2' failed_with 2 "no process $dead"
for pid in '' x 0 -1 99999999999 1.5; do
	run "$CONVOY" why -p "$pid"
	is "-p '$pid': exit 2" failed_with 2
done
run bash -c 'exec "$0" why -p $$' "$CONVOY"
is 'itself: exit 2' failed_with 2 'itself'
kernel=$(grep -l '^kthreadd$' /proc/[0-9]*/comm 2>/dev/null | head -n 1 | cut -d / -f 3)
if [ -n "$kernel" ]; then
	run "$CONVOY" why -p "$kernel"
	is 'a kernel thread: exit 2' failed_with 2 'kernel thread'
else
	skip 'a kernel thread: exit 2' 'none is to be seen'
fi
run "$CONVOY" why
is 'no process: exit 2' failed_with 2 '-p PID'
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	dir=$(mktemp -d /tmp/convoy-why.XXXXXX)
	trap 'rm -rf "$dir"; clean_up' EXIT
	chmod 755 "$dir"
	cp "$CONVOY" "$dir/convoy"
	run setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$dir/convoy" \
		why -p $$ -d 0.1
	is 'not permitted: exit 3' failed_with 3 'CAP_BPF'
else
	skip 'not permitted: exit 3' 'needs root and setpriv'
fi

require_tracing

# --- what it says -------------------------------------------------------------------

# why NAME ARGUMENT...: of $target.
why() {
	local name=$1

	shift
	run "$CONVOY" why -p "$target" -d 0.5 "$@"
	is "$name: exit 0" [ "$status" -eq 0 ]
	is "$name: no complaint" quiet
}

# What it printed, as one line without the breaks.
says() {
	tr -s ' \n' '  ' <"$out" | grep -qE -- "$1"
}

says_no() {
	! grep -qi -- "$1" "$out"
}

live blocked_mutex 3
why 'blocked'
is 'blocked: who it is about' says "'blocked_mutex' \(PID $target\), 0\.5 s, 4 threads"
is 'blocked: by a lock' says '3 waiting for a lock'
is 'blocked: all the time' says 'Nothing ran: all threads were blocked from the beginning to the end'
is 'blocked: who holds it' says "'blocked_mutex' held it for 100 % of that waiting"
is 'blocked: what the holder does' says 'Its holders spent 100 % of it asleep or in I/O'
is 'blocked: that is no deadlock' says_no 'deadlock'
is 'blocked: what to try' says 'Try: '
is 'blocked: where to look further' says "convoy record -p $target"
why 'blocked, as JSON' --format json
cp "$out" "$json"
validate 'blocked, as JSON: as the schema has it' "$json"
ask "$json" <<-EOT
	blocked, as JSON: the text is the verdict :: "held it for 100 %" in r["verdict"]["text"]
	blocked, as JSON: with the threads :: len(modes[0]["threads"]) == 4
EOT
is 'the process goes on' kill -0 "$target"
gone "$target"

live deadlock
why 'deadlock' -o "$tmp/why.rec"
is 'deadlock: says so' says 'This looks like a deadlock: 2 threads'
is 'deadlock: names them' says "'left'.*'right'|'right'.*'left'"
is 'deadlock: keeps the recording' [ -s "$tmp/why.rec" ]
run "$CONVOY" report --format json "$tmp/why.rec"
cp "$out" "$json"
ask "$json" <<-EOT
	deadlock: the recording is whole :: r["valid"] and not r["incomplete"]
	deadlock: each holds what the other waits for :: sorted(h["comm"] for l in modes[0]["locks"] if l["kind"] == "mutex" for h in l["holders"]) == ["left", "right"]
EOT
run "$CONVOY" why -p "$target" -d 0.1 -o "$tmp/why.rec"
is 'deadlock: an old recording is not replaced' failed_with 2 'exists'
gone "$target"

live busy_and_idle 1 3
why 'busy and idle'
is 'busy and idle: who is busy' says "'busy-1' [0-9]+ % running"
is 'busy and idle: who only waited' says '[34] threads? only waited'
is 'busy and idle: no deadlock' says_no 'deadlock'
gone "$target"

background sleep 1000
eventually in_state "$target" S
why 'asleep'
is 'asleep: says so' says 'asleep|sleeps'
kill -STOP "$target"
eventually in_state "$target" T
why 'stopped'
is 'stopped: says so' says 'was stopped, by a signal'
kill -CONT "$target"
gone "$target"

# Threads of an interpreter take turns; where there is one CPU, they wait for that.
background "$PYTHON" -c '
import threading
def work():
    x = 0
    while True:
        x += 1
for i in range(3):
    threading.Thread(target=work).start()
print("ready", flush=True)'
eventually says_ready
why 'three busy threads of Python'
is 'three busy threads of Python: a GIL, or no CPU' says 'GIL|no CPU'
is 'three busy threads of Python: no more threads' says 'processes instead of threads|fewer threads|more threads|see what else runs'
gone "$target"

# --- shortened ----------------------------------------------------------------------

live blocked_mutex 1
: >"$out"
env --default-signal "$CONVOY" why -p "$target" -d 100 >"$out" 2>"$err" </dev/null &
recorder=$!
started+=("$recorder")
has_recorder() {
	[ -n "$(writer)" ] && grep -q convoy-recorder "/proc/$(writer)/comm"
}
eventually has_recorder
sleep 0.3
kill -INT "$recorder"
wait "$recorder"
status=$?
is 'Ctrl-C: exit 0' [ "$status" -eq 0 ]
is 'Ctrl-C: tells what there was' says '1 waiting for a lock'
gone "$target"
finish
