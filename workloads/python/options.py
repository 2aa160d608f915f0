# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The command line, as that of convoy-work."""
import argparse
import collections
import re
import sys

import catalog
import output

MAX_COUNT = 1000000000000
MAX_SEED = 4294967295
MAX_LOCK_WORK = 1000000000

# What a run is to do; goes to every worker. None: the job or the interpreter has no use for it.
Params = collections.namedtuple("Params", [
    "job", "mode", "workers", "work", "sleep_scale", "seed", "inside", "outside", "start",
    "check_interval", "switch_interval_ms", "verbose",
])


def count(least, most):
    def parse(text):
        if re.match("[0-9]+$", text) and least <= int(text) <= most:
            return int(text)
        raise argparse.ArgumentTypeError("'%s' is not a whole number from %d to %d"
                                         % (text, least, most))
    return parse


def real(least, most):
    def parse(text):
        if re.match(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$", text) and \
                least <= float(text) <= most:
            return float(text)
        raise argparse.ArgumentTypeError("'%s' is not a number from %.15g to %.15g"
                                         % (text, least, most))
    return parse


def make_parser():
    parser = argparse.ArgumentParser(
        prog="convoy_work.py", usage="convoy_work.py -j JOB -m MODE [OPTION...]",
        description="Run one job in one mode, once, and print the results as JSON.",
        epilog="Exit status: 0 done; 2 usage; 6 failed (a wrong result, a worker that died).")
    add = parser.add_argument
    add("-j", "--job", choices=sorted(catalog.JOBS), help="what work to do")
    add("-m", "--mode", choices=catalog.MODES, help="how to run it")
    add("-w", "--workers", metavar="N", type=count(1, 4294967295), help="default: the job's")
    add("-n", "--work", metavar="WORK", type=count(1, MAX_COUNT),
        help="work of each worker; default: the job's")
    add("--sleep-scale", metavar="F", type=real(0, 1000), default=1.0,
        help="multiply the sleeps of the job by F (1)")
    add("--seed", metavar="N", type=count(0, MAX_SEED), default=11,
        help="random times of the job: the same for the same N (11)")
    add("--inside", metavar="N", type=count(0, MAX_LOCK_WORK), default=50,
        help="iterations of work with the job's lock held (50)")
    add("--outside", metavar="N", type=count(0, MAX_LOCK_WORK), default=50,
        help="iterations of work without it, between two times (50)")
    add("--start", choices=("fork", "spawn"), default="fork",
        help="how processes are started (fork)")
    add("--check-interval", metavar="N", type=count(1, MAX_COUNT),
        help="instructions between two checkpoints; Python 2 only")
    add("--switch-interval", metavar="MS", type=real(0.001, 60000),
        help="how long a waiter waits before it requests the GIL; Python 3 only")
    add("-v", "--verbose", action="store_true", help="log the start and finish of each task")
    add("--identify", action="store_true",
        help="say what this interpreter is, as JSON, and nothing else")
    return parser


def refuse(why):
    output.say(why)
    sys.exit(output.USAGE)


def parse(argv=None):
    """Params that make sense, or None for --identify; else exits with status 2."""
    parser = make_parser()
    given = parser.parse_args(argv)
    if given.identify:
        return None
    if not given.job or not given.mode:
        refuse("say what to run and how: -j JOB -m MODE")
    row = catalog.JOBS[given.job]
    if row.default_work is None and given.work:
        refuse("-n: the work of %s is fixed; leave -n out" % given.job)
    if row.default_work is not None and given.work and given.work > row.max_work:
        refuse("-n: at most %d; use a smaller number" % row.max_work)
    workers = given.workers or catalog.workers(given.job, given.mode)
    refusal = catalog.refusal(given.job, given.mode, workers)
    if refusal:
        refuse(refusal)
    if given.start == "spawn" and sys.version_info < (3, 4):
        refuse("--start=spawn: this Python can only fork; leave it out")
    return Params(
        given.job, given.mode, workers, given.work or row.default_work, given.sleep_scale,
        given.seed if row.seeded else None, given.inside if row.lock_work else None,
        given.outside if row.lock_work else None, given.start, given.check_interval,
        given.switch_interval, given.verbose)
