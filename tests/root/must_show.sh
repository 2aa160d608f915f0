#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# must_show.sh - what each job teaches is in its report, as inequalities between modes of
# one run (or two runs of a job) that hold on a loaded machine of two CPUs.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing

# show NAME ARGUMENT... <QUESTIONS; the report stays in $tmp/report
show() {
	local name=$1

	shift
	run "$CONVOY" run --format json "$@"
	cp "$out" "$tmp/report"
	if [ "$status" -ne 0 ]; then
		fail "$name: exit 0"
		cat >/dev/null
		return
	fi
	{
		echo 'valid, nothing lost, audit equal :: r["valid"] is True and 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]'
		echo 'results were checked, none is wrong :: all(m["tasks_checked"] > 0 and m["tasks_wrong"] == 0 for m in modes)'
		cat
	} | sed "s/^/$name: /" >"$tmp/questions"
	ask "$out" <"$tmp/questions"
}

# ask_both NAME FIRST SECOND <QUESTIONS, in which `a` and `b` find the modes of both.
ask_both() {
	local name=$1

	"$PYTHON" -c '
import json, sys
a, b = (json.load(open(f)) for f in sys.argv[1:])
for report in a, b:
    for m in report["modes"]:
        m["mode"] = ("a:" if report is a else "b:") + m["mode"]
a["modes"] += b["modes"]
json.dump(a, sys.stdout)' "$2" "$3" >"$out"
	sed "s/^/$name: /" >"$tmp/questions"
	ask "$out" <"$tmp/questions"
}

# --- sleepers ------------------------------------------------------------------------

# Two workers, so that in a pool neither is without a task for long. Walls are compared by
# the best of three rounds: other work on the machine can lengthen any of them, but none is
# shorter than its sleeps.
show 'sleepers' -j sleepers -w 2 --sleep-scale 0.1 -r 3 \
	-m serial,threads,gil-ticks,gil-timed,processes,pool <<'EOT'
sleep is nearly all that workers do :: all(m["worker_time_ns"]["sleep"] * 10 > 8 * m["worker_time_ns"]["lifetime"] for m in modes)
there is next to no lock wait, even for a GIL :: all(m["worker_time_ns"]["lock"] * 20 < m["worker_time_ns"]["sleep"] for m in modes)
two workers sleep at the same time, in every mode but serial :: all(m["wall_ns"]["min"] < mode["serial"]["wall_ns"]["min"] for m in modes if m["mode"] != "serial")
serial takes all the sleeps together :: sum(mode["serial"]["wall_ns"]["rounds"]) >= mode["serial"]["worker_time_ns"]["sleep"] > 0
a pool has two workers, who do the five tasks :: mode["pool"]["tasks_checked"] == 15 and all(len({t["pid"] for t in mode["pool"]["tasks"] if t["round"] == i}) == 2 for i in range(3))
EOT
cp "$tmp/report" "$tmp/two"
show 'five sleepers' -j sleepers -w 5 --sleep-scale 0.1 -r 3 -m threads,pool <<'EOT'
each has its worker :: all(len({t["tid"] for t in mode["threads"]["tasks"] if t["round"] == i}) == 5 for i in range(3))
EOT
cp "$tmp/report" "$tmp/five"
ask_both 'sleepers' "$tmp/two" "$tmp/five" <<'EOT'
a pool of two takes longer than five threads :: mode["a:pool"]["wall_ns"]["min"] > mode["b:threads"]["wall_ns"]["min"]
a pool of two takes longer than one of five :: mode["a:pool"]["wall_ns"]["min"] > mode["b:pool"]["wall_ns"]["min"]
EOT

