# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# python_work.py threads|processes|sleep - three of them: what a Python programmer would write.
#
# Runs with every CPython from 2.7 on, and PyPy. Prints what it is and what each worker took by its own
# clock, as JSON.
from __future__ import print_function

import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time

WORKERS = 3
WORK_S = 0.42	# of CPU time, each
SLEEP_S = 0.5
RUSAGE_THREAD = 1	# 2.7 has no name for it

monotonic = getattr(time, "monotonic", time.time)


def cpu_time():
    usage = resource.getrusage(RUSAGE_THREAD)
    return usage.ru_utime + usage.ru_stime


def work(n):
    x = 1
    while n:
        x = (x * 5 + 3) & 65535
        n -= 1
    return x


def enough():
    """So much work takes WORK_S, if nobody is in the way."""
    n = 20000
    while True:
        start = cpu_time()
        work(n)
        took = cpu_time() - start
        if took > 0.1:
            return int(n * WORK_S / took)
        n *= 2


def tid():
    return int(os.readlink("/proc/thread-self").split("/")[-1])


def measured(results, body, argument):
    start, cpu_start = monotonic(), cpu_time()
    body(argument)
    lived, cpu = monotonic() - start, cpu_time() - cpu_start
    results.append({"tid": tid(), "pid": os.getpid(), "lived_ns": int(lived * 1e9),
                    "cpu_ns": int(cpu * 1e9)})


def in_threads(body, argument):
    results = []
    threads = [threading.Thread(target=measured, args=(results, body, argument))
               for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def in_processes(argument):
    children = [subprocess.Popen([sys.executable, __file__, "one", str(argument)],
                                 stdout=subprocess.PIPE) for _ in range(WORKERS)]
    return [json.loads(child.communicate()[0].decode()) for child in children]


def release():
    """The implementation's own version."""
    pypy = getattr(sys, "pypy_version_info", None)
    return "%d.%d.%d" % tuple(pypy[:3]) if pypy else platform.python_version()


def main():
    what = sys.argv[1]
    if what == "one":
        results = []
        measured(results, work, int(sys.argv[2]))
        print(json.dumps(results[0]))
        return
    if what == "threads":
        workers = in_threads(work, enough())
    elif what == "processes":
        workers = in_processes(enough())
    else:
        workers = in_threads(time.sleep, SLEEP_S)
    print(json.dumps({"implementation": platform.python_implementation(), "release": release(),
                      "version": platform.python_version(), "pid": os.getpid(),
                      "workers": workers}))


if __name__ == "__main__":
    main()
