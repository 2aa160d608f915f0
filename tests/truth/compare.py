#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# compare.py TRUTH REPORT [CELLS] - is a report right about a program of tests/truth?
#
# TRUTH is what the program printed (truth.h), REPORT a JSON report of a recording of it.
# Prints a line "ok|no TAB name TAB why" for each thing that is to be compared, and adds the
# program's row of the confusion matrices to the file CELLS, for
#
# compare.py --matrix CELLS
#
# which prints them. Times are compared with the program's own clock, never with constants:
# what is blocked is what the program waited, less what it then wanted to run (the kernel's
# own account of it); 3 % and SLACK_NS for each wait is for the way into the wait and out.
import json
import os
import sys

SHARE = 0.03
SLACK_NS = 60_000		# for each wait
NOISE_NS = 500_000		# of other waits, for each program: those for the kernel's locks
COVERED = 0.9			# of the waiting time, with a holder
INITIAL_PID_NS = "pid:[4026531836]"

WAITING = ("lock", "cond", "join", "other")
RUNNABLE = ("running", "preempted", "wakeup")
HOLDER_DID = ("running", "runnable", "asleep", "waiting")


def bounds(waits, waited_ns, run_delay_ns):
    """How long it was blocked, at least and at most."""
    slack = SHARE * waited_ns + SLACK_NS * waits
    return waited_ns - run_delay_ns - slack, waited_ns + slack


def ms(ns):
    return "%.2f ms" % (ns / 1e6)


