#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# ruby.sh - Ruby, if it is on this machine: its GVL is found and named, three threads that
# compute wait for it two thirds of their time, in the first process and in a forked one; three
# processes do not; and threads that sleep or wait for a queue, on the same condition variables,
# wait for work.
#
# RUBIES="/path/to/ruby ..." takes only these.
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing

work=$CONVOY_SRC/tests/root/ruby_work.rb
compare=$CONVOY_SRC/tests/root/ruby_compare.py
truth=$tmp/truth.json json=$tmp/report.json rec=$tmp/ruby.rec

# try RUBY WHAT: one recording of ruby_work.rb.
try() {
	rm -f "$rec"
	run "$CONVOY" record -o "$rec" -- "$1" "$work" "$2"
	cp "$out" "$truth"
	if [ "$status" -ne 0 ]; then
		fail "$1: $2"
		return
	fi
	run "$CONVOY" report "$rec" --format json --threads
	cp "$out" "$json"
	: >"$out"
	while IFS=$'\t' read -r verdict name detail; do
		case $verdict in
		ok) pass "$name" ;;
		'#'*) echo "$verdict" ;;
		*) fail "${name:-$1: $2: comparing}" "${detail:-$verdict}" ;;
		esac
	done < <("$PYTHON" -B "$compare" "$2" "$truth" "$json" 2>&1)
}

# test_ruby PATH: unless it is something else than the Ruby in C with a GVL that is known.
test_ruby() {
	local engine version what

	read -r engine version < <(timeout 20 "$1" -e 'puts "#{RUBY_ENGINE} #{RUBY_VERSION}"' \
		2>/dev/null </dev/null)
	[ "${engine-}" = ruby ] || return 1
	echo "# Ruby $version: $1"
	for what in threads forked processes idle; do
		try "$1" "$what"
	done
}

if [ "${RUBIES-}" ]; then
	for ruby in $RUBIES; do
		test_ruby "$ruby" || skip "$ruby" 'no Ruby in C'
	done
	finish
fi
ruby=$(type -P ruby) || skip_all 'there is no ruby on this machine'
test_ruby "$ruby" || skip_all "$ruby is no Ruby in C"
finish
