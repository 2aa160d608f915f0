#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# output.sh - where a report goes and what it looks like there: pipes, files, terminals.
# shellcheck disable=SC2054,SC2317 # lists of modes have commas; is calls functions
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing

short=(run -m threads,gil-timed -w 2 -n 50000 -r 1)

# --- text ---------------------------------------------------------------------------

tracefs_mounts() {
	grep -w tracefs /proc/self/mountinfo
}
mounts=$(tracefs_mounts)
run "$CONVOY" "${short[@]}"
is 'text: exit 0' [ "$status" -eq 0 ]
is 'text: no complaint, no progress where no terminal is' quiet
is 'text: begins with the command' grep -q '^convoy run -m threads,gil-timed' <(head -n 1 "$out")
is 'text: no colour where no terminal is' harmless "$out"
is 'text: 80 columns where no terminal is' \
	[ -z "$(LC_ALL=C awk 'length($0) > 80' "$out")" ]
is 'text: plain ASCII in the C locale' [ -z "$(LC_ALL=C tr -d '\n -~' <"$out")" ]
is 'text: no line ends with a blank' [ -z "$(grep ' $' "$out")" ]
is 'no tracefs is left mounted' [ "$(tracefs_mounts)" = "$mounts" ]
run env FORCE_COLOR=1 CLICOLOR_FORCE=1 TERM=xterm-256color "$CONVOY" "${short[@]}"
is 'text: nor colour because of the environment' harmless "$out"
if LC_ALL=C.UTF-8 locale charmap 2>/dev/null | grep -q UTF-8 && has_python; then
	run env LC_ALL=C.UTF-8 "$CONVOY" "${short[@]}" -r 3
	is 'text: UTF-8 in its locale' "$PYTHON" -c \
		'import sys; sys.exit("\u00b1" not in open(sys.argv[1], encoding="utf-8").read())' "$out"
	is 'text: 80 columns in UTF-8 too' [ "$(longest_line "$out")" -le 80 ]
else
	skip 'text: UTF-8 in its locale' 'there is no such locale'
fi
run env LC_ALL=xx_XX.nonsense TERM='' "$CONVOY" "${short[@]}"
is 'text: in a locale that is not there' [ "$status" -eq 0 ]
cd / || exit 1
run env -i "$CONVOY" "${short[@]}"
is 'text: with an empty environment' [ "$status" -eq 0 ]

# --- verbose ------------------------------------------------------------------------

run "$CONVOY" run -v -j recursion -m threads --sleep-scale 0.01 -r 1
is '-v: exit 0' [ "$status" -eq 0 ]
is "-v: the tasks' log: starts" [ "$(grep -c '^convoy-work: .*started$' "$err")" -eq 3 ]
is "-v: the tasks' log: ends with results" \
	[ "$(grep -cE '^convoy-work: .*finished after [0-9.]* s: (233|78|479001600)$' "$err")" -eq 3 ]
is '-v: the tasks are in the report' grep -q '^tasks' "$out"
is '-v: 80 columns' [ -z "$(awk 'length($0) > 80' "$out")" ]
run "$CONVOY" run -j recursion -m threads --sleep-scale 0.01 -r 1
is 'without -v no log' quiet
run "$CONVOY" "${short[@]}" --threads
is '--threads: in the text too' grep -q 'worker-2' "$out"

# --- closed and full ----------------------------------------------------------------

run bash -c 'exec "$0" "$@" >/dev/full' "$CONVOY" "${short[@]}"
is 'full disk: exit 6, and why' failed_with 6 'no space'
run bash -c 'exec "$0" "$@" >/dev/full' "$CONVOY" "${short[@]}" --format json
is 'full disk, JSON: exit 6, and why' failed_with 6 'no space'
run bash -c 'exec "$0" "$@" >&-' "$CONVOY" "${short[@]}"
is 'closed stdout: exit 6, and why' failed_with 6 'cannot write the report: bad file desc'
run bash -c 'exec "$0" "$@" 2>&-' "$CONVOY" "${short[@]}" --format json
is 'closed stderr: exit 0' [ "$status" -eq 0 ]
cp "$out" "$tmp/noerr.json"
run bash -c 'exec "$0" "$@" 2>&- <&-' "$CONVOY" "${short[@]}" -v
is 'closed stderr and stdin, with -v: exit 0' [ "$status" -eq 0 ]
run bash -c 'exec "$0" "$@" >&- 2>&- <&-' "$CONVOY" "${short[@]}" --export "json=$tmp/closed.json"
is 'all closed: exit 6' [ "$status" -eq 6 ]
run bash -c '"$0" "$@" | head -n 1; exit "${PIPESTATUS[0]}"' "$CONVOY" "${short[@]}"
is '| head -n 1: exit 0' [ "$status" -eq 0 ]
is '| head -n 1: one line, no complaint' [ "$(wc -l <"$out")$(wc -c <"$err")" = 10 ]
run bash -c '"$0" "$@" | true; exit "${PIPESTATUS[0]}"' "$CONVOY" "${short[@]}" --format json
is '| true: exit 0' [ "$status" -eq 0 ]
is '| true: no complaint' quiet

