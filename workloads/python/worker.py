# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a worker does, whether it is a thread or a process."""
import collections
import importlib
import os
import sys

import kernel
import output

# One task: what to call, and what must come of it, not before min_ns have passed.
Task = collections.namedtuple("Task", "name function args result min_ns")

# What came of one, as the JSON has it.
Outcome = collections.namedtuple("Outcome", "name worker pid tid start_ns end_ns result ok")

# What every worker is given: the parameters, the start of the run by the clock, what the
# workers of the job share, and where they meet.
Run = collections.namedtuple("Run", "params start_ns shared barrier")

# What a mode returns: its Run, when all workers were joined, the outcome of every task, the
# Account of every worker, and what the job's client says, if it has one.
Done = collections.namedtuple("Done", "run end_ns tasks accounts answer")

# sys.setcheckinterval() is in all versions of Python 3 before 3.9, and does nothing.
HAS_CHECK_INTERVAL = sys.version_info[0] == 2


def job_of(params):
    return importlib.import_module("job_" + params.job)


def set_intervals(params):
    """Once in every process. What has no effect is not for this interpreter."""
    if params.switch_interval_ms and hasattr(sys, "setswitchinterval"):
        sys.setswitchinterval(params.switch_interval_ms / 1000)
    if params.check_interval and HAS_CHECK_INTERVAL:
        sys.setcheckinterval(min(params.check_interval, 2147483647))


class Barrier(object):
    """All meet before the first goes on: threads or processes, as the semaphores are.

    threading and multiprocessing have one each, but not in 2.7.
    """

    def __init__(self, semaphore, count):
        self.others = count - 1
        self.seats = semaphore(self.others)
        self.door = semaphore(0)

    def wait(self):
        if self.seats.acquire(False):
            self.door.acquire()
            return
        for _ in range(self.others):    # no seat is left: this is the last one
            self.door.release()


class Account(object):
    """A worker's account of itself, from the barrier to the end of its work."""

    FIELDS = ("worker", "pid", "tid", "start_ns", "end_ns", "run_ns", "run_delay_ns")

    def __init__(self, **fields):
        for field in self.FIELDS:
            setattr(self, field, fields.get(field))

    def begin(self, barrier):
        kernel.name_thread("worker-%d" % self.worker)
        self.pid, self.tid = os.getpid(), kernel.tid()
        barrier.wait()
        self.before = kernel.schedstat()
        self.start_ns = kernel.now()
        return self

    def end(self):
        self.end_ns = kernel.now()
        after = kernel.schedstat()
        if self.before and after:
            self.run_ns = after[0] - self.before[0]
            self.run_delay_ns = after[1] - self.before[1]
        return self


def log(run, account, at_ns, what):
    if run.params.verbose:
        output.say("%10.6f s  worker-%d (pid %d, tid %d)  %s" % (
            (at_ns - run.start_ns) / 1e9, account.worker, account.pid, account.tid, what))


def run_task(task, run, account):
    start = kernel.now()
    log(run, account, start, "%s started" % task.name)
    result = task.function(*task.args)
    end = kernel.now()
    ok = result == task.result and end - start >= task.min_ns
    log(run, account, end, "%s finished after %.6f s: %d%s" % (
        task.name, (end - start) / 1e9, result, "" if ok else ", which is WRONG"))
    return Outcome(task.name, account.worker, account.pid, account.tid, start, end, str(result),
                   ok)


def work(index, count, run):
    """The life of one of count workers, who deal out the tasks in turn."""
    tasks = job_of(run.params).plan(run.params, run.shared)
    account = Account(worker=index + 1).begin(run.barrier)
    outcomes = [run_task(task, run, account) for task in tasks[index::count]]
    return account.end(), outcomes


def add_rate(metrics, name, times, ns):
    if ns:
        metrics[name] = times * 1e9 / ns


def done(run, results, answer=None):
    """The results of all workers, in the order of the tasks."""
    tasks = [None] * sum(len(outcomes) for _, outcomes in results)
    for index, (_, outcomes) in enumerate(results):
        tasks[index::len(results)] = outcomes
    return Done(run, kernel.now(), tasks, [account for account, _ in results], answer)
