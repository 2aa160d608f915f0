# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Workers as threads of one process: the modes serial and threads."""
import threading

try:
    from queue import Queue
except ImportError:    # Python 2
    from Queue import Queue

import kernel
import output
import worker


class Value(object):
    """What multiprocessing.Value is to processes."""

    def __init__(self):
        self.value = 0


class Kit(object):
    """What the jobs' workers share, for threads."""

    Lock = staticmethod(threading.Lock)
    Queue = Queue
    Value = Value


class WorkerThread(threading.Thread):
    """A thread that keeps what its function returns."""

    def __init__(self, function, args, name):
        threading.Thread.__init__(self, name=name)
        self.function = function
        self.args = args
        self.result = None

    def get_result(self):
        return self.result

    def run(self):
        try:
            self.result = self.function(*self.args)
        except BaseException:
            # The others may wait for this one for ever.
            output.end_the_run()


def run(params, job):
    count = 1 if params.mode == "serial" else params.workers
    shared = job.share(params, Kit) if hasattr(job, "share") else None
    run = worker.Run(params, kernel.now(), shared,
                     worker.Barrier(threading.Semaphore, count))
    client = job.start_client(params, shared) if hasattr(job, "start_client") else None
    threads = [WorkerThread(worker.work, (i, count, run), "worker-%d" % (i + 1))
               for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = client.join() if client else None
    return worker.done(run, [thread.get_result() for thread in threads], answer)
