#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# compare.sh - the scripts that compare reports with the truth (tests/truth/compare.py,
# tests/root/python_compare.py, ruby_compare.py) take what is right, and nothing that is wrong in one place:
# on reports made by hand.
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"
require_python

while IFS=$'\t' read -r verdict name detail; do
	if [ "$verdict" = ok ]; then
		pass "$name"
	else
		fail "${name:-comparing}" "${detail:-$verdict}"
	fi
done < <("$PYTHON" -B - "$CONVOY_SRC" 2>&1 <<'PYTHON'
import copy, sys
sys.path[:0] = [sys.argv[1] + "/tests/truth", sys.argv[1] + "/tests/root"]
import compare, python_compare, ruby_compare

MS = 1000000
ACCOUNTS = ("running preempted wakeup lock cond join sleep io disk child fault stopped "
            "other").split()

def accounts(**ms):
    return {account: ms.get(account, 0) * MS for account in ACCOUNTS}

def changed(value, path, to):
    """A copy, with what is at the path replaced; to may be a function of what there was."""
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = to(at[path[-1]]) if callable(to) else to
    return value

def say(good, name, why=""):
    print("ok" if good else "no", name, why, sep="\t")

def good_and_bad(what, run, truth, report, mutations):
    bad = [(name, why) for good, name, why in run(truth, report) if not good]
    say(not bad, what + ": what is right is taken", bad)
    for part, path, to in mutations:
        bad = [name for good, name, _ in run(truth, changed(report, path, to)) if not good]
        say(any(part in name for name in bad),
            "%s: what is wrong is not (%s of %s)" % (what, part, path[-1]), bad)

# --- tests/truth/compare.py ---

def lock(name, kind, **more):
    return dict({"name": name, "kind": kind, "site": None, "flags": [], "flags_may": [],
                 "may_be_unseen": False, "waits": 8, "waited_ns": 250 * MS,
                 "run_delay_ns": 2 * MS, "objects": 1, "attempts": 8, "timeouts": 0,
                 "long_gaps": 0, "holders": None,
                 "did": {"running": 0, "runnable": 0, "asleep": 0, "waiting": 0}}, **more)

def waiter(name, tid, at, waits=8, waited=250, delay=2):
    return {"name": name, "tid": tid, "waits": waits, "waited_ns": waited * MS,
            "run_delay_ns": delay * MS, "lock": at}

def row(name, kind, **more):
    return dict({"name": name, "kind": kind, "site": None, "flags": [], "objects": 1,
                 "episodes": 8, "waits": 8, "timeouts": 0, "total_ns": 247 * MS,
                 "holders": [], "holder_known": 0, "holder_did": None}, **more)

def report(locks, threads):
    return {"valid": True, "incomplete": False, "loss": {},
            "modes": [{"locks": locks, "threads": [
                {"comm": comm, "tid": tid, "time_ns": time} for comm, tid, time in threads]}]}

did = {"running": 1 * MS, "runnable": 1 * MS, "asleep": 244 * MS, "waiting": 0}
mutex_truth = {"class": "mutex", "account": "lock",
               "locks": [lock("truth_mutex", "mutex", flags=["pi"], site="lock_it",
                              holders=["first", "second"],
                              did={"running": 0, "runnable": 0, "asleep": 244 * MS,
                                   "waiting": 0})],
               "threads": [waiter("first", 11, 0, 4, 125, 1), waiter("second", 12, 0, 4, 125, 1)]}
mutex_report = report(
    [row("prog:truth_mutex", "mutex", flags=["pi"], site="lock_it+0x12", holder_known=0.99,
         holder_did=did, holders=[
             {"tid": 12, "share": 0.5, "did": dict(did, asleep=122 * MS)},
             {"tid": 11, "share": 0.49, "did": dict(did, asleep=122 * MS)}]),
     row("mmap_lock", "kernel", total_ns=MS)],
    [("first", 11, accounts(lock=124, sleep=120)), ("second", 12, accounts(lock=123, sleep=99))])

def run(truth, report):
    return compare.compare(truth, report)[0]

LOCK, THREADS = ("modes", 0, "locks", 0), ("modes", 0, "threads")
TIME = THREADS + (0, "time_ns")
good_and_bad("truth", run, mutex_truth, mutex_report, [
    ("valid", ("valid",), False),
    ("is there", LOCK + ("name",), "prog:another"),
    ("kind", LOCK + ("kind",), "cond"),
    ("wrong column of kinds", LOCK + ("kind",), "cond"),
    ("flags", LOCK + ("flags",), []),
    ("flags", LOCK + ("flags",), ["pi", "robust"]),
    ("the time", LOCK + ("total_ns",), 235 * MS),
    ("the time", LOCK + ("total_ns",), 260 * MS),
    ("an episode", LOCK + ("episodes",), 9),
    ("an episode", LOCK + ("episodes",), 7),
    ("an episode", LOCK + ("waits",), 7),
    ("time-outs", LOCK + ("timeouts",), 1),
    ("objects", LOCK + ("objects",), 2),
    ("waited for in", LOCK + ("site",), "main+0x1"),
    ("who held it", LOCK + ("holders", 0, "tid"), 13),
    ("who held it", LOCK + ("holders",), lambda holders: holders[:1]),
    ("most of the time", LOCK + ("holder_known",), 0.7),
    ("not for more", LOCK + ("holders", 0, "share"), 0.6),
    ("asleep", LOCK + ("holder_did", "asleep"), 200 * MS),
    ("asleep", LOCK + ("holder_did", "running"), 20 * MS),
    ("asleep", LOCK + ("holders", 0, "did", "asleep"), 100 * MS),
    ("first waited in", TIME + ("lock",), 110 * MS),
    ("first waited in", TIME + ("lock",), 140 * MS),
    ("first waited in", TIME + ("cond",), 20 * MS),
    ("wrong column of accounts", TIME + ("cond",), 50 * MS),
    ("wrong column of kinds", ("modes", 0, "locks"),
     lambda rows: rows + [row("(unnamed)", "unknown", total_ns=50 * MS)]),
    ("matrix", THREADS, []),
])

# Other TIDs than the program has, as in a container: then by name.
other = report([row("prog:truth_items", "semaphore")],
               [("consumer", 1011, accounts(cond=247)), ("producer", 1012, accounts(sleep=250))])
queue = {"class": "queue", "account": "cond", "locks": [lock("truth_items", "semaphore")],
         "threads": [waiter("consumer", 11, 0)]}
say(all(good for good, _, _ in compare.compare(queue, other, False)[0]),
    "truth: other TIDs, in a PID namespace")
say(not all(good for good, _, _ in compare.compare(queue, other, True)[0]),
    "truth: other TIDs, in none")

# Time-outs: of one attempt unless a gap was long.
timed = {"class": "timed", "account": "lock", "threads": [waiter("waiter", 11, 0, 6)],
         "locks": [lock("truth_timed", "mutex", waits=6, attempts=6, timeouts=18)]}
timed_report = report([row("truth_timed", "mutex", episodes=6, waits=24, timeouts=18)],
                      [("waiter", 11, accounts(lock=247))])
good_and_bad("time-outs", run, timed, timed_report, [
    ("an episode", LOCK + ("episodes",), 24), ("an episode", LOCK + ("waits",), 17),
    ("time-outs", LOCK + ("timeouts",), None), ("time-outs", LOCK + ("timeouts",), 17)])
timed["locks"][0]["long_gaps"] = 1
say(all(good for good, _, _ in run(timed, changed(timed_report, LOCK + ("episodes",), 7))),
    "time-outs: a long gap may be the end of an attempt")

# No lock at all; and one that need not be seen.
spin = {"class": "spin", "account": "running", "locks": [lock(None, None)],
        "threads": [waiter("spinner", 11, 0)]}
good_and_bad("spin", run, spin, report([], [("spinner", 11, accounts(running=200, wakeup=50))]), [
    ("wrong column", ("modes", 0, "locks"), [row("truth_spin", "mutex")]),
    ("waited in", TIME + ("running",), 100 * MS)])
waitv = {"class": "waitv", "account": "other", "threads": [waiter("waiter", 11, 0)],
         "locks": [lock(None, "unknown", may_be_unseen=True)]}
unseen = report([], [("waiter", 11, accounts(other=248))])
good_and_bad("unseen", run, waitv, unseen, [
    ("wrong column", ("modes", 0, "locks"), [row("a", "cond")]),
    ("waited in", TIME + ("other",), 0)])
good_and_bad("seen", run, waitv, changed(unseen, ("modes", 0, "locks"), [row("a", "unknown")]), [
    ("the time", LOCK + ("total_ns",), 100 * MS)])

# What the matrix shows: brackets where it should be, and nothing of what is noise.
cells = compare.compare(mutex_truth, mutex_report)[1]
wrong = compare.compare(mutex_truth, changed(mutex_report, LOCK + ("kind",), "cond"))[1]
noisy = compare.compare(mutex_truth, changed(mutex_report, ("modes", 0, "locks"), lambda rows:
                                             rows + [row("a", "cond", total_ns=MS)]))[1]
for name, row_of, expected in (("right", cells, "[247.0]"), ("wrong", wrong, "[0.0] 247.0"),
                               ("noise", noisy, "[247.0] .")):
    lines = list(compare.matrix([row_of], "kinds", ("mutex", "cond", "none")))
    say(" ".join(lines[1].split()).startswith("mutex " + expected), "matrix: " + name, lines)

# --- tests/root/python_compare.py ---

def worker(tid, lived=1200, cpu=400, pid=10):
    return {"tid": tid, "pid": pid, "lived_ns": lived * MS, "cpu_ns": cpu * MS}

def python_report(threads, locks=(), runtimes=(), lock_ns=0):
    return {"valid": True, "incomplete": False, "loss": {}, "modes": [{
        "time_ns": {"lock": lock_ns}, "locks": list(locks), "runtimes": list(runtimes),
        "threads": [{"tid": tid, "lifetime_ns": life * MS, "time_ns": time}
                    for tid, life, time in threads]}]}

for what, version, release in (("CPython", "2.7.18", "2.7.18"), ("CPython", "3.13.0", "3.13.0"),
                               ("PyPy", "3.9.16", "7.3.11")):
    truth = {"implementation": what, "version": version, "release": release, "pid": 10,
             "workers": [worker(11), worker(12), worker(13)]}
    short = ".".join(version.split(".")[:2])
    gil = row("GIL of %s %s" % (what, short), "gil", runtime=what + " " + release, holders=[
        {"tid": tid, "share": 0.33} for tid in (11, 12, 13)], total_ns=2250 * MS)
    threads = [(tid, 1210, accounts(running=401, wakeup=50, lock=755)) for tid in (11, 12, 13)]
    threads.append((10, 1700, accounts(running=300, lock=20, cond=1300)))
    runtime = {"name": what, "version": release, "gil_wait_ns": 2270 * MS, "threads": [
        {"tid": tid, "gil_wait_ns": ms * MS}
        for tid, ms in ((11, 750), (12, 750), (13, 750), (10, 20))]}
    good = python_report(threads, [gil], [runtime])
    RT = ("modes", 0, "runtimes", 0)
    good_and_bad("Python " + short, lambda t, r: python_compare.compare("threads", t, r), truth,
                 good, [
        ("valid", ("incomplete",), True),
        ("all workers", THREADS + (0, "tid"), 14),
        ("all workers", THREADS + (0, "lifetime_ns"), 1000 * MS),
        ("first lock", LOCK + ("kind",), "mutex"),
        ("GIL of " + what, LOCK + ("name",), "GIL of %s %s1" % (what, short)),
        ("runtime is", LOCK + ("runtime",), what + " " + short),
        ("one GIL", ("modes", 0, "locks"), lambda rows: rows * 2),
        ("no other", ("modes", 0, "runtimes"), []),
        ("no other", RT + ("version",), short),
        ("1, by its own" if version == "2.7.18" else "1 waits for the GIL",
         RT + ("threads", 0, "gil_wait_ns"), 400 * MS),
        ("1 waits for the GIL", RT + ("threads", 0, "gil_wait_ns"), 1100 * MS),
        ("2, by its own", RT + ("threads", 1, "gil_wait_ns"), 670 * MS),
        ("2, by its own", RT + ("threads", 1, "gil_wait_ns"), 1000 * MS),
        ("3 waits in", RT + ("threads", 2, "gil_wait_ns"), 780 * MS),
        ("waits least", RT + ("threads", 3, "gil_wait_ns"), 1300 * MS),
        ("workers held it", LOCK + ("holders",), lambda holders: holders[1:]),
        ("workers held it", LOCK + ("holders", 0, "share"), 0.5),
    ])
    if what == "PyPy":
        good_and_bad("PyPy's library", lambda t, r: python_compare.compare("threads", t, r), truth,
                     good, [("no other word", ("modes", 0, "locks"),
                             lambda rows: rows + [row("libpypy3.9-c.so+0x38", "mutex")])])
    few = changed(good, LOCK + ("holders", 0, "share"), 0.1)
    say(all(ok for ok, _, _ in python_compare.compare("threads", truth, few)) ==
        (version == "2.7.18"), "Python %s: who holds it is seen to from 3.2 on" % short)

    good_and_bad("Python %s, processes" % short,
                 lambda t, r: python_compare.compare("processes", t, r), truth,
                 python_report([(tid, 1300, accounts(running=500, preempted=300, io=500))
                                for tid in (11, 12, 13)]), [
        ("no wait for a GIL", ("modes", 0, "locks"), [gil]),
        ("no wait for a GIL", ("modes", 0, "runtimes"), [runtime]),
        ("2 runs", THREADS + (1, "time_ns", "running"), 100 * MS)])

    idle = "sleep" if version == "3.13.0" else "io"
    good_and_bad("Python %s, asleep" % short,
                 lambda t, r: python_compare.compare("sleep", t, r), truth,
                 python_report([(tid, 1210, accounts(running=5, **{idle: 1200}))
                                for tid in (11, 12, 13)]), [
        ("no contention", ("modes", 0, "time_ns", "lock"), 80 * MS),
        ("1 sleeps", THREADS + (0, "time_ns", idle), 600 * MS),
        ("1, by its own", THREADS + (0, "time_ns", idle), 1100 * MS)])

# --- tests/root/ruby_compare.py ---

def job(tid, what, lived, idle=0, there=None):
    return dict(worker(tid, lived), what=what, idle_ns=idle * MS, there_ns=(there or lived) * MS)

def ruby_report(waits, threads, pid=10, processes=1):
    gvl = row("GVL of Ruby 3.1", "gil", runtime="Ruby 3.1.2", total_ns=2250 * MS, holders=[
        {"tid": tid, "share": 0.33} for tid in (11, 12, 13)])
    runtime = {"name": "Ruby", "version": "3.1.2", "processes": processes,
               "gil_wait_ns": sum(waits.values()) * MS, "threads": [
                   {"pid": pid, "tid": tid, "gil_wait_ns": ms * MS} for tid, ms in waits.items()]}
    return python_report(threads, [gvl, row("queue", "cond")], [runtime])

RT = ("modes", 0, "runtimes", 0)
LOCK2 = ("modes", 0, "locks", 1)
truth = {"implementation": "Ruby", "release": "3.1.2", "version": "3.1.2", "pid": 10, "workers": [
    job(tid, "compute", 1200) for tid in (11, 12, 13)]}
computing = [(tid, 1210, accounts(running=401, wakeup=50, lock=755)) for tid in (11, 12, 13)]
good = ruby_report({11: 750, 12: 750, 13: 750, 10: 20},
                   computing + [(10, 1700, accounts(running=300, lock=20, io=1300))])
good_and_bad("Ruby", lambda t, r: ruby_compare.compare("threads", t, r), truth, good, [
    ("GVL of Ruby", LOCK + ("name",), "GVL of Ruby 3.10"),
    ("runtime is", LOCK + ("runtime",), "CPython 3.1.2"),
    ("no other", RT + ("name",), "CPython"),
    ("1 waits for the GIL", RT + ("threads", 0, "gil_wait_ns"), 400 * MS),
    ("workers held it", LOCK + ("holders", 0, "share"), 0.1),
    ("no wait is unknown", LOCK2 + ("kind",), "unknown")])
child = dict(truth, workers=[dict(w, pid=20) for w in truth["workers"]])
good_and_bad("Ruby, forked", lambda t, r: ruby_compare.compare("forked", t, r), child,
             changed(changed(good, RT + ("processes",), 2), RT + ("threads",),
                     lambda threads: [dict(t, pid=10 if t["tid"] == 10 else 20)
                                      for t in threads]), [
    ("two processes", RT + ("processes",), 1),
    ("of the child", RT + ("threads", 0, "pid"), 10)])
truth = {"implementation": "Ruby", "release": "3.1.2", "version": "3.1.2", "pid": 10, "workers": [
    job(11, "compute", 1200), job(12, "naps", 900, 480, 1000), job(13, "queue", 700, 500, 800)]}
good_and_bad("Ruby, idle", lambda t, r: ruby_compare.compare("idle", t, r), truth, ruby_report(
    {11: 750, 12: 450, 13: 250}, [
        (11, 1260, accounts(running=401, wakeup=50, lock=755, cond=50)),
        (12, 1260, accounts(running=5, wakeup=20, lock=450, cond=785)),
        (13, 1260, accounts(running=5, wakeup=20, lock=250, cond=985))]), [
    ("computes: has", THREADS + (0, "time_ns", "cond"), 300 * MS),
    ("sleeps: idle time is no", RT + ("threads", 1, "gil_wait_ns"), 550 * MS),
    ("sleeps: idle time is in", THREADS + (1, "time_ns", "cond"), 400 * MS),
    ("queue: idle time is no", RT + ("threads", 2, "gil_wait_ns"), 350 * MS),
    ("queue: idle time is in", THREADS + (2, "time_ns", "cond"), 400 * MS),
    ("queue: all of it", THREADS + (2, "time_ns", "cond"), 380 * MS),
    ("is waited for", RT + ("gil_wait_ns",), 0),
    ("no wait is unknown", LOCK2 + ("kind",), "unknown")])
PYTHON
)
finish
