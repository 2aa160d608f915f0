#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# interpreters_verdict.sh - the verdict on interpreters that are here: of work that computes it
# never advises threads under a GIL, of work that sleeps never processes; and what it says is
# what the numbers of the same report say. Where the machine is too busy for a difference, that
# is what the verdict must say, and what is skipped here.
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing

MOST=3 # interpreters: each takes 15 rounds of each job

# Of each kind one, the oldest CPython beside the newest.
choose() {
	local names kind

	"$CONVOY" list --interpreters >"$tmp/list" 2>/dev/null </dev/null || return
	names=$(awk 'NR > 1 { print $1 }' "$tmp/list")
	for kind in '^python2' '^python3' '^pypy' '^ruby'; do
		grep -E "$kind" <<<"$names" | sort -V | tail -n 1
	done | head -n $MOST | paste -sd, -
}

interpreters=$(choose)
[ -n "$interpreters" ] || stop_here 'no interpreter is here that runs the jobs'

# judge JOB ARGUMENT...: into $tmp/JOB.json. A busy machine can take any time.
judge() {
	local job=$1

	shift
	timeout -k 5 120 "$CONVOY" run -j "$job" -m serial,threads,processes -r 5 \
		--interpreter "$interpreters" --format json "$@" \
		>"$tmp/$job.json" 2>"$err" </dev/null
	status=$?
	if [ $status -eq 124 ] || [ $status -eq 137 ]; then
		skip "$job: in time" 'the machine is too busy: 120 s were not enough'
		return 1
	fi
	: >"$out"
	is "$job: runs in $interpreters" [ $status -eq 0 ]
	[ $status -eq 0 ] || return 1
	validate "$job: as the schema says" "$tmp/$job.json"
}

# What is asked of each family, by name; the verdict's own thresholds are not looked at.
# Prints "ok", "no" or "skip", the name, and why, with tabs between.
look() {
	"$PYTHON" - "$1" <<'PY'
import json, re, sys

r = json.load(open(sys.argv[1]))
job = r["job"]
mode = {m["mode"]: m for m in r["modes"]}


def say(good, name, why=""):
    print(good if isinstance(good, str) else "ok" if good else "no",
          job + ": " + name, " ".join(why.split()), sep="\t")


def wall(name):
    return mode[name]["wall_ns"]["median"]


def apart(a, b):
    """Does the wall of a lie below that of b, interval and all?"""
    return mode[a]["wall_ns"]["ci95"][1] < mode[b]["wall_ns"]["ci95"][0]


def queued(name):
    t = mode[name]["worker_time_ns"]
    return (t["preempted"] + t["wakeup"]) / t["lifetime"] if t["lifetime"] else 0


families = r["verdict"]["families"]
names = sorted({m["interpreter"]["name"] for m in r["modes"]})
say(sorted(f["family"] for f in families) == names, "a verdict for each family", str(families))
text = r["verdict"]["text"]
say(bool(all(f["text"] for f in families) and text), "each says something", text)
best = r["verdict"]["best_mode"]
say(best is None or all(apart(best, m) for m in mode if m != best),
    "the best mode's wall lies below all others", str(best))
for f in families:
    name, said = f["family"], f["text"]
    serial, threads, processes = (name + ":" + k for k in ("serial", "threads", "processes"))
    modes = (serial, threads, processes)
    gil = not re.match(r"python[\d.]+t", name)
    busy = "machine was busy" in text
    say(f["best_mode"] is None or all(apart(f["best_mode"], m) for m in modes
                                      if m != f["best_mode"]),
        name + ": its best mode's wall lies below its others", str(f))
    for number, faster, slower in re.findall(
            r"use (\w+): ([\d.]+)x faster than (\w+)", said):
        fast, slow = wall(name + ":" + number.lower()), wall(name + ":" + slower)
        say(apart(name + ":" + number.lower(), name + ":" + slower)
            and abs(slow / fast - float(faster)) <= 0.006 * slow / fast + 0.006,
            name + ": what it advises is faster, by as much as it says", said)
    for share in re.findall(r"([\d.]+) % waiting for the GIL", said):
        t = mode[threads]["worker_time_ns"]
        say(float(share) <= 100.6 * t["lock"] / t["lifetime"] + 0.1,
            name + ": no more waiting for the GIL than for all locks", said)
    if job == "countdown" and gil:
        say("use THREADS" not in said, name + ": threads are not advised under a GIL", said)
        if r["host"]["cpus_usable"] < 2:
            say("skip", name + ": processes are advised", "there is one CPU")
        elif apart(processes, threads) and apart(processes, serial) and queued(serial) < 0.1:
            say("use PROCESSES" in said, name + ": processes are advised", said)
        else:
            say("skip", name + ": processes are advised",
                "busy" if busy else "no clear difference")
    elif job == "recursion":
        say("PROCESSES" not in said and "SERIAL" not in said,
            name + ": neither processes nor serial are advised", said)
        if apart(threads, serial):
            say("threads gain" in said and "the waiting overlaps" in said,
                name + ": threads gain, for the waiting overlaps", said)
        else:
            say("skip", name + ": threads gain", "no clear difference")
PY
}

judged() {
	local verdict name why

	while IFS=$'\t' read -r verdict name why; do
		case $verdict in
		ok) pass "$name" ;;
		skip) skip "$name" "$why" ;;
		*) fail "${name:-looking at the verdict}" "${why:-$verdict}" ;;
		esac
	done < <(look "$1" 2>&1)
}

judge countdown -n 4000000 && judged "$tmp/countdown.json"
judge recursion --sleep-scale 0.2 && judged "$tmp/recursion.json"
finish
