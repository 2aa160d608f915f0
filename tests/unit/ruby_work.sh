#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# ruby_work.sh - the bundled jobs in Ruby do what convoy-work does: the same tasks, results and
# metrics, the same refusals; and they end as they should when something goes wrong.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"
require_python
ruby=$(command -v ruby) || skip_all 'there is no ruby'

# A copy, so that what is left of these can be told from others by its command line.
sources=$tmp/ruby
cp -r "$CONVOY_SRC/workloads/ruby" "$sources"
program=$sources/convoy_work.rb
# Without its packages, which the jobs do not need, Ruby starts in half the time. Those of the
# future may need them for Fiddle.
options=(-w)
! "$ruby" --disable=gems -e 'require "fiddle"' 2>/dev/null || options+=(--disable=gems)
rb=("$ruby" "${options[@]}" "$program")

run "${rb[@]}" --identify
[ "$status" -ne 2 ] || skip_all "$(head -n 1 "$err")"
is 'it says what it is' [ "$status" -eq 0 ]
is 'and nothing else' quiet
ask "$out" <<-EOT
	its schema :: r["schema"] == "convoy.interpreter/1"
	its implementation :: r["implementation"] in ("CRuby", "TruffleRuby", "JRuby")
	its version :: r["version"] == "$("$ruby" -e 'print RUBY_ENGINE_VERSION')"
	its name :: r["name"] == "$("$ruby" -e 'print RUBY_ENGINE')" + ".".join(r["version"].split(".")[:2])
	its file :: __import__("os").access(r["executable"], 1)
EOT
forks=1
"$ruby" -e 'exit(Process.respond_to?(:fork))' || forks=

# --- the same as convoy-work ----------------------------------------------------------

# The report of Ruby in $out against that of convoy-work in a file: what is wrong.
compare() {
	"$PYTHON" -c '
import json, sys
ours, theirs = (json.load(open(name)) for name in sys.argv[1:])
wrong = []
def same(what, a, b):
    if a != b:
        wrong.append("%s: %r, convoy-work: %r" % (what, a, b))
same("keys", sorted(ours), sorted(theirs))
for key in ("schema", "job", "mode", "workers", "work", "ok"):
    same(key, ours[key], theirs[key])
same("params", sorted(ours["params"]), sorted(theirs["params"]))
for key in ("sleep_scale", "seed", "inside", "outside", "start"):
    same(key, ours["params"][key], theirs["params"][key])
for what in ("name", "worker", "result", "ok"):
    same("tasks, " + what, [task[what] for task in ours["tasks"]],
         [task[what] for task in theirs["tasks"]])
same("metrics", sorted(ours["metrics"]), sorted(theirs["metrics"]))
for key in ("increments", "locks_recovered", "messages", "pages", "requests"):
    same(key, ours["metrics"].get(key), theirs["metrics"].get(key))
def must(what, good):
    if not good:
        wrong.append(what)
threads, tasks = ours["threads"], ours["tasks"]
same("workers", [t["worker"] for t in threads], [t["worker"] for t in theirs["threads"]])
for thread in threads:
    same("keys of a thread", sorted(thread), sorted(theirs["threads"][0]))
    must("start of a worker", ours["start_ns"] <= thread["start_ns"])
    must("end of a worker", thread["start_ns"] <= thread["end_ns"] <= ours["end_ns"])
    must("nobody knows that", thread["instructions"] is None and thread["lock"] is None)
    same("schedstat", bool(thread["schedstat"]), bool(theirs["threads"][0]["schedstat"]))
must("wall", ours["wall_ns"] == ours["end_ns"] - ours["start_ns"])
for task in tasks:
    same("keys of a task", sorted(task), sorted(theirs["tasks"][0]))
    thread = threads[task["worker"] - 1]
    must("who did it", (task["pid"], task["tid"]) == (thread["pid"], thread["tid"]))
    must("when", thread["start_ns"] <= task["start_ns"] <= task["end_ns"] <= thread["end_ns"])
pids = [thread["pid"] for thread in threads]
tids = [thread["tid"] for thread in threads]
must("a thread each", len(set(tids)) == len(tids))
if ours["mode"] == "processes":
    must("a process each", pids == tids)
else:
    must("one process", len(set(pids)) == 1 and pids[0] not in tids)
sys.exit("; ".join(wrong) or 0)
' "$out" "$1" >"$tmp/why" 2>&1
}

# same_as_convoy_work MODE JOB [OPTION...]
same_as_convoy_work() {
	local mode=$1 job=$2 theirs=$tmp/theirs name

	shift 2
	name="$job $mode${*:+ $*}"
	"$CONVOY_WORK" -j "$job" -m "$mode" "$@" >"$theirs" || fail "$name" 'convoy-work failed'
	run "${rb[@]}" --job="$job" --mode="$mode" "$@"
	if [ "$status" -eq 0 ] && quiet && compare "$theirs"; then
		pass "$name"
	else
		fail "$name" "$(cat "$tmp/why")"
	fi
}

