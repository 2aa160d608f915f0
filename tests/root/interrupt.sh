#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# interrupt.sh - convoy ended half-way, politely or not: the right status, the report of
# what is complete, no process left, nothing left in the kernel.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing

# A number of work that no other run has: 1.7e9 to 2e9, which takes minutes.
mark=$((1700000000 + ($$ * 1000 + RANDOM % 1000) % 300000000))
pid=
ids=()
family=

# start ARGUMENT...: convoy in the background, with its signals as a shell would.
start() {
	: >"$out"
	: >"$err"
	env --default-signal "$CONVOY" run "$@" >"$out" 2>"$err" </dev/null &
	pid=$!
	started+=("$pid")
}

# The process's programs, links and maps in the kernel, to be asked for when it is gone.
note_ids() {
	ids=()
	while read -r kind id; do
		ids+=("$kind" "$id")
	done < <(cat "/proc/$pid/fdinfo"/* 2>/dev/null |
		awk '/^(prog|map|link)_id:/ { sub(/_id:/, ""); print $1, $2 }' | sort -u)
}

# All that descends from a process, which need not have the mark.
descendants() {
	local child children

	children=$(cat "/proc/$1/task"/*/children 2>/dev/null)
	for child in $children; do
		echo "$child"
		descendants "$child"
	done
}

none_alive() {
	local one

	for one in $family; do
		[ ! -d "/proc/$one" ] || return 1
	done
}

# working N: the workload, and with that as many processes as it makes.
working() {
	[ -n "$(marked "--work=$mark")" ] && [ "$(descendants "$pid" | wc -l)" -ge "$1" ]
}

none_in_kernel() {
	"$CONVOY_TESTS/bpf_ids" "${ids[@]}" >"$tmp/ids"
}

# Both processes of a mode are there, and all probes.
await_work() {
	local name=$1

	if ! eventually working "$2"; then
		fail "$name: started"
		return 1
	fi
	note_ids
	family=$(descendants "$pid")
	case " ${ids[*]} " in
	*' prog '*) ;;
	*) fail "$name: its probes are found in /proc/$pid/fdinfo" ;;
	esac
	return 0
}

nothing_left() {
	local name=$1

	is "$name: no process is left" eventually none_marked "$mark"
	is "$name: none of its descendants" eventually none_alive
	if [ -x "$CONVOY_TESTS/bpf_ids" ]; then
		is "$name: nothing is left in the kernel" eventually none_in_kernel
	else
		skip "$name: nothing is left in the kernel" 'bpf_ids is not built'
	fi
}

# --- asked to end, in the first round -----------------------------------------------

number_of() {
	kill -l "$1"
}

for sig in INT TERM HUP; do
	name="SIG$sig in the first round"
	start -m processes,threads -w 2 -n $mark -r 1000 --format json --export "json=$tmp/none.json"
	await_work "$name" 2 || continue
	kill -$sig "$pid"
	wait "$pid"
	status=$?
	is "$name: exit 128+$(number_of $sig)" [ "$status" -eq $((128 + $(number_of $sig))) ]
	is "$name: a message" complained "signal $(number_of $sig)"
	is "$name: no report of nothing" [ ! -s "$out" ]
	is "$name: and none is promised" [ -z "$(grep 'the report has' "$err")" ]
	is "$name: no export of nothing" [ ! -e "$tmp/none.json" ]
	is "$name: no temporary file" [ -z "$(find "$tmp" -name '.convoy*')" ]
	nothing_left "$name"
done

# --- killed, with no chance to clean up ---------------------------------------------

for how in 'threads fork 1' 'processes fork 2' 'processes spawn 2'; do
	read -r mode begin count <<<"$how"
	name="SIGKILL in $mode ($begin)"
	start -m "$mode" --start="$begin" -w 2 -n $mark -r 1000
	await_work "$name" "$count" || continue
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	nothing_left "$name"
done

# --- after some rounds --------------------------------------------------------------

# rounds_done N: so many rounds of two tasks each, by the log of -v.
rounds_done() {
	[ "$(grep -c 'finished' "$err")" -ge $((2 * $1 + 1)) ]
}

# Short rounds, very many of them.
after_rounds() {
	start -v -m threads,processes -w 2 -n 50000 -r 5000 "$@"
	if ! eventually rounds_done 4; then
		fail 'rounds go by'
		return 1
	fi
	note_ids
}

