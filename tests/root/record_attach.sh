#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# record_attach.sh - attaching to what runs: what its threads were in the middle of, what
# comes later, when it ends, and what the kernel itself says of it.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/root/lib_attach.sh
. "$(dirname "$0")/lib_attach.sh"
require_python
require_tracing

# --- blocked for long ---------------------------------------------------------------

live blocked_mutex 3
record -p "$target" -d 0.5
sound 'blocked on a mutex'
ask "$json" <<-EOT
	blocked on a mutex: all threads are there :: sorted(t["comm"] for t in modes[0]["threads"]) == ["blocked_mutex", "waiter-1", "waiter-2", "waiter-3"]
	blocked on a mutex: each lives as long as the recording :: {t["lifetime_ns"] for t in modes[0]["threads"]} == set(modes[0]["wall_ns"]["rounds"])
	blocked on a mutex: all of that is lock :: all(t["time_ns"]["lock"] == t["lifetime_ns"] for t in modes[0]["threads"] if t["comm"] != "blocked_mutex")
	blocked on a mutex: the holder sleeps :: all(t["time_ns"]["sleep"] == t["lifetime_ns"] for t in modes[0]["threads"] if t["comm"] == "blocked_mutex")
	blocked on a mutex: before and beyond :: all(t["since_before"] and t["unfinished"] for t in modes[0]["threads"])
	blocked on a mutex: so are the lock's waits :: [(l["kind"], l["waits"], l["since_before"], l["unfinished"]) for l in modes[0]["locks"]] == [("mutex", 3, 3, 3)]
	blocked on a mutex: the holder is known :: [(h["tid"], h["share"]) for l in modes[0]["locks"] for h in l["holders"]] == [($target, 1)]
	blocked on a mutex: nobody was switched :: not any(sum(t["switches"].values()) for t in modes[0]["threads"])
	blocked on a mutex: nor ran :: modes[0]["cpu_ns"]["rounds"] == [0]
EOT
waiter=$(grep -l '^waiter-2' /proc/"$target"/task/*/comm | cut -d / -f 5)
record -t "$waiter" -d 0.1
sound 'one thread'
ask "$json" <<-EOT
	one thread: just that :: [(t["tid"], t["pid"], t["comm"]) for t in modes[0]["threads"]] == [($waiter, $target, "waiter-2")]
	one thread: its holder is not among the threads :: [l["holders"] for l in modes[0]["locks"]] == [[]]
EOT
main=$target

# --- several, one of which ends -----------------------------------------------------

background sleep 1000
sleeper=$target
recording -p "$main,$sleeper"
kill -KILL "$sleeper"
gone "$sleeper"
kill -INT "$recorder"
recorded
sound 'several PIDs, one ends'
ask "$json" <<-EOT
	several PIDs: the others are there to the end :: len([t for t in modes[0]["threads"] if t["pid"] == $main and t["unfinished"]]) == 4
	several PIDs: the one that ended is audited :: [t["audit_equal"] for t in modes[0]["threads"] if t["pid"] == $sleeper] == [True]
	several PIDs: it slept, and not to the end :: all(t["time_ns"]["sleep"] and not t["unfinished"] for t in modes[0]["threads"] if t["pid"] == $sleeper)
EOT
gone "$main"

background sleep 1000
recording -p "$target"
kill -KILL "$target"
gone "$target"
recorded
sound 'the recording ends with its process'

# One that is not there any more when it is looked for.
background sleep 1000
dead=$target
gone "$target"
run "$CONVOY" record -p "$dead" -o "$tmp/none.rec"
is 'a PID that has ended: refused' failed_with 2 "no process $dead"
is 'a PID that has ended: no file' [ ! -e "$tmp/none.rec" ]
# Or ends at any time from then on.
for after in 0.01 0.03 0.1 0.2; do
	background sleep $after
	record -p "$target" -d 0.5
	case $status in
	0) sound "ends $after s later" ;;
	2) is "ends $after s later: says so" complained 'has (it )?ended|no process' ;;
	*) fail "ends $after s later" "status $status" ;;
	esac
	wait "$target"
done

# --- in every state -----------------------------------------------------------------

live states
pids=$(sed 's/^ready //' "$tmp/target")
if command -v taskset >/dev/null; then
	taskset -cap 0 "$target" >/dev/null 2>&1 # more spinners than it has CPUs
fi
record -p "$pids" -d 0.3
sound 'in every state'
ask "$json" <<-EOT
	in every state: all are there :: len(modes[0]["threads"]) >= 11
	in every state: its account and no other :: [t for t in modes[0]["threads"] if t["comm"].split("-")[0] in ACCOUNTS and t["time_ns"][t["comm"].split("-")[0]] != t["lifetime_ns"]] == []
	in every state: the names are accounts :: {t["comm"].split("-")[0] for t in modes[0]["threads"]} >= {"io", "sleep", "cond", "lock", "stopped", "child", "busy"}
	in every state: spinners run, or want to :: all(sum(t["time_ns"][a] for a in ("running", "preempted", "wakeup")) == t["lifetime_ns"] for t in modes[0]["threads"] if t["comm"] == "busy")
	in every state: and do run :: any(t["time_ns"]["running"] for t in modes[0]["threads"] if t["comm"] == "busy")
EOT
grep -q '"fault"' "$json" || skip 'in every state: in a page fault' 'no userfaultfd here'
gone "$target"

# --- what comes later ---------------------------------------------------------------

# Its children are its own business: they are older than the recording, or followed.
cat >"$tmp/later" <<-'EOT'
	import os, sys, threading, time
	print("ready", flush=True)
	while not os.path.exists(sys.argv[1]):
	    time.sleep(0.01)
	threads = [threading.Thread(target=time.sleep, args=(0.05,)) for _ in range(3)]
	for t in threads:
	    t.start()
	for _ in range(3):
	    if os.fork() == 0:
	        os._exit(0)
	    os.wait()
	for t in threads:
	    t.join()
	os.execv("/bin/sh", ["sh", "-c", "sleep 0.01; exit 3"])
EOT
for option in -p -t; do
	rm -f "$tmp/go"
	background "$PYTHON" "$tmp/later" "$tmp/go"
	eventually says_ready
	recording $option "$target"
	touch "$tmp/go"
	recorded
	sound "what comes later, $option"
	if [ $option = -p ]; then
		ask "$json" <<-EOT
			what comes later, -p: threads, children, and one of the shell's :: len(modes[0]["threads"]) == 1 + 3 + 3 + 1
			what comes later, -p: all of them to their ends :: r["audit"]["threads_checked"] >= 7 and not any(t["unfinished"] for t in modes[0]["threads"])
			what comes later, -p: the exec is followed :: [t["comm"] for t in modes[0]["threads"] if t["tid"] == $target] == ["sh"]
			what comes later, -p: only the first was there before :: [t["tid"] for t in modes[0]["threads"] if t["since_before"]] == [$target]
		EOT
	else
		ask "$json" <<-EOT
			what comes later, -t: is not followed :: [(t["tid"], t["comm"]) for t in modes[0]["threads"]] == [($target, "sh")]
		EOT
	fi
	wait "$target"
	is "what comes later, $option: it was not disturbed" [ $? -eq 3 ]
done

# A fork storm, whose children are counted by who waits for them.
mkfifo "$tmp/go.fifo"
"$CONVOY_TESTS/fork_storm" 60 wait <"$tmp/go.fifo" >"$tmp/target" &
target=$!
started+=("$target")
exec 9>"$tmp/go.fifo"
eventually says_ready
recording -p "$target"
exec 9>&-
recorded
sound 'fork storm'
storm=$(tail -n 1 "$tmp/target")
ask "$json" <<-EOT
	fork storm: every child is there :: len(modes[0]["threads"]) == 61
	fork storm: each was audited :: r["audit"]["threads_checked"] >= 60
	fork storm: the children's switches are those that wait4 gave :: sum(t["switches"]["involuntary"] for t in modes[0]["threads"] if t["pid"] != $target) == ${storm}["children_involuntary"]
	fork storm: but for last ones that raced with it :: 0 <= sum(t["switches"]["voluntary"] for t in modes[0]["threads"] if t["pid"] != $target) - ${storm}["children_voluntary"] <= 60
EOT

# --- as the kernel has it -----------------------------------------------------------

# task_counts PID: of each thread: run time and run-queue delay in ns, switches of both kinds.
task_counts() {
	local task

	for task in /proc/"$1"/task/*; do
		echo "${task##*/} $(cut -d ' ' -f 1,2 "$task/schedstat")" \
			"$(awk '/ctxt_switches/ { print $2 }' "$task/status" | tr '\n' ' ')"
	done
}

