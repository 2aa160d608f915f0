#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# ruby_compare.py threads|forked|processes|idle TRUTH REPORT - is a report right about Ruby?
#
# TRUTH is what ruby_work.rb printed, REPORT a JSON report, with threads, of a recording of it.
# Prints a line "ok|no TAB name TAB why" for each thing that is to be compared; and, of idle, as
# comments, what its threads did by their own account, against what is in the report.
#
# What is the same in every language with a GIL is compared as of Python. Here a thread waits for
# work on the very words on which it waits for the GVL: so it must be told how long it had none.
import json
import sys

import python_compare
from python_compare import RUNNABLE


class Comparison(python_compare.Comparison):
    lock = "GVL"
    one_wait_ns = 100000000     # a quantum

    def least_wait(self):
        return 0.45

    def least_share(self):
        return 0.15

    # --- threads of a forked process ---

    def forked(self):
        self.threads()
        self.check("forked: two processes have a GVL",
                   lambda: (self.runtime()["processes"] == 2, self.runtime()["processes"]))
        self.check("forked: and one is waited for, of the child",
                   lambda: ({t["pid"] for t in self.runtime()["threads"]
                             if t["gil_wait_ns"] > 0.01 * self.lives()} ==
                            {w["pid"] for w in self.truth["workers"]}, self.runtime()["threads"]))

    # --- threads that compute, and threads that have nothing to do ---

    def idle_is_no_gvl_wait(self, worker):
        """What it did not want to run, it did not wait for the GVL."""
        gil, most = self.gil_wait(worker["tid"]), worker["there_ns"] - worker["idle_ns"]
        return gil <= most, "%d ns for the GVL, at most %d can be" % (gil, most)

    def idle_is_booked(self, worker):
        # It may have been without a CPU at the beginning.
        booked = self.booked(worker, "cond", *RUNNABLE)
        return (booked >= worker["idle_ns"],
                "%d ns for nothing or a CPU, at least %d were" % (booked, worker["idle_ns"]))

    def all_is_booked(self, worker):
        booked = self.booked(worker, "running", "cond", *RUNNABLE) + self.gil_wait(worker["tid"])
        return (booked >= 0.95 * worker["lived_ns"],
                "%d of %d ns" % (booked, worker["lived_ns"]))

    def computing_is_not_idle(self, worker):
        idle, lived = self.booked(worker, "cond"), self.thread(worker)["lifetime_ns"]
        # Afterwards it is kept for another one, for a few seconds or until the end.
        most = max(lived - worker["lived_ns"], 0) + 0.02 * lived
        return idle <= most, "%d ns of %d for nothing, at most %d can be" % (idle, lived, most)

    def idle(self):
        for worker in self.truth["workers"]:
            what = "idle: who %s: " % {"compute": "computes", "naps": "sleeps",
                                       "queue": "waits for a queue"}[worker["what"]]
            tests = (("has something to do", self.computing_is_not_idle),) \
                if worker["what"] == "compute" else \
                (("idle time is no wait for the GVL", self.idle_is_no_gvl_wait),
                 ("idle time is in account cond", self.idle_is_booked),
                 ("all of it is booked", self.all_is_booked))
            for name, test in tests:
                self.check(what + name, lambda test=test, worker=worker: test(worker))
        self.check("idle: the GVL is waited for",
                   lambda: (self.runtime()["gil_wait_ns"] > 0, self.runtime()))

    def confusion(self):
        """What was, against what was booked, in ms: of those with idle time that they know."""
        rows = []
        for worker in self.truth["workers"]:
            if worker["idle_ns"]:
                rows.append("# %-8s idle %6.0f of %6.0f   cond %6.0f  GVL %6.0f  runnable %6.0f"
                            % (worker["what"], worker["idle_ns"] / 1e6, worker["lived_ns"] / 1e6,
                               self.booked(worker, "cond") / 1e6,
                               self.gil_wait(worker["tid"]) / 1e6,
                               self.booked(worker, *RUNNABLE) / 1e6))
        return rows

    def known(self):
        """Of what its threads wait for nothing stays unknown."""
        unknown = [row for row in self.mode["locks"] if row["kind"] == "unknown"]
        ns = sum(row["total_ns"] for row in unknown)
        return ns <= 0.01 * self.lives(), [(row["name"], row["total_ns"]) for row in unknown]

    def compare(self, what):
        super().compare(what)
        self.check("%s: no wait is unknown" % what, self.known)
        return self.results


def compare(what, truth, report):
    """Returns (good, name, why) of each test."""
    return Comparison(truth, report).compare(what)


def main():
    what = sys.argv[1]
    truth, report = (json.load(open(name)) for name in sys.argv[2:4])
    comparison = Comparison(truth, report)
    for good, name, why in comparison.compare(what):
        print("ok" if good else "no", name, why, sep="\t")
    if what == "idle":
        print(*comparison.confusion(), sep="\n")


if __name__ == "__main__":
    main()
