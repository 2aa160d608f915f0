# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Workers map, touch and unmap memory: what they wait for is in the kernel."""
import mmap

from worker import Task, add_rate

PAGES = 64    # in one round
SIZE = PAGES * mmap.PAGESIZE


def pages(rounds):
    fresh = 0
    while rounds > 0:
        memory = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        at = SIZE
        while at > 0:
            at -= mmap.PAGESIZE
            # Written first: a page that is read and then written has two faults.
            memory[at:at + 1] = b"\1"
            if memory[at + 1:at + 2] == b"\0":
                fresh += 1
            memory[at + 1:at + 2] = b"\1"
        memory.close()
        rounds -= 1
    return fresh


def plan(params, _shared):
    return [Task("pages-%d" % (i + 1), pages, (params.work,), params.work * PAGES, 0)
            for i in range(params.workers)]


def finish(_params, done, metrics):
    touched = sum(int(task.result) for task in done.tasks)
    metrics["pages"] = touched
    add_rate(metrics, "pages_per_s", touched, done.end_ns - done.run.start_ns)
    return []