live switchers 2 pipe two
for i in 1 2; do
	task_counts "$target" >"$tmp/outer-before"
	recording -p "$target"
	task_counts "$target" >"$tmp/inner-before"
	sleep 0.2
	task_counts "$target" >"$tmp/inner-after"
	kill -INT "$recorder"
	recorded
	task_counts "$target" >"$tmp/outer-after"
	sound "by /proc, $i"
	cat >"$tmp/bounds" <<-'EOT'
		import json, sys
		def read(name):
		    return {int(f[0]): [int(x) for x in f[1:]] for f in map(str.split, open(name))}
		dir, report = sys.argv[1:]
		b0, b1, a1, a0 = (read(dir + "/" + name) for name in
		                  ("outer-before", "inner-before", "inner-after", "outer-after"))
		threads = {t["tid"]: t for m in json.load(open(report))["modes"] for t in m["threads"]}
		assert set(threads) == set(b0), "other threads"
		# The kernel adds a run up when it ends or at a tick, and status shows switches so far.
		slack = 8000000
		for tid, t in threads.items():
		    for what, i, got, more in (("run time", 0, t["cpu_ns"], slack),
		                         ("voluntary", 2, t["switches"]["voluntary"], 0),
		                         ("involuntary", 3, t["switches"]["involuntary"], 0)):
		        low, high = a1[tid][i] - b1[tid][i], a0[tid][i] - b0[tid][i]
		        # The one that is under way when the recording begins or ends may be cut.
		        low -= more or 1
		        assert low <= got <= high + more, (what, tid, t["comm"], low, got, high)
		    running = t["time_ns"]["running"]
		    high = a0[tid][0] - b0[tid][0]
		    stolen = t["time_ns"]["wakeup"] + t["time_ns"]["preempted"]
		    assert t["cpu_ns"] <= running + stolen + slack, ("running", tid, running, t["cpu_ns"])
	EOT
	name="by /proc, $i: switches and CPU time lie between what it says"
	if why=$("$PYTHON" "$tmp/bounds" "$tmp" "$json" 2>&1); then
		pass "$name"
	else
		fail "$name" "$(tail -n 1 <<<"$why")"
	fi
done
gone "$target"

# --- Ctrl-C -------------------------------------------------------------------------

live busy_and_idle 1 2
for sig in INT TERM HUP; do
	recording -p "$target"
	kill -$sig "$recorder"
	recorded
	ends_with=$([ $sig = INT ] && echo 0 || echo $((128 + $(kill -l $sig))))
	sound "SIG$sig ends a recording of -p"
	is "SIG$sig: and nothing else" kill -0 "$target"
done
ends_with=0
gone "$target"
finish