class Comparison:
    def __init__(self, truth, report, initial_pid_ns):
        self.truth = truth
        self.results = []
        self.report = report
        self.mode = report["modes"][0]
        self.rows = [row for row in self.mode["locks"] if row["kind"] != "kernel"]
        kernel_ns = sum(row["total_ns"] for row in self.mode["locks"] if row["kind"] == "kernel")
        self.waits = sum(lock["waits"] + lock["timeouts"] for lock in truth["locks"])
        self.waited_ns = sum(lock["waited_ns"] for lock in truth["locks"])
        self.delay_ns = sum(lock["run_delay_ns"] for lock in truth["locks"])
        self.noise_ns = SHARE * self.waited_ns + SLACK_NS * self.waits + NOISE_NS + kernel_ns
        # In a PID namespace of its own, a program has other TIDs than the report has.
        self.tids = {t["name"]: t["tid"] for t in truth["threads"]}
        if not initial_pid_ns:
            self.tids.update({t["comm"]: t["tid"] for t in self.mode["threads"]
                              if t["comm"] in self.tids})

    def check(self, name, test):
        """test() returns whether it is so, and what there is instead."""
        try:
            good, why = test()
        except (KeyError, IndexError, TypeError) as e:
            good, why = False, "the report does not say: %r" % e
        self.results.append((bool(good), "%s: %s" % (self.truth["class"], name), why))

    def rows_of(self, lock):
        if lock["kind"] is None:
            return []
        if lock["name"] is None:
            return [row for row in self.rows if row["kind"] == lock["kind"]]
        return [row for row in self.rows if lock["name"] in row["name"]]

    # --- one lock ---

    def compare_lock(self, lock):
        what = lock["name"] or lock["kind"] or "no lock"
        rows = self.rows_of(lock)

        if lock["kind"] is None or (lock["may_be_unseen"] and not rows):
            return	# the matrix says whether there is another
        self.check("%s is there" % what,
                   lambda: (rows, "locks: %s" % [row["name"] for row in self.rows]))
        if not rows:
            return
        self.check("%s: kind %s" % (what, lock["kind"]),
                   lambda: ({row["kind"] for row in rows} == {lock["kind"]},
                            [row["kind"] for row in rows]))
        self.check("%s: flags" % what, lambda: self.flags(lock, rows))
        self.check("%s: the time that was waited for it" % what, lambda: self.total(lock, rows))
        self.check("%s: an episode is an attempt" % what, lambda: self.episodes(lock, rows))
        self.check("%s: time-outs" % what, lambda: self.timeouts(lock, rows))
        if lock["name"]:
            self.check("%s: so many objects" % what,
                       lambda: (sum(row["objects"] for row in rows) == lock["objects"],
                                "%s, not %d" % ([row["objects"] for row in rows],
                                                lock["objects"])))
        if lock["site"]:
            self.check("%s: waited for in %s" % (what, lock["site"]),
                       lambda: (all(lock["site"] in row["site"] for row in rows),
                                [row["site"] for row in rows]))
        if lock["holders"] is not None:
            self.check("%s: who held it" % what, lambda: self.holders(lock, rows))
            self.check("%s: that is known for most of the time" % what,
                       lambda: (all(row["holder_known"] >= COVERED for row in rows),
                                [row["holder_known"] for row in rows]))
            self.check("%s: and not for more than all of it" % what,
                       lambda: (all(sum(h["share"] for h in row["holders"]) <= 1.0001
                                    for row in rows), [row["holders"] for row in rows]))
        for state in HOLDER_DID:
            if lock["did"][state]:
                self.check("%s: its holder was %s" % (what, state),
                           lambda state=state: self.did(lock, rows, state))

    def flags(self, lock, rows):
        got = set().union(*(row["flags"] for row in rows))
        must, may = set(lock["flags"]), set(lock["flags_may"])
        return must <= got <= must | may, "%s, not %s" % (sorted(got), sorted(must))

    def total(self, lock, rows):
        low, high = bounds(lock["waits"] + lock["timeouts"], lock["waited_ns"],
                           lock["run_delay_ns"])
        got = sum(row["total_ns"] for row in rows)
        return low <= got <= high, "%s, not in %s .. %s" % (ms(got), ms(low), ms(high))

    def episodes(self, lock, rows):
        got = sum(row["episodes"] for row in rows)
        waits = sum(row["waits"] for row in rows)
        most = lock["attempts"] + lock["long_gaps"]
        # The last wait of an attempt can be one that times out, too.
        least = max(lock["attempts"], lock["timeouts"])
        return (lock["attempts"] <= got <= most and waits >= least,
                "%d in %d waits, not %d (to %d)" % (got, waits, lock["attempts"], most))

    def timeouts(self, lock, rows):
        """Not known (None) will do where there are none."""
        got = [row["timeouts"] for row in rows]
        return (sum(n or 0 for n in got) == lock["timeouts"],
                "%s, not %d" % (got, lock["timeouts"]))

    def holders(self, lock, rows):
        wanted = {self.tids[name] for name in lock["holders"]}
        got = {h["tid"] for row in rows for h in row["holders"]}
        return got == wanted, "%s, not %s" % (sorted(got), sorted(wanted))

    def did(self, lock, rows, state):
        """At least that: the program's times are parts of the wait, and nearly all of it."""
        low = (1 - SHARE) * lock["did"][state] - SLACK_NS * lock["waits"]
        got = sum(row["holder_did"][state] for row in rows)
        of_holders = sum(h["did"][state] for row in rows for h in row["holders"])
        all_of_it = sum(row["holder_did"][s] for row in rows for s in HOLDER_DID)
        total = sum(row["total_ns"] for row in rows)
        return (got >= low and of_holders >= low and all_of_it <= total * 1.0001,
                "%s, of single ones %s, not %s; all %s of %s" %
                (ms(got), ms(of_holders), ms(low), ms(all_of_it), ms(total)))

    # --- its threads ---

    def thread(self, name):
        for thread in self.mode["threads"]:
            if thread["tid"] == self.tids[name]:
                return thread
        raise KeyError("thread " + name)

    def booked(self, thread, account):
        names = RUNNABLE if account == "running" else (account,)
        return sum(thread["time_ns"][name] for name in names)

    def compare_thread(self, waiter):
        account = self.truth["account"]

        def test():
            lock = self.truth["locks"][waiter["lock"]]
            # Time-outs of a lock are those of its only waiter.
            low, high = bounds(waiter["waits"] + lock["timeouts"], waiter["waited_ns"],
                               waiter["run_delay_ns"])
            if account == "running":	# it has other things to do, too
                low, high = bounds(waiter["waits"], waiter["waited_ns"], 0)[0], float("inf")
            got = self.booked(self.thread(waiter["name"]), account)
            others = sum(self.booked(self.thread(waiter["name"]), other)
                         for other in WAITING if other != account)
            return (low <= got <= high + self.noise_ns and others <= self.noise_ns,
                    "%s, not in %s .. %s; in other accounts %s" %
                    (ms(got), ms(low), ms(high), ms(others)))

        self.check("%s waited in account %s" % (waiter["name"], account), test)

    # --- the matrices ---

    def cells(self):
        kinds = {}
        for row in self.rows:
            kinds[row["kind"]] = kinds.get(row["kind"], 0) + row["total_ns"]
        missing = self.waited_ns - self.delay_ns - sum(kinds.values())
        if missing > 0:
            kinds["none"] = missing
        right = {lock["kind"] or "none" for lock in self.truth["locks"]}
        if any(lock["may_be_unseen"] for lock in self.truth["locks"]):
            right.add("none")
        accounts = {}
        for waiter in self.truth["threads"]:
            if not waiter["waits"]:
                continue
            thread = self.thread(waiter["name"])
            for account in WAITING + ("running", "sleep"):
                if account in WAITING or account == self.truth["account"]:
                    accounts[account] = accounts.get(account, 0) + self.booked(thread, account)
        return {"class": self.truth["class"], "kinds": kinds, "right_kinds": sorted(right),
                "accounts": accounts, "right_accounts": [self.truth["account"]],
                "noise_ns": self.noise_ns}

    def compare_cells(self, cells):
        for what in ("kinds", "accounts"):
            wrong = {column: ms(ns) for column, ns in cells[what].items()
                     if column not in cells["right_" + what] and ns > self.noise_ns}
            self.check("no time in a wrong column of %s" % what,
                       lambda wrong=wrong: (not wrong, wrong))

    def compare(self):
        self.check("valid", lambda: (self.report["valid"] and not self.report["incomplete"],
                                     self.report["loss"]))
        for lock in self.truth["locks"]:
            self.compare_lock(lock)
        for waiter in self.truth["threads"]:
            if waiter["waits"]:
                self.compare_thread(waiter)
        cells = None
        try:
            cells = self.cells()
            self.compare_cells(cells)
        except KeyError as e:
            self.check("a row in the matrix", lambda: (False, repr(e)))
        return cells


