#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# lib.sh - for the shell tests: results as TAP (see tools/run-tests), running convoy,
# asking a JSON report. To be sourced.
# shellcheck disable=SC2034,SC2317 # used by those who source this
set -u

CONVOY_SRC=${CONVOY_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
CONVOY=${CONVOY:-$CONVOY_SRC/convoy}
CONVOY_WORK=${CONVOY_WORK:-$CONVOY_SRC/convoy-work}
CONVOY_TESTS=${CONVOY_TESTS:-$CONVOY_SRC/build/tests/root}
PYTHON=/usr/bin/python3
export LC_ALL=C

tmp=$(mktemp -d "${TEST_TMPDIR:-${TMPDIR:-/tmp}}/convoy-test.XXXXXX") || exit 1
out=$tmp/out err=$tmp/err
status=0
tests=0 failures=0
started=() # processes that this script put into the background itself

# Remove what a test left; kill what it started by its id.
clean_up() {
	local pid

	for pid in ${started+"${started[@]}"}; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

pass() {
	tests=$((tests + 1))
	echo "ok $tests - $1"
}

# fail NAME [WHY...]: with what the last command run here said.
fail() {
	local file

	tests=$((tests + 1)) failures=$((failures + 1))
	echo "not ok $tests - $1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$*" | sed 's/^/#   /'
	echo "#   last run: status $status"
	for file in "$out" "$err"; do
		[ -s "$file" ] || continue
		echo "#   its ${file##*/}:"
		head -c 1500 "$file" | cat -v | sed 's/^/#     /'
		echo
	done
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

# is NAME COMMAND...: passes when the command succeeds.
is() {
	local name=$1

	shift
	if "$@"; then
		pass "$name"
	else
		fail "$name" "false: $*"
	fi
}

# At the end of every script.
finish() {
	echo "1..$tests"
	[ $failures -eq 0 ]
	exit
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# run COMMAND...: its output goes to $out and $err, its exit status to $status.
# env undoes what & did to SIGINT; nothing here takes long, unless it hangs.
run() {
	: >"$out"
	: >"$err"
	timeout -k 5 60 "$@" >"$out" 2>"$err" </dev/null
	status=$?
}

# Every way in which the last run could say that it failed, in one look:
# failed_with STATUS [PATTERN]: that status, a message of convoy's, nothing on stdout.
failed_with() {
	[ "$status" -eq "$1" ] && [ ! -s "$out" ] && complained "${2-}"
}

# The first thing said is convoy's own message, and (if given) it matches a pattern.
complained() {
	head -n 1 "$err" | grep -q '^convoy' && { [ -z "${1-}" ] || grep -qiE -- "$1" "$err"; }
}

quiet() {
	[ ! -s "$err" ]
}

# The terminal is not controlled by it: no escape, no bell, no carriage return.
harmless() {
	! LC_ALL=C grep -q '[[:cntrl:]]' < <(tr -d '\n\t' <"$1")
}

has_python() {
	"$PYTHON" -c "${1:-pass}" 2>/dev/null
}

# Skip the rest of a script unless convoy can trace here, with convoy's own reason.
require_tracing() {
	run "$CONVOY" run -m serial -n 1 -r 1
	[ "$status" -ne 3 ] || stop_here "cannot trace here: $(head -n 1 "$err")"
}

require_python() {
	has_python || stop_here "$PYTHON is not there"
}

stop_here() {
	[ $tests -gt 0 ] || skip_all "$1"
	skip 'the rest' "$1"
	finish
}

# ask FILE: a test of the JSON report in FILE for each line "NAME :: EXPRESSION" on
# standard input, in Python. There, `r` is the report, `modes` its list of modes, `mode`
# finds one by its name.
ask() {
	local verdict name detail

	# Tabs separate: what has none is a traceback.
	while IFS=$'\t' read -r verdict name detail; do
		if [ "$verdict" = ok ]; then
			pass "$name"
		else
			fail "${name:-asking a report}" "${detail:-$verdict}"
		fi
	done < <("$PYTHON" -c '
import json, sys
lines = [line.strip() for line in sys.stdin if line.strip()]
ACCOUNTS = ("running preempted wakeup lock cond join sleep io disk child fault stopped "
            "other").split()
try:
    with open(sys.argv[1]) as file:
        r = json.load(file)
except Exception as e:
    print("no", "JSON report", repr(e), sep="\t")
    sys.exit()
modes = r.get("modes", [])
mode = {m["mode"]: m for m in modes}
names = dict(globals())
for line in lines:
    name, expression = (part.strip() for part in line.split("::", 1))
    try:
        good = eval(expression, names)
        why = "false: " + expression
    except Exception as e:
        good = False
        why = "%r in %s" % (e, expression)
    print("ok" if good else "no", name, why, sep="\t")
' "$1" 2>&1)
}

# validate NAME FILE [SCHEMA]: the report in a file is what docs/report.schema.json (or
# docs/SCHEMA.schema.json) says.
validate() {
	local name=$1 file=$2 schema=${3:-report} why

	if ! has_python 'import jsonschema'; then
		skip "$name" "$PYTHON has no jsonschema"
		return
	fi
	if why=$("$PYTHON" -W ignore -c '
import json, jsonschema, sys
schema, report = (json.load(open(name)) for name in sys.argv[1:])
best = jsonschema.exceptions.best_match(
    jsonschema.validators.validator_for(schema)(schema).iter_errors(report))
if best:
    sys.exit("%s: %s" % ("/".join(map(str, best.absolute_path)), best.message[:300]))
' "$CONVOY_SRC/docs/$schema.schema.json" "$file" 2>&1); then
		pass "$name"
	else
		fail "$name" "$why"
	fi
}

# in_terminal COLUMNS COMMAND...: on a pseudo-terminal of that width, all it prints to
# $out; standard error too unless $terminal_err names a file. Its lines as sent, without
# the carriage returns that the terminal adds at their ends.
in_terminal() {
	local columns=$1

	shift
	: >"$out"
	: >"$err"
	timeout -k 5 60 "$PYTHON" -c '
import fcntl, os, pty, struct, sys, termios
columns, err, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
ready, go = os.pipe()
pid, fd = pty.fork()
if not pid:
    os.close(go)
    os.read(ready, 1)
    os.close(ready)
    if err:
        os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
os.close(go)
text = b""
while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    text += piece
sys.stdout.buffer.write(text.replace(b"\r\n", b"\n"))
sys.stdout.flush()
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
' "$columns" "${terminal_err-}" "$@" >"$out" 2>"$err" </dev/null
	status=$?
}

# What a terminal would show: no colours, of an overwritten line only the last state.
shown() {
	sed -e 's/\x1b\[[0-9;]*[A-Za-z]//g' -e 's/.*\r//' "$1"
}

# longest_line FILE: in characters, of what a terminal would show.
longest_line() {
	shown "$1" | "$PYTHON" -c '
import sys
print(max(len(line.rstrip("\n")) for line in
          sys.stdin.buffer.read().decode("utf-8", "replace").split("\n")))'
}

# A copy of convoy whose convoy-work is the shell script on standard input.
# Sets $fake to the copy's path.
fake_work() {
	local dir

	dir=$(mktemp -d "$tmp/fake.XXXXXX")
	cat >"$dir/convoy-work"
	chmod 755 "$dir/convoy-work"
	cp "$CONVOY" "$dir/convoy"
	fake=$dir/convoy
}

# marked TEXT: the ids of living processes that have TEXT on their command lines. Tests
# look for a number that no other run has; grep itself must not have it.
marked() {
	printf '%s\n' "$1" >"$tmp/mark"
	grep -laFf "$tmp/mark" /proc/[0-9]*/cmdline 2>/dev/null | tr -dc '0-9\n'
}

none_marked() {
	[ -z "$(marked "$1")" ]
}

# eventually COMMAND...: it succeeds within ten seconds.
eventually() {
	local i

	for ((i = 0; i < 200; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}
