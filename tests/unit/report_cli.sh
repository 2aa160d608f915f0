#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# report_cli.sh - `convoy report` as a command; needs no kernel and no permission.
# shellcheck disable=SC2016,SC2046,SC2054,SC2317 # others expand; words; lists; is calls functions
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/../root/lib.sh"

cd "$tmp" || exit 1

# refused NAME PATTERN ARGUMENT...: exit 2, nothing on stdout, a message.
refused() {
	local name=$1 pattern=$2

	shift 2
	run "$CONVOY" report "$@"
	is "$name: exit 2, and why" failed_with 2 "$pattern"
}

: >empty
echo 'just some text, and more of it than a header has' >text
mkdir directory
refused 'no file named' 'no recording given'
refused 'a file that is not there' 'no such file' missing.rec
refused 'a directory' 'is a directory' directory
refused 'an empty file' 'empty' empty
refused 'a text' . text
refused '/dev/null' 'empty' /dev/null
refused 'two files' 'one recording' text empty
refused 'no such format' 'does not exist' text --format yaml
refused 'an export without a file' . text --export json
refused '--locks of nothing' -- text --locks many
refused '--from of nothing' -- text --from soon
refused '--to before --from' 'later than' text --from 2 --to 1
refused '--to at --from' 'later than' text --from 2 --to 2
refused '--to 0' . text --to 0
refused 'an unknown option' . text --colour
run bash -c 'head -c 5 "$1" | "$0" report -' "$CONVOY" text
is 'a pipe that ends early: exit 2, and why' failed_with 2 'too short'
run bash -c 'exec "$0" report - <&-' "$CONVOY"
is 'closed stdin: says so' complained .
run "$CONVOY" report --help
is '--help: exit 0, with examples' grep -q 'Examples:' "$out"
refused 'a recording that does not say what it is of' 'what it is of' \
	"$CONVOY_SRC/tests/golden/recording-1.0"

# A recording is read twice: what comes out of a pipe is kept until then.
recording=$CONVOY_SRC/tests/golden/run.rec
"$CONVOY" report --format json "$recording" >from-file 2>&1
run bash -c 'cat "$1" | "$0" report --format json -' "$CONVOY" "$recording"
is 'through a pipe: the same report' cmp -s from-file <(cat "$out" "$err")
run bash -c '"$0" report --format json <(cat "$1")' "$CONVOY" "$recording"
is 'through a named pipe: the same report' cmp -s from-file <(cat "$out" "$err")
run bash -c 'yes | "$0" report -' "$CONVOY"
is 'a pipe without an end that is no recording: exit 2, and why' failed_with 2 'no recording'
finish
