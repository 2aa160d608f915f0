#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# shows.sh - what convoy is for: that its reports show what the modes do. Only what
# holds on a loaded machine of two CPUs, so no duration and no speed of computing.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing

# What holds for every report, in Python.
always() {
	sed "s/^/$1: /" <<-'EOT'
		nothing is lost :: not any(r["loss"][k] for k in ("ring", "task_state", "unmatched", "reads"))
		valid and complete :: r["valid"] is True and r["incomplete"] is False
		switches are the kernel's own for every thread :: 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
		every mode has all its rounds :: [m["mode"] for m in modes] == r["params"]["modes"] and all(len(m["wall_ns"]["rounds"]) == m["rounds"] == r["params"]["rounds"] for m in modes)
		the ledger is closed :: all(sum(m["time_ns"][a] for a in ACCOUNTS) + m["time_ns"]["residual"] == m["time_ns"]["lifetime"] and abs(m["time_ns"]["residual"]) * 1000 <= m["time_ns"]["lifetime"] for m in modes)
		so are the workers' accounts :: all(0 < m["worker_time_ns"]["lifetime"] <= m["time_ns"]["lifetime"] and all(m["worker_time_ns"][a] <= m["time_ns"][a] for a in ACCOUNTS) for m in modes)
		CPUs were busy with what ran :: all(abs(sum(c["busy_ns"] for c in m["cpus"]) - m["time_ns"]["running"]) * 1000 <= m["time_ns"]["running"] for m in modes)
		lock wait is what the ledger booked :: all(m["lock_wait"]["total_ns"] == m["time_ns"]["lock"] for m in modes)
		all results were checked, none is wrong :: all(m["tasks_checked"] > 0 and m["tasks_wrong"] == 0 for m in modes)
		tasks have times within their rounds :: all(0 < t["start_ns"] <= t["end_ns"] <= m["wall_ns"]["rounds"][t["round"]] for m in modes for t in m["tasks"])
	EOT
}


# show NAME ARGUMENT... <TESTS
show() {
	local name=$1

	shift
	run "$CONVOY" run --format json "$@"
	if [ "$status" -ne 0 ]; then
		fail "$name: exit 0"
		cat >/dev/null
		return
	fi
	pass "$name: exit 0"
	is "$name: no complaint" quiet
	# A pipe's right side is a subshell, whose count would be lost.
	{
		always "$name"
		sed "s/^/$name: /"
	} >"$tmp/questions"
	ask "$out" <"$tmp/questions"
	validate "$name: keeps to the schema" "$out"
}

show 'countdown' -m serial,gil-ticks,gil-timed,threads,processes -w 2 -n 6000000 -r 2 <<'EOT'
under a timed GIL threads wait for it :: mode["gil-timed"]["time_ns"]["lock"] > 0 and any(l["kind"] == "gil" and l["total_ns"] > 0 for l in mode["gil-timed"]["locks"])
under a timed GIL all lock wait is for it :: sum(l["total_ns"] for l in mode["gil-timed"]["locks"] if l["kind"] == "gil") * 10 >= 9 * mode["gil-timed"]["lock_wait"]["total_ns"]
the GIL has a name and holders, who sum to no more than all :: all(l["name"] and l["holders"] and sum(h["share"] for h in l["holders"]) <= 1.000001 for l in mode["gil-timed"]["locks"] if l["kind"] == "gil" and l["waits"])
without a GIL there is none to wait for :: not any(l["kind"] == "gil" and l["total_ns"] for m in ("serial", "threads", "processes") for l in mode[m]["locks"])
without a GIL lock wait is near zero, but for a few waits for the kernel's own :: all(sum(l["total_ns"] for l in mode[m]["locks"] if l["kind"] in ("gil", "mutex", "rwlock", "once")) * 100 <= mode[m]["worker_time_ns"]["lifetime"] and sum(l["episodes"] for l in mode[m]["locks"] if l["kind"] == "kernel") <= 40 for m in ("serial", "threads", "processes"))
a timed GIL runs one thread at a time :: mode["gil-timed"]["cores_used"]["max"] <= 1.05 and mode["serial"]["cores_used"]["max"] <= 1.05
no worker sleeps :: all(m["worker_time_ns"]["sleep"] == 0 for m in modes)
the worker of serial does all the tasks :: all(len({t["tid"] for t in mode["serial"]["tasks"] if t["round"] == i}) == 1 for i in range(2))
every worker of the others does its own :: all(len({t["tid"] for t in m["tasks"] if t["round"] == i}) == 2 for m in modes if m["mode"] != "serial" for i in range(2))
results are right :: all(t["result"] == 0 for m in modes for t in m["tasks"]) and all(m["tasks_checked"] == 4 for m in modes)
only processes wait for children :: all((m["time_ns"]["child"] > 0) == (m["mode"] == "processes") for m in modes)
speedup is against serial :: all(m["speedup"] > 0 for m in modes) and abs(mode["serial"]["speedup"] - 1) < 1e-9
two rounds make no interval :: all(m["wall_ns"]["ci95"] is None for m in modes)
futex calls are counted :: all(l["timeouts"] is not None and l["eagain"] is not None for m in modes for l in m["locks"] if l["kind"] in ("gil", "barrier"))
without --threads there are none :: all(m["threads"] == [] for m in modes)
EOT