# The same seed, the same sleeps.
for seed in 7 7 8; do
	show "seed $seed" -j sleepers --seed $seed --sleep-scale 0 -r 2 -m serial,threads,pool <<-EOT
		params say so :: r["params"]["seed"] == $seed
		five results, the same in every mode and round :: len({tuple(sorted((t["name"], str(t["result"])) for t in m["tasks"] if t["round"] == i)) for m in modes for i in range(2)}) == 1 and all(len(m["tasks"]) == 10 for m in modes)
		sleeps are below three seconds, and differ :: all(0 <= int(t["result"]) < 3000 for m in modes for t in m["tasks"]) and len({t["result"] for t in modes[0]["tasks"]}) > 1
	EOT
	[ ! -e "$tmp/seed.$seed" ] || cp "$tmp/seed.$seed" "$tmp/seed.$seed.before"
	cp "$tmp/report" "$tmp/seed.$seed"
done
results='lambda m: sorted((t["name"], str(t["result"])) for t in m["tasks"])'
ask_both 'seeds' "$tmp/seed.7" "$tmp/seed.7.before" <<EOT
the same gives the same :: ($results)(mode["a:threads"]) == ($results)(mode["b:threads"])
EOT
ask_both 'seeds' "$tmp/seed.7" "$tmp/seed.8" <<EOT
another gives others :: ($results)(mode["a:threads"]) != ($results)(mode["b:threads"])
EOT

# --- mixed ---------------------------------------------------------------------------

# Other work on the machine can keep the computing threads from it for a whole round, and
# then nothing holds the GIL: the effect must show in one of several rounds. Where only half
# of the requests met a computing thread, the median lies between the two.
show 'mixed' -j mixed -w 2 -n 40 -r 6 -m gil-timed,threads,processes <<'EOT'
all requests were answered, most beside computing :: all(m["job_metrics"]["requests"]["min"] == 40 and m["job_metrics"]["requests_beside_computing"]["max"] >= 21 for m in modes)
under a timed GIL requests wait for a switch interval :: mode["gil-timed"]["job_metrics"]["latency_p99_ns"]["max"] >= 0.9 * 1e6 * r["params"]["switch_interval_ms"]
and most of them for a good part of it :: mode["gil-timed"]["job_metrics"]["latency_p50_ns"]["max"] >= 0.5 * 1e6 * r["params"]["switch_interval_ms"]
and much longer than without a GIL :: all(mode["gil-timed"]["job_metrics"]["latency_p50_ns"]["max"] > 5 * mode[m]["job_metrics"]["latency_p50_ns"]["min"] for m in ("threads", "processes"))
p99 is no less than p50 :: all(m["job_metrics"]["latency_p99_ns"]["median"] >= m["job_metrics"]["latency_p50_ns"]["median"] > 0 for m in modes)
what it waits for is the GIL :: sum(l["total_ns"] for l in mode["gil-timed"]["locks"] if l["kind"] == "gil") * 10 > 9 * mode["gil-timed"]["lock_wait"]["total_ns"] > 0
without a GIL there is none to wait for :: not any(l["kind"] == "gil" and l["total_ns"] for m in ("threads", "processes") for l in mode[m]["locks"])
requests wait for I/O in all modes :: all(m["worker_time_ns"]["io"] > 0 for m in modes)
EOT

# --- counter -------------------------------------------------------------------------

counter='threads have one lock, the counter mutex :: [l["kind"] for l in mode["threads"]["locks"] if l["name"] == "counter mutex"] == ["mutex"]
all the increments were made :: all(m["job_metrics"]["increments"]["median"] == 20 for m in modes)'
show 'counter, long inside' -j counter -w 2 -n 10 -r 1 --inside 1900000 --outside 100000 \
	-m threads,processes <<EOT