modes=(serial threads ${forks:+processes})
for mode in "${modes[@]}"; do
	same_as_convoy_work "$mode" countdown --work=20000 -w 3
	same_as_convoy_work "$mode" recursion --sleep-scale=0.01
	same_as_convoy_work "$mode" sleepers --sleep-scale=0.005
	same_as_convoy_work "$mode" counter -n 300 --inside=20 --outside=10
	same_as_convoy_work "$mode" pages -n 3 -w 3
	[ -z "$forks" ] || same_as_convoy_work "$mode" mixed -n 3 -w 3
	[ "$mode" = serial ] || same_as_convoy_work "$mode" queue -n 200 -w 4
done
# Whatever is not said is what convoy-work would take.
same_as_convoy_work threads counter -n 100 --start=fork --check-interval=7 --switch-interval=2.5
same_as_convoy_work threads countdown -n 1
same_as_convoy_work threads queue -n 1
for seed in 0 12345 4294967295; do
	same_as_convoy_work serial sleepers --seed="$seed" --sleep-scale=0
done
[ -n "$forks" ] || skip 'mode processes, job mixed' 'this Ruby cannot fork'

run "${rb[@]}" -j recursion -m threads --sleep-scale 0.001 --verbose
is 'the log has a start and a finish of each task' [ "$(grep -c ' worker-[123] (pid .* started$' "$err")" -eq 3 \
	-a "$(grep -cE ' finished after .*: (233|479001600|78)$' "$err")" -eq 3 ]

# --- refusals -------------------------------------------------------------------------

# refused OPTION...: usage, a message, nothing on standard output.
refused() {
	run "${rb[@]}" "$@"
	is "refused: ${*@Q}" failed_with 2
}

refused
refused -j countdown -m pool
is 'a pool is refused with the reason' grep -q 'no pool' "$err"
refused -j countdown -m gil-timed
is 'another GIL is refused with the reason' grep -q 'mode threads' "$err"
refused -j countdown -m processes --start=spawn
is 'spawn is refused with the reason' grep -q 'fork' "$err"
refused -j $'a\e[1mb\n' -m serial
is 'the terminal is not controlled' harmless "$err"

# The others in one process, for a Ruby takes long to start: of each line of options, the status
# and what was said.
cat >"$tmp/many.rb" <<-EOT
	require "$sources/main"
	STDIN.each_line { |line| puts("status #{ConvoyWork::Main.run(line.split)}") }
EOT
run_many() {
	"$ruby" "${options[@]}" "$tmp/many.rb" <"$tmp/many" >"$out" 2>"$err"
	status=$?
}

# What convoy-work refuses, Ruby refuses for the same reason.
cat >"$tmp/many" <<-EOT
	-j queue -m serial
	-j queue -m threads -w 1
	-j mixed -m threads -w 1
	-j recursion -m threads -w 4
	-j sleepers -m threads -w 6
	-j countdown -m threads -w 1025
	-j recursion -m threads -n 1
	-j countdown -m threads -n 0
	-j countdown -m threads -n 1_000
	-j pages -m threads -n 1000000001
	-j sleepers -m threads --seed=-1
	-j sleepers -m threads --sleep-scale=nan
	-j sleepers -m threads --sleep-scale=1001
	-j counter -m threads --inside=1000000001
	-j countdown -m threads --check-interval=0
	-j countdown -m threads --switch-interval=0
	-j countdown -m threads --start=thread
EOT
run_many
: >"$tmp/theirs"
while read -r -a words; do
	"$CONVOY_WORK" "${words[@]}" >/dev/null 2>>"$tmp/theirs"
	[ $? -eq 2 ] || fail "convoy-work takes: ${words[*]}"
	echo 'status 2'
done <"$tmp/many" >"$tmp/expected"
is 'what convoy-work refuses is refused' cmp -s "$tmp/expected" "$out"
is 'for the same reasons' [ "$(sed 's/^[^ ]* //' "$err")" = "$(sed 's/^[^ ]* //' "$tmp/theirs")" ]

cat >"$tmp/many" <<-EOT
	-j countdown
	-m serial
	-j nothing -m serial
	-j countdown -m nothing
	--nothing
	-j countdown -m serial more
	-j
	-j countdown -m serial -w 0
	-j countdown -m serial --yield-every=1
	--version
	$(printf -- '-j %s -m pool\n' recursion sleepers counter mixed queue pages)
