# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Five tasks, each sleeps a random time in [0, 3) s: the textbook example of a pool.

The times depend on the seed alone, and are those of convoy-work.
"""
from kernel import sleep
from worker import Task

TASKS = 5
MAX_SLEEP_MS = 3000
MASK = 0xffffffffffffffff


def random_number(seed, i):
    """SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators)."""
    z = (seed + (i + 1) * 0x9e3779b97f4a7c15) & MASK
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9 & MASK
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb & MASK
    return z ^ (z >> 31)


def sleeper(ns, ms):
    sleep(ns)
    return ms


def plan(params, _shared):
    def task(i):
        # Milliseconds first: what is said to be slept is then exactly that.
        ms = (random_number(params.seed, i) >> 32) * MAX_SLEEP_MS >> 32
        ns = int(ms * 1000000 * params.sleep_scale + 0.5)
        return Task("sleep-%d" % (i + 1), sleeper, (ns, ms), ms, ns)

    return [task(i) for i in range(TASKS)]