$counter
processes have one too, robust and shared, and it is waited for :: [l["kind"] for l in mode["processes"]["locks"] if l["name"] == "counter mutex"] == ["mutex"] and all(l["waits"] > 0 and l["total_ns"] > 0 for l in mode["processes"]["locks"] if l["name"] == "counter mutex")
all lock wait is for it :: all(sum(l["total_ns"] for l in m["locks"] if l["name"] == "counter mutex") * 10 > 9 * m["lock_wait"]["total_ns"] > 0 for m in modes)
most of the waiting has a known holder :: all(0.5 < sum(h["share"] for h in l["holders"]) <= 1.000001 for m in modes for l in m["locks"] if l["name"] == "counter mutex")
no lock was left by the dead :: all(m["job_metrics"]["locks_recovered"]["median"] == 0 for m in modes)
EOT
cp "$tmp/report" "$tmp/inside"
# Processes may never meet here, so their lock may not be there.
show 'counter, long outside' -j counter -w 2 -n 10 -r 1 --inside 100000 --outside 1900000 \
	-m threads,processes <<'EOT'
no more than one mutex :: all(len([l for l in m["locks"] if l["name"] == "counter mutex"]) <= 1 for m in modes)
EOT
ask_both 'counter' "$tmp/inside" "$tmp/report" <<'EOT'
lock wait grows with the work inside, in threads :: mode["a:threads"]["worker_time_ns"]["lock"] / mode["a:threads"]["worker_time_ns"]["lifetime"] > 2 * mode["b:threads"]["worker_time_ns"]["lock"] / mode["b:threads"]["worker_time_ns"]["lifetime"]
and in processes :: mode["a:processes"]["worker_time_ns"]["lock"] / mode["a:processes"]["worker_time_ns"]["lifetime"] > 2 * mode["b:processes"]["worker_time_ns"]["lock"] / mode["b:processes"]["worker_time_ns"]["lifetime"]
EOT
show 'counter in serial' -j counter -n 1000 -r 1 -w 2 -m serial <<'EOT'
nobody waits :: mode["serial"]["worker_time_ns"]["lock"] == 0
EOT

# --- queue ---------------------------------------------------------------------------

show 'queue' -j queue -w 3 -n 5000 -r 1 -m threads,gil-timed,processes <<'EOT'
processes wait for I/O :: mode["processes"]["worker_time_ns"]["io"] > 0
and not for a lock or condition of the queue :: not any(l["waits"] for l in mode["processes"]["locks"] if "queue" in l["name"] or "answers" in l["name"])
threads wait for the queue in memory :: sum(l["waits"] for l in mode["threads"]["locks"] if l["name"].startswith("queue ") and l["kind"] in ("mutex", "cond")) > 0
and not for I/O :: mode["threads"]["worker_time_ns"]["io"] == 0 and mode["gil-timed"]["worker_time_ns"]["io"] == 0
messages are as many in each mode :: {m["job_metrics"]["messages"]["median"] for m in modes} == {10000}
CPU cost per message is known :: all(m["cpu_ns"]["median"] / m["job_metrics"]["messages"]["median"] > 0 for m in modes)
and the switches that it took :: all(m["switches"]["voluntary"]["median"] > 0 for m in modes)
EOT

# --- pages ---------------------------------------------------------------------------

for ((try = 1; try <= 3; try++)); do
	show "pages, try $try" -j pages -w 2 -n 500 -r 1 -m threads,processes,pool <<'EOT'
processes share no mmap_lock :: not any(l["waits"] for m in ("processes", "pool") for l in mode[m]["locks"] if l["name"] == "mmap_lock")
if threads wait for it, it is the kernel's :: all(l["kind"] == "kernel" for l in mode["threads"]["locks"] if l["name"] == "mmap_lock")
as many pages in each mode :: {m["job_metrics"]["pages"]["median"] for m in modes} == {64000}
EOT
	"$PYTHON" -c '
import json, sys
sys.exit(not any(l["kind"] == "kernel" and l["name"] == "mmap_lock" and l["waits"]
                 for m in json.load(open(sys.argv[1]))["modes"] if m["mode"] == "threads"
                 for l in m["locks"]))' "$tmp/report" && break
done
if [ $try -le 3 ]; then
	pass 'pages: threads wait for the mmap_lock that they share'
else
	skip 'pages: threads wait for the mmap_lock that they share' 'none had to, in 3 tries'
fi
finish
