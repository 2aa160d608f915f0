#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# recorder.sh - the two processes of a recording: what the one that writes may do, and what
# becomes of the rest when one of them is killed.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/root/lib_attach.sh
. "$(dirname "$0")/lib_attach.sh"
require_python
require_tracing

status_of() { # status_of PID FIELD
	awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status" 2>/dev/null
}

caps_of() {
	echo "$(status_of "$1" CapEff) $(status_of "$1" CapPrm) $(status_of "$1" CapInh)"
}

ended() {
	[ ! -d "/proc/$1" ] || in_state "$1" Z
}

has_grown() {
	[ "$(stat -c %s "$rec" 2>/dev/null || echo 0)" -gt "${1:-0}" ]
}

# Of the launcher's children, the one of that name.
named_child() {
	local child

	tr ' ' '\n' <"/proc/$recorder/task/$recorder/children" | while read -r child; do
		[ "$(cat "/proc/$child/comm")" != "$1" ] || echo "$child"
	done
}

kept() {
	run "$CONVOY" report --format json "$rec"
	[ "$status" -eq 0 ] && grep -q '"incomplete": true' "$out"
}

# --- what it may do -----------------------------------------------------------------

# Root has it in the bounding set, or not: a container.
own=$((0x$(status_of $$ CapPrm)))
kept=$(printf '%016x' $((own & (1 << 19 | 1 << 2))))
none=0000000000000000

live busy_and_idle 1 2
recording -p "$target"
writer=$(writer)
before=$(caps_of "$recorder")
is 'it has a name of its own' [ "$(cat "/proc/$writer/comm")" = convoy-recorder ]
is 'it has CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, and no other capability' \
	[ "$(caps_of "$writer")" = "$kept $kept $none" ]
is 'it has no ambient capability' [ "$(status_of "$writer" CapAmb)" = $none ]
is 'it gains none' [ "$(status_of "$writer" NoNewPrivs)" = 1 ]
is 'the launcher is what it was' [ "$before" = "$(caps_of $$)" ]
is 'the launcher may gain privileges, as its commands may' \
	[ "$(status_of "$recorder" NoNewPrivs)" = "$(status_of $$ NoNewPrivs)" ]
kill -INT "$recorder"
recorded
sound 'and it records'

# --- killed -------------------------------------------------------------------------

recording -p "$target"
writer=$(writer)
eventually has_grown 0
sleep 1.5 # what was written a second ago is in the file
kill -KILL "$recorder"
wait "$recorder" 2>/dev/null
is 'launcher killed: the recorder ends' eventually ended "$writer"
is 'launcher killed: the file is readable' kept
is 'launcher killed: the process goes on' kill -0 "$target"
is 'launcher killed: it is not stopped' [ "$(state_of "$target")" = S ]

recording -p "$target"
eventually has_grown 0
kill -KILL "$(writer)"
wait "$recorder"
status=$?
is 'recorder killed: status 6' [ "$status" -eq 6 ]
is 'recorder killed: the launcher says so' grep -q 'the recorder has ended' "$err"
is 'recorder killed: the process goes on' kill -0 "$target"

# A command: it is the user's, whatever becomes of its recording.
for victim in launcher recorder; do
	rm -f "$tmp/done"
	: >"$err"
	env --default-signal "$CONVOY" record --force -o "$rec" -- \
		sh -c "echo begun >'$tmp/begun'; sleep 1; echo done >'$tmp/done'" \
		>"$out" 2>"$err" </dev/null &
	recorder=$!
	started+=("$recorder")
	eventually [ -s "$tmp/begun" ]
	rm -f "$tmp/begun"
	case $victim in
	launcher) kill -KILL "$recorder" ;;
	recorder) kill -KILL "$(named_child convoy-recorder)" ;;
	esac
	wait "$recorder" 2>/dev/null
	status=$?
	is "$victim of a command killed: the command goes on to its end" eventually [ -s "$tmp/done" ]
	[ $victim = launcher ] ||
		is "recorder of a command killed: status 6" [ "$status" -eq 6 ]
done

# --- ended as usual -----------------------------------------------------------------

# Ctrl-C is how a recording is ended; other signals end it as well, and say so.
for sig in INT TERM HUP; do
	recording -a --allow-loss
	kill -$sig "$recorder"
	recorded
	ends_with=$([ $sig = INT ] && echo 0 || echo $((128 + $(kill -l $sig))))
	is "SIG$sig ends -a: status $ends_with" [ "$status" -eq "$ends_with" ]
	sound_machine "SIG$sig ends -a"
done
ends_with=0
gone "$target"

# --- not root -----------------------------------------------------------------------

dir=$(mktemp -d /tmp/convoy-recorder.XXXXXX) || exit 1
trap 'rm -rf "$dir"; clean_up' EXIT
chmod 755 "$dir"
mkdir -m 777 "$dir/open"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
# as_nobody CAPABILITIES PTRACE: a recording of its own process with these file capabilities.
as_nobody() {
	cp "$CONVOY" "$dir/convoy"
	chmod 755 "$dir/convoy"
	if ! setcap "$1" "$dir/convoy" 2>"$err"; then
		skip "file capabilities $1" "$(head -n 1 "$err")"
		return
	fi
	background "${nobody[@]}" sleep 1000
	eventually grep -q sleep "/proc/$target/comm"
	rec=$dir/open/nobody.rec
	: >"$err"
	"${nobody[@]}" env --default-signal "$dir/convoy" record --force -o "$rec" -p "$target" \
		>"$out" 2>"$err" </dev/null &
	recorder=$!
	started+=("$recorder")
	if eventually grep -q recording "$err"; then
		is "file capabilities $1: what the recorder keeps" \
			[ "$(caps_of "$(writer)")" = "$2 $2 $none" ]
		kill -INT "$recorder"
	fi
	recorded
	sound "file capabilities $1"
	ask "$json" <<-EOT
		file capabilities $1: the process is there :: [t["comm"] for t in modes[0]["threads"]] == ["sleep"]
	EOT
	gone "$target"
}

if ! command -v setcap >/dev/null || ! command -v setpriv >/dev/null; then
	skip 'file capabilities' 'needs setcap and setpriv'
else
	as_nobody cap_bpf,cap_perfmon=ep $none
	as_nobody cap_bpf,cap_perfmon,cap_sys_ptrace=ep 0000000000080000
fi
finish