# --- files --------------------------------------------------------------------------

mkdir "$tmp/export"
printf '%100000s' old >"$tmp/export/old.json" # longer than any report
chmod 600 "$tmp/export/old.json"
mkfifo "$tmp/pipe"
cat "$tmp/pipe" >"$tmp/piped" &
started+=($!)
run "$CONVOY" "${short[@]}" --format json --export "json=$tmp/export/new.json" \
	--export "json=$tmp/export/old.json" --export "text=$tmp/export/new.txt" \
	--export "json=$tmp/pipe" --export 'json=/dev/null'
cp "$out" "$tmp/stdout.json"
is 'exports: exit 0' [ "$status" -eq 0 ]
is 'exports: no complaint' quiet
validate 'exports: the report keeps to the schema' "$tmp/export/new.json"
is 'exports: JSON is as on stdout' cmp -s "$tmp/stdout.json" "$tmp/export/new.json"
is 'exports: over an existing file too' cmp -s "$tmp/stdout.json" "$tmp/export/old.json"
is 'exports: an existing file stays as private as it was' \
	[ "$(stat -c %a "$tmp/export/old.json")" = 600 ]
wait "${started[@]}"
is 'exports: into a pipe' cmp -s "$tmp/stdout.json" "$tmp/piped"
is 'exports: text' grep -q '^ledger' "$tmp/export/new.txt"
is 'exports: nothing else is left beside them' \
	[ "$(cd "$tmp/export" && find . -type f | sort | tr '\n' ' ')" = './new.json ./new.txt ./old.json ' ]
is 'exports: nobody else may write them' \
	[ -z "$(find "$tmp/export" -type f -perm /022)" ]
(umask 077 && run "$CONVOY" "${short[@]}" --export "json=$tmp/export/private.json")
is 'exports: umask is honoured' [ "$(stat -c %a "$tmp/export/private.json")" = 600 ]
run bash -c 'cd "$1" && exec "$0" run -m serial -n 1000 -r 1 --export json=here.json' \
	"$CONVOY" "$tmp/export"
is 'exports: a name without directory' [ -s "$tmp/export/here.json" ]
run "$CONVOY" "${short[@]}" --export json=/dev/full
is 'exports: full disk: exit 6' [ "$status" -eq 6 ]
is 'exports: full disk: says which' complained '/dev/full.*no space'
is 'exports: full disk: the report is on stdout all the same' grep -q '^ledger' "$out"

# The directory goes away meanwhile.
mkdir "$tmp/gone"
(
	for ((i = 0; i < 400; i++)); do
		[ -z "$(marked --sleep-scale=0.10000001)" ] || break
		sleep 0.02
	done
	rmdir "$tmp/gone"
) &
started+=($!)
run "$CONVOY" run -j recursion --sleep-scale 0.10000001 -m serial -r 2 --export "json=$tmp/gone/x"
wait $!
is 'exports: the directory goes away: exit 6' [ "$status" -eq 6 ]
is 'exports: the directory goes away: says so' complained 'gone/x'
is 'exports: the directory goes away: the report is on stdout all the same' \
	grep -q '^ledger' "$out"

has_python || stop_here "$PYTHON is not there"
run cat "$tmp/noerr.json"
ask "$tmp/noerr.json" <<-'EOT'
	closed stderr: the JSON is whole :: r["valid"] is True and len(modes) == 2
EOT
ask "$tmp/closed.json" <<-'EOT'
	all closed: the export is whole :: r["valid"] is True and len(modes) == 2