EOT
run_many
is 'so is what makes no sense' [ "$(sort "$out" | uniq -c | xargs)" = "$(grep -c . "$tmp/many") status 2" ]
is 'each with one message' [ "$(grep -c '^convoy_work.rb: ' "$err")" -eq "$(grep -c . "$tmp/many")" ]

# --- what goes wrong ------------------------------------------------------------------

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
broken 'class ConvoyWork::Counter::ThreadCell; def update; @value = 1; end; end' \
	'increments that are lost: threads' 'the counter is 1, not 200' -j counter -m threads -w 2 -n 100
broken 'class ConvoyWork::Queues::ThreadQueue; def put(_); raise "full"; end; end' \
	'a worker that raises: threads' 'worker-1 failed: full' -j queue -m threads -n 1000
nameless='class << ConvoyWork::KernelCalls
	def name_thread(name); raise "nameless" if name == "worker-2"; end
end'
broken "$nameless" \
	'a worker that does not come to the gate: threads' 'worker-2 failed: nameless' -j queue -m threads -n 1000
if [ -n "$forks" ]; then
	broken 'class ConvoyWork::Counter::ProcessCell; def update; write(VALUE, 1); end; end' \
		'increments that are lost: processes' 'the counter is 1, not 200' -j counter -m processes -w 2 -n 100
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
"${rb[@]}" -j countdown -m threads -n 10 >/dev/full 2>"$err"
status=$?
: >"$out"
is 'standard output is full' failed_with 6 'standard output'
is 'nothing of these is left' none_marked "$sources"

# start OPTION...: in the background, as $pid.
start() {
	: >"$err"
	env --default-signal "${rb[@]}" "$@" >"$out" 2>"$err" </dev/null &
	pid=$!
	started+=("$pid")
}

# Threads and children of $pid: the one that is called $1 becomes $found.
find_task() {
	local task name children=()

	read -r -a children <"/proc/$pid/task/$pid/children"
	for task in "/proc/$pid"/task/* "${children[@]/#//proc/}"; do
		read -r name <"$task/comm" || continue
		found=${task##*/}
		[ "$name" != "$1" ] || return 0
	done 2>/dev/null
	return 1
}

# Are they all there?
at_work() {
	local name

	for name; do
		find_task "$name" || return 1
	done
}

# ends STATUS: $pid does, with that status, and nothing is left.
ends() {
	eventually has_ended || return 1
	wait "$pid"
	status=$?
	[ "$status" -eq "$1" ] && eventually none_marked "$sources"
}
has_ended() {
	! grep -q '^State:.[^Z]' "/proc/$pid/status" 2>/dev/null
}

# killed NAME WHOM OPTION...
killed() {
	local name=$1 whom=$2

	shift 2
	start "$@"
	if eventually at_work "$whom"; then
		kill -KILL "$found"
		is "$name: status 6, nothing left" ends 6
		is "$name: it is said" complained "$whom.* was killed by signal 9"
	else
		fail "$name" "there is no $whom"
	fi
}

if [ -n "$forks" ] && [ -e "/proc/$$/task/$$/children" ]; then
	killed 'countdown without a worker' worker-2 -j countdown -m processes -n 1000000000
	killed 'the queue without its producer' worker-1 -j queue -m processes -n 100000000
	killed 'the queue without an answer' worker-3 -j queue -m processes -n 100000000
	killed 'requests without a client' client -j mixed -m threads -n 40
	killed 'no client, processes' client -j mixed -m processes -n 1000000
	killed 'requests without a server' worker-1 -j mixed -m processes -n 1000000
	killed 'the counter goes on' worker-1 -j counter -m processes -n 50000
	ask "$out" <<-'EOT'
		the counter goes on: and says that it is wrong :: r["ok"] is False
		the counter goes on: one has done its work :: [task["result"] for task in r["tasks"]] == [None, "50000"]
		the counter goes on: the other has a name :: r["threads"][0]["pid"] == r["tasks"][0]["tid"] > 0
		the counter goes on: without the increments of the dead :: 50000 <= r["metrics"]["increments"] < 100000
	EOT
else
	skip 'killed workers' 'this Ruby cannot fork, or /proc does not tell of children'
fi

for signal in INT:130 TERM:143 KILL:137; do
	for what in 'counter threads' ${forks:+'mixed processes' 'counter processes'}; do
		read -r job mode <<<"$what"
		start -j "$job" -m "$mode" -w 3 -n 1000000
		if eventually at_work worker-1 worker-2 worker-3; then
			kill -"${signal%:*}" "$pid"
			is "SIG${signal%:*} ends $job $mode and leaves nothing" ends "${signal#*:}"
			is "SIG${signal%:*}, $job $mode: no report" [ ! -s "$out" ]
		else
			fail "$job $mode" 'its workers have no names'
		fi
	done
done
finish