for sig in INT TERM; do
	name="SIG$sig after some rounds"
	after_rounds --export "json=$tmp/$sig.json" || continue
	kill -$sig "$pid"
	wait "$pid"
	status=$?
	is "$name: exit 128+$(number_of $sig)" [ "$status" -eq $((128 + $(number_of $sig))) ]
	is "$name: a message" grep -q "^convoy: .*signal $(number_of $sig)" "$err"
	is "$name: the text is marked on its first line" \
		grep -q '^INCOMPLETE' <(head -n 1 "$out")
	is "$name: the text is whole" grep -q '^ledger' "$out"
	if [ -x "$CONVOY_TESTS/bpf_ids" ]; then
		is "$name: nothing is left in the kernel" eventually none_in_kernel
	fi
	is "$name: no temporary file" [ -z "$(find "$tmp" -name '.convoy*')" ]
	validate "$name: the exported report keeps to the schema" "$tmp/$sig.json"
	if has_python; then
		sed "s/^/$name: /" >"$tmp/questions" <<-'EOT'
			marked incomplete :: r["incomplete"] is True
			valid: what is there is whole :: r["valid"] is True
			complete rounds are there :: sum(len(m["wall_ns"]["rounds"]) for m in modes) >= 3
			not all of them :: all(1 <= m["rounds"] == len(m["wall_ns"]["rounds"]) < 5000 for m in modes)
			only complete rounds :: all(len(m["tasks"]) == m["tasks_checked"] == 2 * m["rounds"] for m in modes)
			no loss :: not any(r["loss"][k] for k in ("ring", "task_state", "unmatched"))
			switches are the kernel's own :: 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
		EOT
		ask "$tmp/$sig.json" <"$tmp/questions"
	else
		skip "$name: the JSON" "$PYTHON is not there"
	fi
done

after_rounds --format json && {
	kill -INT "$pid"
	kill -INT "$pid"
	wait "$pid"
	status=$?
	is 'Ctrl-C twice: exit 130' [ "$status" -eq 130 ]
	is 'Ctrl-C twice: nothing is left in the kernel' eventually none_in_kernel
}

# --- at any moment ------------------------------------------------------------------

# Short runs, a signal ever later: whatever it hits, the run ends as one or the other.
outcomes=''
wrong=''
for ((i = 0; i < 16; i++)); do
	start -m threads,processes -w 2 -n $((mark % 1000 + 20000)) -r 2 --format json
	sleep "$(printf '0.%03d' $((i * 25)))"
	kill -INT "$pid" 2>/dev/null
	note_ids
	wait "$pid"
	status=$?
	outcomes+=" $status"
	case $status in
	0)
		[ "$(tail -n 1 "$out")" = '}' ] || wrong+="; at $((i * 25)) ms: exit 0, half a report"
		;;
	130) ;;
	*) wrong+="; at $((i * 25)) ms: status $status" ;;
	esac
	if [ "${#ids[@]}" -gt 0 ] && ! eventually none_in_kernel; then
		wrong+="; at $((i * 25)) ms: left in the kernel: $(tr '\n' ' ' <"$tmp/ids")"
	fi
done
if [ -z "$wrong" ]; then
	pass 'Ctrl-C at any moment'
else
	fail 'Ctrl-C at any moment' "${wrong#; }"
fi
echo "# exit statuses:$outcomes"

# --- what the caller has chosen to ignore -------------------------------------------

for sig in HUP INT; do
	name="SIG$sig that the caller ignores"
	: >"$out"
	: >"$err"
	(
		trap '' $sig
		exec "$CONVOY" run -v -m threads -w 2 -n 50000 -r 50
	) >"$out" 2>"$err" </dev/null &
	pid=$!
	started+=("$pid")
	if ! eventually rounds_done 1; then
		fail "$name: rounds go by"
		continue
	fi
	kill -$sig "$pid"
	wait "$pid"
	status=$?
	is "$name (nohup, &) does not end the run" [ "$status" -eq 0 ]
done

# --- Ctrl-C on a terminal -----------------------------------------------------------

if ! has_python; then
	skip 'Ctrl-C on a terminal' "$PYTHON is not there"
	finish
fi
timeout -k 5 60 "$PYTHON" -c '
import os, pty, re, sys
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[1], [sys.argv[1], "run", "-m", "threads,processes", "-n", "50000",
                           "-r", "5000"])
text = b""
pressed = False
while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    text += piece
    if not pressed and re.search(rb"convoy: [4-9] of ", text):
        os.write(fd, b"\x03")
        pressed = True
sys.stdout.buffer.write(text.replace(b"\r\n", b"\n"))
sys.stdout.flush()
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
' "$CONVOY" >"$out" 2>"$err" </dev/null
status=$?
is 'Ctrl-C on a terminal: exit 130' [ "$status" -eq 130 ]
shown "$out" >"$tmp/shown"
is 'Ctrl-C on a terminal: the report, marked' grep -q '^INCOMPLETE' "$tmp/shown"
is 'Ctrl-C on a terminal: the message has a line of its own' \
	grep -q '^convoy: ended by signal 2' "$tmp/shown"
is 'Ctrl-C on a terminal: progress is wiped away' \
	[ -z "$(grep -E 'convoy: [0-9]+ of' "$tmp/shown")" ]
finish
