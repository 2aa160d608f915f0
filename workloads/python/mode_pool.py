# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Workers as the processes of a multiprocessing.Pool, each given a task when it is free."""
import ctypes
import multiprocessing
import multiprocessing.pool
import os
import threading
import time
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


def watch(children):
    """A pool replaces a process that dies, but waits for its result for ever."""
    while True:
        for process in children:
            if process.exitcode:
                output.say(processes.how_it_ended("a worker of the pool", process))
                os._exit(output.FAILED)
        time.sleep(WATCH_S)


def start_watching(count):
    children = multiprocessing.active_children()
    if len(children) < count:
        raise processes.Failed("a worker of the pool ended before its first task")
    watcher = threading.Thread(target=watch, args=(children,))
    watcher.daemon = True
    watcher.start()


def run(params, job):
    count = params.workers
    context = processes.context(params)
    tickets = context.Value("i", 0)
    memory = context.Array(ctypes.c_longlong, count * len(FIELDS), lock=False)
    run = worker.Run(params, kernel.now(), None, worker.Barrier(context.Semaphore, count))

    pool = context.Pool(count, initialize, (os.getpid(), run, tickets, memory))
    start_watching(count)
    answers = [pool.apply_async(run_task, (number,))
               for number in range(len(job.plan(params, None)))]
    pool.close()
    pool.join()
    return worker.Done(run, kernel.now(), [answer.get() for answer in answers],
                       [read_account(memory, i) for i in range(count)], None)