def compare(truth, report, initial_pid_ns=True):
    """Returns (good, name, why) of each test, and the row of the matrix."""
    comparison = Comparison(truth, report, initial_pid_ns)
    cells = comparison.compare()
    return comparison.results, cells


def matrix(rows, what, order):
    """Lines of text; what is where it should be is in brackets. In ms."""
    columns = [c for c in order if any(c in row[what] or c in row["right_" + what]
                                       for row in rows)]
    width = max(len(row["class"]) for row in rows)
    yield " " * width + "".join("%12s" % column for column in columns)
    for row in rows:
        line = row["class"].ljust(width)
        for column in columns:
            ns = row[what].get(column, 0)
            right = column in row["right_" + what]
            text = "%.1f" % (ns / 1e6) if right or ns > row["noise_ns"] else "."
            line += "%12s" % ("[%s]" % text if right else text + " ")
        yield line.rstrip()


def print_matrices(name):
    with open(name) as file:
        rows = sorted((json.loads(line) for line in file), key=lambda row: row["class"])
    if not rows:
        return
    for what, order in (
            ("kinds", "mutex rwlock semaphore cond barrier once join unknown gil none".split()),
            ("accounts", ("lock", "cond", "join", "other", "running", "sleep"))):
        print("what was waited for, and the %s in the report; ms by its clock" % what)
        for line in matrix(rows, what, order):
            print("  " + line)


def main():
    if sys.argv[1] == "--matrix":
        print_matrices(sys.argv[2])
        return
    truth, report = (json.load(open(name)) for name in sys.argv[1:3])
    results, cells = compare(truth, report,
                             os.readlink("/proc/self/ns/pid") == INITIAL_PID_NS)
    for good, name, why in results:
        print("ok" if good else "no", name, why, sep="\t")
    if cells and len(sys.argv) > 3:
        with open(sys.argv[3], "a") as file:
            print(json.dumps(cells), file=file)


if __name__ == "__main__":
    main()