show 'recursion' -j recursion --sleep-scale 0.2 -m serial,threads,gil-timed,processes <<'EOT'
sleep is most of what the workers do :: all(max(ACCOUNTS, key=lambda a: m["worker_time_ns"][a]) == "sleep" for m in modes)
all of the known sleep was seen :: all(m["time_ns"]["sleep"] + m["time_ns"]["wakeup"] >= (465 * 5e6 + 24 * 100e6) * 0.2 for m in modes)
lock wait is near zero :: all(m["worker_time_ns"]["lock"] * 20 <= m["worker_time_ns"]["sleep"] for m in modes)
threads gain, even under a GIL :: all(mode[m]["wall_ns"]["min"] < mode["serial"]["wall_ns"]["min"] for m in ("threads", "gil-timed", "processes"))
results are right :: all(sorted((t["name"], t["result"]) for t in m["tasks"]) == [("fac(12)", 479001600), ("fib(12)", 233), ("sum(12)", 78)] for m in modes)
each task has its worker, but in serial :: all(len({t["tid"] for t in m["tasks"]}) == (1 if m["mode"] == "serial" else 3) for m in modes)
in serial one task follows the other :: (lambda ts: all(a["end_ns"] <= b["start_ns"] for a, b in zip(ts, ts[1:])))(sorted(mode["serial"]["tasks"], key=lambda t: t["start_ns"]))
else they overlap :: all(max(t["start_ns"] for t in mode[m]["tasks"]) < min(t["end_ns"] for t in mode[m]["tasks"]) for m in ("threads", "gil-timed", "processes"))
EOT

if grep -q '^Cpus_allowed_list:[[:space:]]*0' /proc/self/status; then
	show 'one CPU' --cpus 0 -m threads,processes -w 2 -n 12000000 -r 2 <<'EOT'
one core is used :: all(m["cores_used"]["max"] <= 1.05 for m in modes)
only CPU 0 was busy :: all([c["cpu"] for c in m["cpus"] if c["busy_ns"]] == [0] for m in modes)
waiting shows as preemption and run-queue delay :: all((m["worker_time_ns"]["preempted"] + m["worker_time_ns"]["wakeup"]) * 4 > m["worker_time_ns"]["lifetime"] for m in modes)
and not as lock wait :: all(m["worker_time_ns"]["lock"] * 100 <= m["worker_time_ns"]["lifetime"] for m in modes)
nothing moves between CPUs :: all(m["migrations"]["max"] == 0 for m in modes)
one CPU is usable :: r["host"]["cpus_usable"] == 1 and r["params"]["cpus"] == "0"
utilization is of that CPU :: all(abs(m["cpu_util"]["rounds"][i] - m["cores_used"]["rounds"][i]) < 1e-6 for m in modes for i in range(2))
EOT
else
	skip 'one CPU' 'CPU 0 is not for this process'
fi

show 'blocking' --futex=blocking -m gil-timed,threads -w 2 -n 6000000 -r 1 <<'EOT'
probes say so :: r["probes"]["futex"] == "blocking" and r["params"]["futex"] == "blocking"
what was not counted is null, not 0 :: all(l["timeouts"] is None and l["eagain"] is None for m in modes for l in m["locks"])
waits for the GIL are seen all the same :: any(l["kind"] == "gil" and l["total_ns"] > 0 for l in mode["gil-timed"]["locks"])
EOT

show 'spawn' --start=spawn --threads -m threads,processes -w 3 -n 300000 -r 2 <<'EOT'
params say so :: r["params"]["start"] == "spawn"
every thread is there :: all(len([t for t in m["threads"] if t["role"] == "worker" and t["round"] == i]) == 3 for m in modes for i in range(2))
processes are three :: all(len({t["pid"] for t in mode["processes"]["threads"] if t["role"] == "worker" and t["round"] == i}) == 3 for i in range(2))
threads are of one process :: all(len({t["pid"] for t in mode["threads"]["threads"] if t["round"] == i}) == 1 for i in range(2))
lives add up to the mode's :: all(sum(t["lifetime_ns"] for t in m["threads"]) == m["time_ns"]["lifetime"] for m in modes)
accounts add up to the mode's :: all(sum(t["time_ns"][a] for t in m["threads"]) == m["time_ns"][a] for m in modes for a in ACCOUNTS)
every life is closed :: all(abs(sum(t["time_ns"].values()) - t["lifetime_ns"]) * 1000 <= t["lifetime_ns"] for m in modes for t in m["threads"])
every thread's switches are the kernel's own :: all(t["audit_equal"] is True for m in modes for t in m["threads"])
switches add up to the rounds' :: all(abs(sum(t["switches"]["involuntary"] for t in m["threads"] if t["round"] == i) - m["switches"]["involuntary"]["rounds"][i]) <= 1 for m in modes for i in range(2))
EOT

show 'yielding' --yield-every 5000 --cpus 0 -m threads -w 2 -n 500000 -r 1 <<'EOT'
yields are counted :: mode["threads"]["yields"] > 0
params say so :: r["params"]["yield_every"] == 5000
EOT

show 'many workers' -m threads,processes -w 64 -n 2000 -r 1 <<'EOT'
all of them worked :: all(len({t["tid"] for t in m["tasks"]}) == m["tasks_checked"] == 64 for m in modes)
EOT
finish
