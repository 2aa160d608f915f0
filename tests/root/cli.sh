#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# cli.sh - what convoy says to a new user, and to bad input: before anything is started,
# and before it matters whether one may trace. Needs no permission.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"

# Whatever is started leaves its mark.
fake_work <<-EOT
	#!/bin/sh
	echo started >>'$tmp/started'
	exit 1
EOT

on_stdout() {
	[ "$status" -eq 0 ] && quiet && grep -qF -- "$1" "$out"
}

run "$fake"
is 'no argument: says what to do' failed_with 2 'run'
run "$fake" --help
is '--help lists the commands' on_stdout '  list '
is '--help has an example' on_stdout 'sudo convoy run'
run "$fake" --version
is '--version is one line' on_stdout 'convoy '
is '--version and no more' [ "$(wc -l <"$out")" -eq 1 ]
run "$fake" frobnicate
is 'unknown command' failed_with 2 "'frobnicate'"
run "$fake" --frobnicate
is 'unknown option before the command' failed_with 2 'frobnicate'
run "$fake" -x run
is 'unknown short option before the command' failed_with 2

run "$fake" list
is 'list: jobs' on_stdout '  countdown '
is 'list: modes' on_stdout '  gil-timed '
run "$fake" list extra
is 'list takes no argument' failed_with 2 "'extra'"
run "$fake" list --frobnicate
is 'list: unknown option' failed_with 2 'frobnicate'
run "$fake" list --help
is 'list --help' on_stdout 'Usage: convoy list'

run "$fake" run --help
is 'run --help' on_stdout 'Usage: convoy run'
is 'run --help has examples' on_stdout 'convoy run -m threads,processes --cpus 0'
is 'run --help tells the exit status' on_stdout 'Exit status:'
for word in --job --modes --workers --work --rounds --sleep-scale --start --yield-every \
	--check-interval --switch-interval --futex --cpus --format --export --threads --verbose; do
	grep -q -e "$word" "$out" || missing="${missing-} $word"
done
is 'run --help has every option' [ -z "${missing-}" ]

# refused NAME ARGUMENT...: run refuses, explains, has started nothing.
refused() {
	local name=$1

	shift
	run "$fake" run "$@"
	if ! failed_with 2; then
		fail "$name" 'not: exit 2, a message that begins with convoy, nothing on stdout'
	elif [ -e "$tmp/started" ]; then
		rm -f "$tmp/started"
		fail "$name" 'started a workload'
	elif ! harmless "$err"; then
		fail "$name" 'control characters went to the terminal'
	else
		pass "$name"
	fi
}

# refused_saying PATTERN NAME ARGUMENT...: and the message says so.
refused_saying() {
	local pattern=$1 before=$failures

	shift
	refused "$@"
	if [ "$failures" -eq "$before" ] && ! grep -qE -- "$pattern" "$err"; then
		fail "$1: the message is to the point" "no '$pattern' in it"
	fi
}

refused_saying "'frob'" 'unknown job' -j frob
refused_saying 'countdown' 'unknown job: says which there are' -j frob
refused 'empty job' -j ''
refused_saying "'frob'" 'unknown mode' -m frob
refused_saying 'gil-timed' 'unknown mode: says which there are' -m threads,frob
refused_saying 'twice' 'the same mode twice' -m threads,serial,threads
refused 'empty list of modes' -m ''
refused 'empty mode at the end' -m threads,
refused 'empty mode in the middle' -m threads,,serial
refused 'modes separated by a space' -m 'threads, serial'
refused 'mode in capitals' -m THREADS

for option in --workers --rounds --work --check-interval --ring-bytes; do
	for value in '' 0 -1 5x x5 1.5 1e3 0x10 ' 1' '1 ' +1 NaN inf \
		99999999999999999999999999 18446744073709551616; do
		refused "$option '$value'" "$option=$value"
	done
done
for value in '' -1 5x 1.5 18446744073709551616; do
	refused "--yield-every '$value'" --yield-every="$value"
done
for value in '' 0 -1 -0.5 5x 0x10 nan inf 1e999 1e-999 1,5 5ms; do
	refused "--switch-interval '$value'" --switch-interval="$value"
done
for value in '' -1 x 0x1 nan inf 1e999 1,5 1001; do
	refused "recursion, --sleep-scale '$value'" -j recursion --sleep-scale="$value"
done
refused_saying '1024' '--workers 1025' --workers 1025
refused_saying '10000' '--rounds 10001' --rounds 10001
refused_saying 'out of range' 'more work than the job takes' -n 1000000000001
refused_saying 'power of two' '--ring-bytes 5000' --ring-bytes 5000
refused '--ring-bytes 2048' --ring-bytes 2048
refused '--ring-bytes 2^40' --ring-bytes 1099511627776

refused_saying 'three tasks' 'refused pair says why: recursion -w 4' -j recursion -w 4
refused_saying 'fixed' 'recursion takes no -n' -j recursion -n 10
refused_saying 'not sleep' 'countdown takes no --sleep-scale' -j countdown --sleep-scale 0.5
refused_saying 'fork' '--start=x' --start=x
refused '--start with nothing' --start=
refused_saying 'blocking' '--futex=x' --futex=x
refused '--futex=none' --futex=none

