#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# lib_attach.sh - for tests that attach to what runs: programs to attach to, recordings of
# them, and what must hold of each. To be sourced after lib.sh.
# shellcheck disable=SC2034,SC2154 # used by those who source this, set by lib.sh
rec=$tmp/a.rec json=$tmp/report.json

# background COMMAND...: its process id in $target; its output in $tmp/target.
background() {
	: >"$tmp/target"
	"$@" >"$tmp/target" 2>&1 </dev/null &
	target=$!
	started+=("$target")
}

says_ready() {
	grep -q '^ready' "$tmp/target"
}

# live PROGRAM [ARGUMENT...]: one of the test programs, where it is to be attached to.
live() {
	local program=$1

	shift
	background "$CONVOY_TESTS/$program" "$@"
	eventually says_ready || stop_here "$program is not there"
}

# gone PID: reaped by this shell, if it was started here.
gone() {
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

state_of() { # state_of TID: R, S, D, T, ...
	sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null
}

in_state() {
	[ "$(state_of "$1")" = "$2" ]
}

# A system call by number, for a file that some kernels lack: then asleep is enough.
in_call() { # in_call TID NUMBER
	if [ -r "/proc/$1/syscall" ]; then
		[ "$(cut -d ' ' -f 1 "/proc/$1/syscall")" = "$2" ]
	else
		in_state "$1" S
	fi
}

# record ARGUMENT...: into $rec, and its report with threads into $json.
record() {
	run "$CONVOY" record --force -o "$rec" "$@"
	report
}

report() {
	: >"$json"
	[ ! -s "$rec" ] || "$CONVOY" report --threads --format json "$rec" >"$json" 2>>"$err"
}

# recording ARGUMENT...: in the background, as $recorder (its launcher); returns when it
# has begun. Descriptor 9 is for those who hold a pipe open. recorded: wait for its end.
recording() {
	: >"$out"
	: >"$err"
	env --default-signal "$CONVOY" record --force -o "$rec" "$@" \
		>"$out" 2>"$err" </dev/null 9>&- &
	recorder=$!
	started+=("$recorder")
	eventually grep -q 'recording' "$err"
}

recorded() {
	wait "$recorder"
	status=$?
	report
}

# The process that writes the recording.
writer() {
	tr -dc '0-9\n' <"/proc/$recorder/task/$recorder/children" 2>/dev/null
}

# sound NAME: of the last recording: done, valid, and its accounts close exactly for every
# thread; whoever was audited has as many switches as the kernel counted.
sound() {
	if [ "$status" -ne "${ends_with:-0}" ]; then
		fail "$1: status ${ends_with:-0}"
		return
	fi
	ask "$json" <<-EOT
		$1: valid :: r["valid"] or r["loss"]
		$1: nothing lost :: not any(r["loss"][k] for k in ("ring", "task_state", "unmatched"))
		$1: complete :: not r["incomplete"]
		$1: residual 0 :: [m["time_ns"]["residual"] for m in modes] == [0]
		$1: of each thread :: all(sum(t["time_ns"][a] for a in ACCOUNTS) == t["lifetime_ns"] for m in modes for t in m["threads"])
		$1: as often switched as the kernel says :: r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
	EOT
}

# ring_full: the last recording lost events because its rings were full, as happens with -a
# while others switch more than the recorder gets CPU time to write: then it says so, and
# nothing more can be asked of it. (Such a recording needs --allow-loss to end with 0.)
ring_full() {
	grep -qE '"ring": [1-9]' "$json"
}

# sound_machine NAME: sound, but for that.
sound_machine() {
	if ring_full; then
		ask "$json" <<<"$1: a full ring is told :: not r['valid']"
		skip "$1: sound" 'others keep the machine too busy for its rings'
		return 1
	fi
	sound "$1"
}
