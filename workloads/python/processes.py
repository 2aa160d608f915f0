# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Child processes: they send what they return, end with us, and are not waited for in vain."""
import multiprocessing
import os
import select
import signal
import sys

import kernel
import output
import worker


def context(params):
    """What makes processes, and locks and queues between them. 2.7 can only fork."""
    if sys.version_info[:2] == (3, 6):
        # Where later versions have their shared memory by themselves. In a folder of its own
        # below /tmp it would be written to a disk, and the folder stays if a signal ends us.
        multiprocessing.current_process()._config["tempdir"] = "/dev/shm"
    if hasattr(multiprocessing, "get_context"):
        return multiprocessing.get_context(params.start)
    return multiprocessing


def how_it_ended(name, process):
    if process.exitcode < 0:
        return "%s (%d) was killed by signal %d" % (name, process.pid, -process.exitcode)
    return "%s (%d) failed with exit status %d" % (name, process.pid, process.exitcode)


def enter(parent, params):
    """What every child process does first."""
    kernel.let_signals_end_us()
    kernel.die_with(parent)
    worker.set_intervals(params)


def child_main(parent, connection, params, function, args):
    try:
        enter(parent, params)
        connection.send(function(*args))
        connection.close()
    except BaseException:
        output.end_the_run()


class Child(object):
    """A process that runs function(*args) and sends what it returns."""

    def __init__(self, name, params, function, args):
        make = context(params)
        self.name = name
        self.connection, its_end = make.Pipe(False)
        self.process = make.Process(target=child_main, name=name, args=(
            os.getpid(), its_end, params, function, args))
        self.process.start()
        # Held by the child alone, this end closes with it.
        its_end.close()

    def receive(self):
        try:
            return self.connection.recv()
        except (EOFError, IOError, OSError):
            self.process.join()
            raise output.Failed(how_it_ended(self.name, self.process))

    def join(self):
        """What it returned, once it has ended."""
        result = self.receive()
        self.process.join()
        if self.process.exitcode:
            raise output.Failed(how_it_ended(self.name, self.process))
        return result

    def kill(self):
        if self.process.exitcode is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.join()


def join_all(children):
    """What each returned, in their order. Whoever fails first is noticed first."""
    poll = select.poll()
    by_fd = dict((child.connection.fileno(), child) for child in children)
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    results = {}
    while len(results) < len(children):
        for fd, _ in poll.poll():
            results[fd] = by_fd[fd].join()
            poll.unregister(fd)
    return [results[child.connection.fileno()] for child in children]
