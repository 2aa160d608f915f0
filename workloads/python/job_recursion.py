# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""fib(12), fac(12) and sum(12), recursive; every call sleeps first.

The textbook example of threads that gain by waiting together, GIL or not.
"""
from kernel import sleep
from worker import Task

N = 12


def fib(n, ns):
    sleep(ns)
    if n < 2:
        return 1
    return fib(n - 1, ns) + fib(n - 2, ns)


def fac(n, ns):
    sleep(ns)
    if n < 2:
        return 1
    return n * fac(n - 1, ns)


def sum_up(n, ns):
    sleep(ns)
    if n < 2:
        return 1
    return n + sum_up(n - 1, ns)


def plan(params, _shared):
    def task(name, function, sleep_ms, calls, result):
        ns = int(sleep_ms * 1000000 * params.sleep_scale + 0.5)
        return Task("%s(%d)" % (name, N), function, (N, ns), result, calls * ns)

    return [task("fib", fib, 5, 465, 233),
            task("fac", fac, 100, 12, 479001600),
            task("sum", sum_up, 100, 12, 78)]
