#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# python_compare.py threads|processes|sleep TRUTH REPORT - is a report right about Python?
#
# TRUTH is what python_work.py printed, REPORT a JSON report, with threads, of a recording of
# it. Prints a line "ok|no TAB name TAB why" for each thing that is to be compared.
#
# What is asked for holds on a busy machine too. Of three threads that compute, each has the
# GIL a third of the time; what a thread waits for a CPU it does not wait for the GIL, so that
# is left open. What the threads took by their own clock is compared as far as it can be: the
# kernel's account of CPU time has the wake-ups of idle CPUs in it, 10 % in Python 2.7.
import json
import sys

RUNNABLE = ("preempted", "wakeup")


def one(found, what):
    for it in found:
        return it
    raise KeyError(what)


class Comparison:
    lock = "GIL"
    one_wait_ns = 0     # that may have begun before the GIL was found, and is unknown then

    def __init__(self, truth, report):
        self.truth = truth
        self.report = report
        self.mode = report["modes"][0]
        self.implementation, self.release = truth["implementation"], truth["release"]
        self.runtime_name = "%s %s" % (self.implementation, self.release)
        self.label = self.release if self.implementation == "CPython" else self.runtime_name
        self.minor = tuple(int(part) for part in truth["version"].split(".")[:2])
        self.results = []

    def check(self, name, test):
        """test() returns whether it is so, and what there is instead."""
        try:
            good, why = test()
        except (KeyError, IndexError, TypeError) as e:
            good, why = False, "the report does not say: %r" % e
        self.results.append((bool(good), "%s: %s" % (self.label, name), why))

    def thread(self, worker):
        return one((t for t in self.mode["threads"] if t["tid"] == worker["tid"]),
                   "thread %d" % worker["tid"])

    def booked(self, worker, *accounts):
        return sum(self.thread(worker)["time_ns"][account] for account in accounts)

    def lives(self):
        return sum(t["lifetime_ns"] for t in self.mode["threads"])

    # --- threads that compute ---

    def runtime(self):
        return one((rt for rt in self.mode["runtimes"]
                    if (rt["name"], rt["version"]) == (self.implementation, self.release)),
                   "runtime " + self.runtime_name)

    def gil_wait(self, tid):
        return sum(t["gil_wait_ns"] for t in self.runtime()["threads"] if t["tid"] == tid)

    def share(self, worker):
        return self.gil_wait(worker["tid"]) / self.thread(worker)["lifetime_ns"]

    def waits_for_the_gil(self, worker):
        life = self.thread(worker)["lifetime_ns"]
        gil, runnable = self.gil_wait(worker["tid"]), self.booked(worker, *RUNNABLE)
        least = self.least_wait()
        return (gil <= 0.85 * life and gil + runnable >= least * life,
                "%.3f of its life, and %.3f for a CPU" % (gil / life, runnable / life))

    def least_wait(self):
        # Before 3.2 one may run most of its life, and leave it to the others to wait.
        return 0 if self.minor < (3, 2) else 0.45

    def wait_together(self):
        """However unfair: the second waits for the first, and the third for both."""
        lives = sum(self.thread(w)["lifetime_ns"] for w in self.truth["workers"])
        off = sum(self.gil_wait(w["tid"]) + self.booked(w, *RUNNABLE)
                  for w in self.truth["workers"])
        return off >= 0.25 * lives, "%.3f of their lives" % (off / lives)

    def waits_by_its_clock(self, worker):
        lived, cpu = worker["lived_ns"], worker["cpu_ns"]
        gil, runnable = self.gil_wait(worker["tid"]), self.booked(worker, *RUNNABLE)
        off = lived - cpu
        # It waits for the GIL before it can look at its clock, too.
        before = max(0, self.thread(worker)["lifetime_ns"] - lived)
        return (gil <= off + before + 0.15 * lived and
                gil + runnable + self.one_wait_ns >= off - 0.05 * lived,
                "%d ns for the GIL, %d for a CPU; by its clock %d, not on a CPU %d" %
                (gil, runnable, lived, off))

    def main_waits_least(self):
        main = self.gil_wait(self.truth["pid"]) / self.thread(
            {"tid": self.truth["pid"]})["lifetime_ns"]
        least = min(self.share(worker) for worker in self.truth["workers"])
        return main < least, "%.3f of its life; of the workers, %.3f" % (main, least)

    def least_share(self):
        return 0 if self.minor < (3, 2) else 0.15

    def holders(self):
        """
        Each a good part of the time. Before 3.2 nobody sees to that: whoever gives the GIL up
        takes it again, and on a busy machine those that it woke wait for a CPU.
        """
        shares = {h["tid"]: h["share"] for h in self.mode["locks"][0]["holders"]}
        least = self.least_share()
        return (all(shares.get(w["tid"], 0) > least for w in self.truth["workers"]) and
                sum(shares.values()) <= 1.0001, shares)

    def threads(self):
        first = lambda key: self.mode["locks"][0][key]
        gil = "%s of %s %d.%d" % ((self.lock, self.implementation) + self.minor)

        self.check("threads: the first lock is a GIL",
                   lambda: (first("kind") == "gil", (first("kind"), first("name"))))
        self.check("threads: it is the %s" % gil,
                   lambda: ((gil + " ") in first("name") + " ", first("name")))
        self.check("threads: its runtime is %s" % self.runtime_name,
                   lambda: (first("runtime") == self.runtime_name, first("runtime")))
        self.check("threads: there is one GIL",
                   lambda: ([row["kind"] for row in self.mode["locks"]].count("gil") == 1,
                            [row["name"] for row in self.mode["locks"]]))
        if self.implementation == "PyPy":
            # All that is static there is the GIL's; other locks are objects on the heap.
            self.check("threads: no other word of its library is waited for",
                       lambda: (not any(row["name"].startswith("libpypy")
                                        for row in self.mode["locks"]),
                                [row["name"] for row in self.mode["locks"]]))
        self.check("threads: that runtime, and no other",
                   lambda: ([(rt["name"], rt["version"]) for rt in self.mode["runtimes"]] ==
                            [(self.implementation, self.release)], self.mode["runtimes"]))
        for at, worker in enumerate(self.truth["workers"], 1):
            self.check("threads: worker %d waits for the GIL" % at,
                       lambda worker=worker: self.waits_for_the_gil(worker))
            self.check("threads: worker %d, by its own clock" % at,
                       lambda worker=worker: self.waits_by_its_clock(worker))
            self.check("threads: worker %d waits in account lock" % at,
                       lambda worker=worker: (
                           0 < self.gil_wait(worker["tid"]) <= self.booked(worker, "lock"),
                           "%d of %d ns" % (self.gil_wait(worker["tid"]),
                                            self.booked(worker, "lock"))))
        self.check("threads: main, which joins them, waits least", self.main_waits_least)
        self.check("threads: the workers wait for each other", self.wait_together)
        self.check("threads: the workers held it while others waited", self.holders)

    # --- processes that compute ---

    def no_gil_wait(self):
        rows = sum(row["total_ns"] for row in self.mode["locks"] if row["kind"] == "gil")
        runtimes = sum(rt["gil_wait_ns"] for rt in self.mode["runtimes"])
        return (max(rows, runtimes) < 0.05 * self.lives(),
                "%d and %d ns of %d" % (rows, runtimes, self.lives()))

    def processes(self):
        self.check("processes: no wait for a GIL to speak of", self.no_gil_wait)
        for at, worker in enumerate(self.truth["workers"], 1):
            self.check("processes: worker %d runs, or wants to" % at,
                       lambda worker=worker: (
                           self.booked(worker, "running", *RUNNABLE) >
                           0.5 * self.thread(worker)["lifetime_ns"],
                           self.thread(worker)["time_ns"]))

    # --- threads that sleep ---

    def sleep(self):
        # time.sleep() was select(2) before 3.11.
        asleep = ("sleep", "io") if self.minor < (3, 11) else ("sleep",)

        self.check("sleep: no contention",
                   lambda: (self.mode["time_ns"]["lock"] < 0.02 * self.lives(),
                            self.mode["time_ns"]))
        for at, worker in enumerate(self.truth["workers"], 1):
            self.check("sleep: worker %d sleeps" % at,
                       lambda worker=worker: (
                           self.booked(worker, *asleep) >
                           0.5 * self.thread(worker)["lifetime_ns"],
                           self.thread(worker)["time_ns"]))
            self.check("sleep: worker %d, by its own clock" % at,
                       lambda worker=worker: (
                           self.booked(worker, *asleep) <= self.thread(worker)["lifetime_ns"] and
                           self.booked(worker, "running", *asleep, *RUNNABLE) >=
                           0.95 * worker["lived_ns"],
                           "%s, of %d" % (self.thread(worker)["time_ns"], worker["lived_ns"])))

    # --- of all of them ---

    def compare(self, what):
        self.check("%s: valid" % what,
                   lambda: (self.report["valid"] and not self.report["incomplete"],
                            self.report["loss"]))
        self.check("%s: all workers are there, for as long as they lived" % what,
                   lambda: (all(self.thread(w)["lifetime_ns"] >= w["lived_ns"]
                                for w in self.truth["workers"]),
                            [(t["tid"], t["lifetime_ns"]) for t in self.mode["threads"]]))
        getattr(self, what)()
        return self.results


def compare(what, truth, report):
    """Returns (good, name, why) of each test."""
    return Comparison(truth, report).compare(what)


def main():
    what = sys.argv[1]
    truth, report = (json.load(open(name)) for name in sys.argv[2:4])
    for good, name, why in compare(what, truth, report):
        print("ok" if good else "no", name, why, sep="\t")


if __name__ == "__main__":
    main()
