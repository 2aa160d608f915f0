# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""While n > 0: n -= 1. Nothing but the GIL can stand in the way of two threads."""
from worker import Task


def countdown(n):
    while n > 0:
        n -= 1
    return n


def plan(params, _shared):
    return [Task("countdown-%d" % (i + 1), countdown, (params.work,), 0, 0)
            for i in range(params.workers)]
