# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Workers increment one shared counter under a lock.

An increment reads the counter, works, and writes it: without the lock they would be lost.
"""
import collections

from job_countdown import countdown
from worker import Task, add_rate

Shared = collections.namedtuple("Shared", "lock counter")


def increment(n, inside, outside, lock, counter):
    done = 0
    while done < n:
        countdown(outside)
        with lock:
            value = counter.value
            countdown(inside)
            counter.value = value + 1
        done += 1
    return done


def share(_params, kit):
    return Shared(kit.Lock(), kit.Value())


def plan(params, shared):
    args = (params.work, params.inside, params.outside, shared.lock, shared.counter)
    return [Task("counter-%d" % (i + 1), increment, args, params.work, 0)
            for i in range(params.workers)]


def finish(params, done, metrics):
    value, wanted = done.run.shared.counter.value, params.work * params.workers
    metrics["increments"] = value
    add_rate(metrics, "increments_per_s", value, done.end_ns - done.run.start_ns)
    # Nobody takes over the lock of a dead process: that ends the run.
    metrics["locks_recovered"] = 0
    return [] if value == wanted else ["the counter is %d, not %d" % (value, wanted)]
