# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Workers as the processes of a multiprocessing.Pool, each given a task when it is free."""
import ctypes
import multiprocessing
import multiprocessing.pool
import os
import threading
from multiprocessing.util import Finalize

import kernel
import output
import processes
import worker

WATCH_S = 0.1
FIELDS = worker.Account.FIELDS
UNKNOWN = -1


class Here(object):
    """What a process of the pool knows, from its initializer on."""

    run = tasks = account = None


def initialize(parent, run, tickets, memory):
    """In each process of the pool, before it is given a task."""
    try:
        processes.enter(parent, run.params)
        Here.run = run
        Here.tasks = worker.job_of(run.params).plan(run.params, None)
        with tickets.get_lock():
            tickets.value += 1
            number = tickets.value
        Here.account = worker.Account(worker=number).begin(run.barrier)
        # A pool has no other hook for the end of its processes.
        Finalize(None, write_account, (memory,), exitpriority=0)
    except BaseException:
        output.end_the_run()


def run_task(number):
    try:
        return worker.run_task(Here.tasks[number], Here.run, Here.account)
    except BaseException:
        output.end_the_run()


def write_account(memory):
    account = Here.account.end()
    values = [getattr(account, field) for field in FIELDS]
    at = (account.worker - 1) * len(FIELDS)
    memory[at:at + len(FIELDS)] = [UNKNOWN if value is None else value for value in values]


def read_account(memory, index):
    values = memory[index * len(FIELDS):(index + 1) * len(FIELDS)]
    return worker.Account(**dict((field, value) for field, value in zip(FIELDS, values)
                                 if value != UNKNOWN))


class Watcher(threading.Thread):
    """Ends the run if a process of the pool dies.

    The pool itself would replace it, and wait for its result for ever.
    """

    def __init__(self, count):
        threading.Thread.__init__(self)
        self.daemon = True
        self.over = threading.Event()
        self.children = multiprocessing.active_children()
        if len(self.children) < count:
            raise output.Failed("a worker of the pool ended before its first task")

    def look(self):
        for process in self.children:
            if process.exitcode:
                output.say(processes.how_it_ended("a worker of the pool", process))
                os._exit(output.FAILED)

    def run(self):
        while not self.over.is_set():
            self.look()
            self.over.wait(WATCH_S)

    def stop(self):
        self.over.set()
        self.join()
        self.look()


def run(params, job):
    count = params.workers
    context = processes.context(params)
    tickets = context.Value("i", 0)
    memory = context.Array(ctypes.c_longlong, count * len(FIELDS), lock=False)
    run = worker.Run(params, kernel.now(), None, worker.Barrier(context.Semaphore, count))

    pool = context.Pool(count, initialize, (os.getpid(), run, tickets, memory))
    watcher = Watcher(count)
    watcher.start()
    answers = [pool.apply_async(run_task, (number,))
               for number in range(len(job.plan(params, None)))]
    pool.close()
    pool.join()
    end_ns = kernel.now()
    watcher.stop()
    return worker.Done(run, end_ns, [answer.get() for answer in answers],
                       [read_account(memory, i) for i in range(count)], None)