refused '--cpus with nothing' --cpus ''
refused '--cpus 3-1' --cpus 3-1
refused_saying 'CPU 1023' '--cpus 1023: not there' --cpus 1023
refused '--cpus 0,' --cpus 0,
refused '--cpus ,0' --cpus ,0
refused '--cpus 0-' --cpus 0-
refused '--cpus x' --cpus x
refused '--cpus -1' --cpus=-1
refused '--cpus: a huge number' --cpus 99999999999999999999
refused '--cpus: a huge range' --cpus 0-99999999999999999999
refused '--cpus: a long list' --cpus "$(printf '0,%.0s' {1..5000})0"

if [ "$(nproc)" -ge 2 ] && command -v taskset >/dev/null; then
	run taskset -c 1 "$fake" run --cpus 0
	is '--cpus: not for this process' failed_with 2 'CPU 0'
else
	skip '--cpus: not for this process' 'needs two CPUs and taskset'
fi

refused_saying 'json' '--format x: says which there are' --format x
refused '--format with nothing' --format ''
refused '--format JSON' --format JSON

refused_saying 'FORMAT=FILE' '--export without =' --export report.json
refused '--export =FILE' --export "=$tmp/x"
refused '--export json=' --export json=
refused '--export with nothing' --export ''
refused_saying 'json' '--export of an unknown format' --export "yaml=$tmp/x"
refused '--export of a very long format' --export "$(printf 'x%.0s' {1..5000})=$tmp/x"
refused_saying 'directory' '--export: no such directory' --export "json=$tmp/none/x.json"
refused '--export: is a directory' --export "json=$tmp"
refused '--export: is a directory, by its slash' --export "json=$tmp/"
touch "$tmp/file"
refused '--export: a file as directory' --export "json=$tmp/file/x.json"
refused '--export: a name too long' --export "json=$tmp/$(printf 'x%.0s' {1..300})"
refused '--export: a path too long' --export "json=$(printf '/tmp%.0s' {1..2000})/x"
ln -s "$tmp/file" "$tmp/link"
refused_saying 'link' '--export: a symbolic link' --export "json=$tmp/link"
ln -s "$tmp/nowhere" "$tmp/dangling"
refused_saying 'link' '--export: a dangling symbolic link' --export "json=$tmp/dangling"
is '--export: nothing was made through it' [ ! -e "$tmp/nowhere" ]
ln -s loop "$tmp/loop"
refused '--export: a symbolic link to itself' --export "json=$tmp/loop"
refused 'a good --export and a bad one' --export "json=$tmp/good" --export "json=$tmp/none/x"
is '... leaves no file' [ ! -e "$tmp/good" ]
many=()
for i in {1..1000}; do
	many+=(--export "json=$tmp/$i")
done
refused 'a thousand exports' "${many[@]}"

refused_saying "'stray'" 'stray argument' stray
refused 'stray argument after --' -- stray
refused 'stray argument after options' -m threads stray
refused 'unknown option' --frobnicate
refused 'unknown short option' -Z
refused 'option without its value' -w
refused 'long option without its value' --workers
refused 'a value where none is taken' --threads=3
refused 'ambiguous abbreviation' --s 1

# What is on the command line is printed: it must not reach the terminal as it is.
evil=$'\e[2J\a\r'
refused 'escapes in a job' -j "x$evil"
refused 'escapes in a mode' -m "x$evil"
refused 'escapes in a number' -w "x$evil"
refused 'escapes in --cpus' --cpus "x$evil"
refused 'escapes in --format' --format "x$evil"
refused 'escapes in --start' --start "x$evil"
refused 'escapes in --export' --export "json=$tmp/$evil/x"
refused 'escapes in a stray argument' "x$evil"
run "$fake" "x$evil"
is 'escapes in a command' failed_with 2
is 'escapes in a command are made harmless' harmless "$err"

# Not as root, who may write everywhere.
if [ "$(id -u)" -ne 0 ]; then
	as_nobody=()
else
	as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
fi

dir=$(mktemp -d /tmp/convoy-cli.XXXXXX)
trap 'rm -rf "$dir"; clean_up' EXIT
chmod 755 "$dir"
cp "$CONVOY" "$dir/convoy"
mkdir -m 555 "$dir/closed"
echo old >"$dir/readonly"
chmod 444 "$dir/readonly"
if "${as_nobody[@]}" "$dir/convoy" --version >/dev/null 2>&1; then
	run "${as_nobody[@]}" "$dir/convoy" run --export "json=$dir/closed/x"
	is '--export: a directory that cannot be written' failed_with 2 'permission'
	run "${as_nobody[@]}" "$dir/convoy" run --export "json=$dir/readonly"
	is '--export: a file that cannot be written' failed_with 2 'permission'
	run "${as_nobody[@]}" "$dir/convoy" run -m frob
	is 'arguments are checked before permission' failed_with 2 "'frob'"
else
	for name in 'a directory' 'a file'; do
		skip "--export: $name that cannot be written" 'cannot become nobody here'
	done
	skip 'arguments are checked before permission' 'cannot become nobody here'
fi

# list needs no tracing, so its ends can be tested here.
run bash -c 'exec "$0" list >&-' "$fake"
is 'list: closed stdout' failed_with 6
run bash -c 'exec "$0" list >/dev/full' "$fake"
is 'list: full disk' failed_with 6
run bash -c '"$0" run --help | head -n 1' "$fake"
is '--help | head -n 1' on_stdout 'Usage'

is 'all that was refused has started nothing' [ ! -e "$tmp/started" ]
finish
