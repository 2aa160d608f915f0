# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Workers as processes: one each."""
import ctypes

import kernel
import processes
import worker


class Kit(object):
    """What the jobs' workers share, for processes."""

    def __init__(self, context):
        self.Lock = context.Lock
        self.Queue = context.Queue
        # Without a lock of its own: the job has one.
        self.Value = lambda: context.Value(ctypes.c_longlong, 0, lock=False)


def work(index, count, run):
    job = worker.job_of(run.params)
    result = worker.work(index, count, run)
    if hasattr(job, "release"):
        job.release(run.shared)
    return result


def run(params, job):
    context = processes.context(params)
    shared = job.share(params, Kit(context)) if hasattr(job, "share") else None
    run = worker.Run(params, kernel.now(), shared,
                     worker.Barrier(context.Semaphore, params.workers))
    children = []
    try:
        if hasattr(job, "start_client"):
            children.append(job.start_client(params, shared))
        for i in range(params.workers):
            children.append(processes.Child("worker-%d" % (i + 1), params, work,
                                            (i, params.workers, run)))
        results = processes.join_all(children)
    finally:
        for child in children:
            child.kill()
    answer = results.pop(0) if hasattr(job, "start_client") else None
    return worker.done(run, results, answer)
