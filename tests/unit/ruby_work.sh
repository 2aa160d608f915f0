#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# ruby_work.sh - what only the jobs in Ruby have (the rest is interpreter_work.py): refusals of
# their own, and each check of a result, which must see what it is there for.
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"
ruby=$(command -v ruby) || skip_all 'there is no ruby'

sources=$CONVOY_SRC/workloads/ruby
program=$sources/convoy_work.rb
# Without its packages, which the jobs do not need, Ruby starts in half the time. Those of the
# future may need them for Fiddle.
options=()
! "$ruby" --disable=gems -e 'require "fiddle"' 2>/dev/null || options+=(--disable=gems)

run "$ruby" "$program" --identify
[ "$status" -eq 0 ] || skip_all "$(head -n 1 "$err")"
forks=1
"$ruby" -e 'exit(Process.respond_to?(:fork))' || forks=

# --- refusals -------------------------------------------------------------------------

# refused PATTERN OPTION...: usage, a message with the reason, nothing on standard output.
refused() {
	local pattern=$1

	shift
	run "$ruby" "${options[@]}" "$program" "$@"
	is "refused: ${*@Q}" failed_with 2 "$pattern"
}

for job in countdown queue; do
	refused 'no pool of processes' -j "$job" -m pool
done
refused 'use mode threads' -j countdown -m gil-timed
refused 'forks' -j countdown -m processes --start=spawn
refused 'no job' -j $'a\e[1mb\n' -m serial
is 'the terminal is not controlled' harmless "$err"
# Options that convoy-work takes and Ruby cannot follow; and one that it would bring itself.
refused 'yield-every' -j countdown -m serial --yield-every=1
refused 'version' --version

# Rubies without fork have the threads.
cat >"$tmp/forkless.rb" <<-'EOT'
	Process.singleton_class.undef_method(:fork) if Process.respond_to?(:fork)
EOT
for what in 'countdown processes' 'mixed threads'; do
	read -r job mode <<<"$what"
	run "$ruby" "${options[@]}" -r "$tmp/forkless.rb" "$program" -j "$job" -m "$mode"
	is "without fork: no $job in $mode" failed_with 2 'cannot fork'
done
run "$ruby" "${options[@]}" -r "$tmp/forkless.rb" "$program" -j countdown -m threads -n 10
is 'without fork: threads' [ "$status" -eq 0 ]

# --- results that are wrong -----------------------------------------------------------

# All modes that this Ruby has.
modes=(serial threads ${forks:+processes})

# broken METHOD NAME PATTERN OPTION...: with that method replaced it fails, and says so.
broken() {
	local method=$1 name=$2 pattern=$3

	shift 3
	cat >"$tmp/broken.rb" <<-EOT
		require "$sources/main"
		$method
	EOT
	run "$ruby" "${options[@]}" -W0 -r "$tmp/broken.rb" "$program" "$@"
	if [ "$status" -eq 6 ] && complained "$pattern" && ! grep -q '^  "ok": true' "$out"; then
		pass "$name"
	else
		fail "$name"
	fi
}

for mode in "${modes[@]}"; do
	broken 'class ConvoyWork::Job; def sleep(_); end; end' "a sleep that is too short: $mode" \
		'sleep-1 has a wrong result' -j sleepers -m "$mode"
	broken 'class ConvoyWork::Recursion; def sum(*); 79; end; end' "a wrong sum: $mode" \
		'sum.12. has a wrong result' -j recursion -m "$mode" --sleep-scale 0
	broken 'SAME = ConvoyWork::KernelCalls.map(ConvoyWork::Pages::SIZE)
		class << ConvoyWork::KernelCalls; def map(_); SAME; end; def unmap(*); end; end' \
		"pages that are not fresh: $mode" 'pages-1 has a wrong result' -j pages -m "$mode" -n 2
done
broken 'class ConvoyWork::Queues::ThreadQueue; def put(_); raise "full"; end; end' \
	'a worker that raises: threads' 'worker-1 failed: full' -j queue -m threads -n 1000
nameless='class << ConvoyWork::KernelCalls
	def name_thread(name); raise "nameless" if name == "worker-2"; end
end'
broken "$nameless" \
	'a worker that does not come to the gate: threads' 'worker-2 failed: nameless' -j queue -m threads -n 1000
if [ -n "$forks" ]; then
	broken 'class ConvoyWork::Queues::ProcessQueue; def get; raise "dry"; end; end' \
		'a worker that raises: processes' 'worker-. failed: dry' -j queue -m processes -n 1000
	broken "$nameless" \
		'a worker that does not come to the gate: processes' 'worker-2 failed: nameless' \
		-j queue -m processes -n 1000
	broken 'class ConvoyWork::Mixed; def serve_me; raise "deaf"; end; end' 'a client that raises: threads' \
		'client failed: deaf' -j mixed -m threads -n 5
	broken 'class ConvoyWork::Mixed; def serve_me; raise "deaf"; end; end' 'a client that raises: processes' \
		'client failed: deaf' -j mixed -m processes -n 5
	broken 'class ConvoyWork::ProcessMode; def listen; raise "lost"; end; end' 'a main process that raises' \
		'lost' -j queue -m processes -n 100000000
fi
finish
