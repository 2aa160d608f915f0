# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Which jobs and modes there are; the same as job_rows.h and mode_rows.h say."""
import os

MODES = ("serial", "threads", "processes", "pool")
PROCESS_MODES = ("processes", "pool")
MAX_WORKERS = 1024


class Job(object):
    """One row; what is left out does not apply."""

    def __init__(self, default_work=None, max_work=None, default_workers=None, tasks=None,
                 too_many=None, min_workers=1, too_few=None, seeded=False, lock_work=False,
                 refusals=()):
        self.default_work = default_work      # None: it takes no -n
        self.max_work = max_work
        self.default_workers = default_workers      # None: as many as CPUs, at least 2
        self.tasks = tasks                    # None: one a worker
        self.too_many = too_many
        self.min_workers = min_workers
        self.too_few = too_few
        self.seeded = seeded                  # --seed applies
        self.lock_work = lock_work            # --inside and --outside apply
        self.refusals = dict(refusals)        # mode: why not


JOBS = {
    "countdown": Job(default_work=12000000, max_work=1000000000000),
    "recursion": Job(
        default_workers=3, tasks=3,
        too_many="recursion has three tasks (fib, fac, sum), so a fourth worker would have "
                 "nothing to do: use at most 3 workers"),
    "sleepers": Job(
        default_workers=5, tasks=5, seeded=True,
        too_many="sleepers has five tasks, so a sixth worker would have nothing to do: use at "
                 "most 5 workers"),
    "counter": Job(
        default_work=200000, max_work=1000000000, lock_work=True,
        refusals={"pool": "the tasks of a pool share nothing, so there would be no lock to "
                          "wait for: use mode processes"}),
    "mixed": Job(
        default_work=100, max_work=1000000, min_workers=2,
        too_few="mixed needs one worker for the requests and one that computes beside it: use "
                "at least 2 workers",
        refusals={"pool": "a pool gives out its tasks one by one, so nothing says that it "
                          "computes beside the requests: use mode processes"}),
    "queue": Job(
        default_work=50000, max_work=1000000000, default_workers=3, min_workers=2,
        too_few="queue needs one worker that feeds and one that answers: use at least 2 "
                "workers",
        refusals={"serial": "one thread cannot wait for answers that only it could give: queue "
                            "needs a mode with several workers",
                  "pool": "a pool is a queue itself, and gives out its tasks one by one, so the "
                          "producer could wait for ever: use mode processes"}),
    "pages": Job(default_work=2000, max_work=1000000000),
}


def usable_cpus():
    """CPUs that this process may use; 2.7 can only ask the kernel's text."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        with open("/proc/self/status") as status:
            allowed = [line for line in status if line.startswith("Cpus_allowed:")]
        return bin(int(allowed[0].split()[1].replace(",", ""), 16)).count("1")


def workers(job, mode):
    """How many workers, when nobody says."""
    row = JOBS[job]
    count = max(usable_cpus(), 2)
    if mode == "pool" and row.tasks:
        count = min(count, row.tasks)
    elif mode != "pool" and row.default_workers:
        count = row.default_workers
    return min(max(count, row.min_workers), MAX_WORKERS)


def refusal(job, mode, count):
    """Why this job makes no sense in this mode with so many workers; None when it does."""
    row = JOBS[job]
    if count > MAX_WORKERS:
        return ("so many workers would measure the creation of threads and processes, not "
                "their work: use at most %d workers" % MAX_WORKERS)
    if row.tasks and count > row.tasks:
        return row.too_many
    if mode in row.refusals:
        return row.refusals[mode]
    return row.too_few if count < row.min_workers else None