EOT
run cat "$tmp/stdout.json"
ask "$tmp/stdout.json" <<-'EOT'
	JSON: says what it is :: r["schema"] == "convoy.report/1" and r["tool"]["name"] == "convoy" and r["tool"]["version"]
	JSON: says what ran :: r["job"] == "countdown" and r["workers"] == 2 and r["params"]["work"] == 50000 and r["params"]["rounds"] == 1
	JSON: says where :: r["host"]["cpus"] >= r["host"]["cpus_usable"] >= 1 and r["host"]["kernel"]
	JSON: threads[] is empty without --threads :: all(m["threads"] == [] for m in modes)
	JSON: without serial no speedup :: all(m["speedup"] is None for m in modes)
	JSON: one round makes no interval, no confidence, no winner :: all(m["wall_ns"]["ci95"] is None for m in modes) and r["verdict"]["best_mode"] is None and r["verdict"]["confidence"] is None
	JSON: not a command :: r["command_status"] is None and all(m["command"] is None for m in modes)
EOT

# --- a terminal ---------------------------------------------------------------------

escapes() {
	grep -q $'\e\[[0-9;]*m' "$1"
}
no_escapes() {
	! grep -q $'\e' "$1"
}

terminal_err=''
in_terminal 100 "$CONVOY" "${short[@]}"
is 'terminal: exit 0' [ "$status" -eq 0 ]
is 'terminal: colour' escapes "$out"
is 'terminal: progress' grep -qE 'convoy: 1 of 2, threads' "$out"
is 'terminal: progress is gone in the end' \
	[ -z "$(shown "$out" | grep 'convoy: . of')" ]
is 'terminal: every colour is switched off in the end' \
	[ "$(grep -o $'\e\[[0-9;]*m' "$out" | tail -n 1)" = $'\e[0m' ]
in_terminal 100 env NO_COLOR=1 "$CONVOY" "${short[@]}"
is 'NO_COLOR: no colour on a terminal' [ -z "$(grep -o $'\e\[[0-9;]*m' "$out")" ]
in_terminal 100 env NO_COLOR= "$CONVOY" "${short[@]}"
is 'NO_COLOR set to nothing is not set (no-color.org)' escapes "$out"
terminal_err=$tmp/terminal.err
in_terminal 100 "$CONVOY" "${short[@]}"
is 'stderr piped: no progress' [ ! -s "$terminal_err" ]
is 'stderr piped: colour on the terminal' escapes "$out"
terminal_err=''
in_terminal 100 bash -c '"$@" | cat' - "$CONVOY" "${short[@]}"
is 'stdout piped: progress on the terminal' grep -qE 'convoy: 1 of 2' "$out"
is 'stdout piped: no colour' [ -z "$(grep -o $'\e\[[0-9;]*m' "$out")" ]
in_terminal 100 "$CONVOY" "${short[@]}" --format json --export "text=$tmp/export/tty.txt"
is 'JSON on a terminal: no colour' [ -z "$(grep -o $'\e\[[0-9;]*m' "$out")" ]
is 'exported text: no colour though stdout is a terminal' no_escapes "$tmp/export/tty.txt"
in_terminal 100 "$CONVOY" "${short[@]}" -v
is '-v: no progress among the log' [ -z "$(grep 'convoy: 1 of' "$out")" ]

# widths COLUMNS ARGUMENT...: no line of what is shown is wider.
widths() {
	local columns=$1 name

	shift
	in_terminal "$columns" "$CONVOY" "$@"
	name="terminal of $columns columns${LC_ALL:+, $LC_ALL}: ${*:2}"
	if [ "$status" -ne 0 ]; then
		fail "$name"
	else
		is "$name" [ "$(longest_line "$out")" -le "$columns" ]
	fi
}
widths 60 run -n 20000 -r 2
widths 60 run -n 20000 -r 2 -m threads,gil-timed --threads
widths 60 run -n 20000 -m gil-timed -r 3 --cpus 0
widths 40 run -n 20000 -r 3
# The log is not the report's.
terminal_err=$tmp/log
widths 60 run -j recursion --sleep-scale 0.001 -m threads,gil-timed -v
widths 40 run -n 20000 -r 1 -m threads,processes -v --threads
widths 200 run -n 20000 -r 1 -m threads,processes -v --threads
terminal_err=''
LC_ALL=C.UTF-8 widths 60 run -n 20000 -r 3 -m serial,threads,processes
in_terminal 1 "$CONVOY" "${short[@]}"
is 'terminal of 1 column: does not crash' [ "$status" -eq 0 ]
finish
