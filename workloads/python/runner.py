# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One run, from its parameters to its JSON, "convoy.work/1"."""
import collections
import importlib
import json
import os
import sys

import kernel
import output
import worker

MODES = {
    "serial": "mode_threads",
    "threads": "mode_threads",
    "processes": "mode_processes",
    "pool": "mode_pool",
}


def params_json(params):
    """As they are in effect: null is what this interpreter does not have."""
    switch_interval = check_interval = None
    if hasattr(sys, "getswitchinterval"):
        switch_interval = sys.getswitchinterval() * 1000
    if worker.HAS_CHECK_INTERVAL:
        check_interval = sys.getcheckinterval()
    return collections.OrderedDict([
        ("sleep_scale", params.sleep_scale), ("seed", params.seed), ("inside", params.inside),
        ("outside", params.outside), ("start", params.start), ("yield_every", None),
        ("check_interval", check_interval), ("switch_interval_ms", switch_interval),
        ("cpus", None),
    ])


def thread_json(account):
    """Of its waits for the GIL, and of what it executes, Python keeps no account."""
    schedstat = None
    if account.run_ns is not None:
        schedstat = collections.OrderedDict([("run_ns", account.run_ns),
                                             ("run_delay_ns", account.run_delay_ns)])
    return collections.OrderedDict([
        ("worker", account.worker), ("pid", account.pid), ("tid", account.tid),
        ("start_ns", account.start_ns), ("end_ns", account.end_ns), ("instructions", None),
        ("lock", None), ("job_lock", None), ("schedstat", schedstat),
    ])


def result_json(params, done, metrics, ok):
    return collections.OrderedDict([
        ("schema", "convoy.work/1"), ("job", params.job), ("mode", params.mode),
        ("workers", params.workers), ("work", params.work), ("params", params_json(params)),
        ("start_ns", done.run.start_ns), ("end_ns", done.end_ns),
        ("wall_ns", done.end_ns - done.run.start_ns),
        ("tasks", [task._asdict() for task in done.tasks]),
        ("threads", [thread_json(account) for account in done.accounts]),
        ("metrics", metrics), ("ok", ok),
    ])


def run(params):
    """Returns the exit status."""
    kernel.let_signals_end_us()
    try:
        worker.set_intervals(params)
        job = worker.job_of(params)
        done = importlib.import_module(MODES[params.mode]).run(params, job)
        wrong = ["%s has a wrong result or was over too soon" % task.name
                 for task in done.tasks if not task.ok]
        metrics = collections.OrderedDict()
        if hasattr(job, "finish"):
            wrong += job.finish(params, done, metrics)
        if hasattr(job, "release"):
            job.release(done.run.shared)
        status = output.write(json.dumps(result_json(params, done, metrics, not wrong), indent=2))
    except output.Failed as failure:
        output.say(str(failure))
        os._exit(output.FAILED)
    except BaseException:
        output.end_the_run()
    for message in wrong:
        output.say(message)
    return output.FAILED if wrong else status
