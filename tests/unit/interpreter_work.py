# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The jobs in other languages against convoy-work, which is the oracle.

interpreter_work.py in-threads|in-processes|ends LANGUAGE - prints TAP, for every interpreter
of that language on this machine: what runs in these modes give and refuse; or how runs end
when something goes wrong.

A language is a row of LANGUAGES. Of many versions the oldest and the newest of each major one
are taken; INTERPRETERS=all takes all of them, INTERPRETERS="/path ..." only these.
"""
import concurrent.futures
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SRC = os.environ["CONVOY_SRC"]
ORACLE = [os.environ["CONVOY_WORK"]]
AT_ONCE = 2    # interpreters; the tests of one follow each other
TIMEOUT_S = 50
LATE_S = 1
EVENTUALLY_S = 20

ENVIRONMENT = dict(os.environ)
# Set for our own sake; whoever runs the jobs does not set it.
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


class Language:
    def __init__(self, folder, source, options, strict, modes, spawns, candidates, litter, raises,
                 wrong, lost, late, complaint):
        self.folder = os.path.join(SRC, "workloads", folder)
        self.source = source
        self.options = options          # before the source
        self.strict = strict            # more of them: whatever is warned of is an error
        self.modes = modes
        self.spawns = spawns            # of a version: does it start workers as new programs?
        self.candidates = candidates    # patterns of files, beside the PATH
        self.litter = litter            # patterns of files that must not appear in the folder
        self.raises = raises            # (file, text, instead): a countdown that raises
        self.wrong = wrong              # (file, text, instead): one with a wrong result
        self.lost = lost                # (file, text, instead): a counter that is not written
        self.late = late                # (file, text, instead): worker N, from 1, sleeps LATE_S * N
                                        # before it meets the others
        self.complaint = complaint      # what one that raises says


LANGUAGES = {
    "python": Language(
        folder="python", source="convoy_work.py", options=["-B"], strict=["-W", "error"],
        modes=["serial", "threads", "processes", "pool"],
        spawns=lambda version: not version.startswith("2."),
        candidates=["/usr/bin/python[23]", "/usr/bin/pypy*", "~/.pyenv/versions/*/bin/python",
                    "$PYENV_ROOT/versions/*/bin/python"],
        litter=["*.pyc", "__pycache__"],
        raises=("job_countdown.py", "return n\n", "raise ValueError('broken')\n"),
        wrong=("job_countdown.py", "return n\n", "return n + 1\n"),
        lost=("job_counter.py", "counter.value = value + 1\n", "counter.value = value\n"),
        late=("worker.py", "        barrier.wait()\n",
              "        __import__('time').sleep(LATE_S * self.worker)\n        barrier.wait()\n"),
        complaint="ValueError: broken"),
    "ruby": Language(
        folder="ruby", source="convoy_work.rb", options=[], strict=["-w"],
        modes=["serial", "threads", "processes"],
        spawns=lambda version: False,
        candidates=["/usr/bin/ruby", "~/.rbenv/versions/*/bin/ruby",
                    "$RBENV_ROOT/versions/*/bin/ruby"],
        litter=[],
        raises=("job_countdown.rb", "{ count_down(params.work) }", "{ raise 'broken' }"),
        wrong=("job_countdown.rb", "{ count_down(params.work) }", "{ count_down(params.work) + 1 }"),
        lost=("job_counter.rb", "value + 1\n", "value\n"),
        late=("worker.rb", "      yield\n", "      sleep(LATE_S * record.worker)\n      yield\n"),
        complaint="failed: broken (RuntimeError"),
}

SMALL = {
    "countdown": ["-w", "2", "-n", "1000"],
    "recursion": ["-w", "2", "--sleep-scale=0.002"],
    "sleepers": ["-w", "3", "--sleep-scale=0.002", "--seed=5"],
    "counter": ["-w", "2", "-n", "50", "--inside=5", "--outside=7"],
    "mixed": ["-w", "2", "-n", "2"],
    "queue": ["-w", "3", "-n", "40"],
    "pages": ["-w", "2", "-n", "3"],
}

MISUSE = [
    [], ["-j", "countdown"], ["-m", "threads"], ["-j", "nap", "-m", "threads"],
    ["-j", "countdown", "-m", "asleep"], ["-j", "countdown", "-m", "threads", "more"],
    ["-j", "countdown", "-m", "threads", "--colour"],
] + [["-j", "countdown", "-m", "threads"] + option for option in (
    ["-w", "0"], ["-w", "1025"], ["-w", "2x"], ["-n", "0"], ["-n", "-1"], ["-n", "1_0"],
    ["-n", "1000000000001"], ["--sleep-scale=-1"], ["--sleep-scale=nan"],
    ["--sleep-scale=1001"], ["--seed=4294967296"], ["--seed=1.5"], ["--inside=1000000001"],
    ["--outside=-1"], ["--start=thread"], ["--check-interval=0"], ["--switch-interval=0"],
    ["--switch-interval=60001"])] + [
    ["-j", "recursion", "-m", "threads", "-n", "5"],
    ["-j", "recursion", "-m", "threads", "-w", "4"],
    ["-j", "sleepers", "-m", "pool", "-w", "6"],
    ["-j", "counter", "-m", "threads", "-n", "1000000001"],
    ["-j", "mixed", "-m", "threads", "-w", "1"],
    ["-j", "queue", "-m", "processes", "-w", "1"],
    ["-j", "mixed", "-m", "threads", "-n", "1000001"],
]


# Sleeps until it is killed.
LONG = ["-j", "sleepers", "-w", "3", "--sleep-scale=100"]

SPAWNED = [("countdown", "pool"), ("counter", "processes"), ("queue", "processes"),
           ("mixed", "processes"), ("mixed", "threads"), ("pages", "pool"),
           ("countdown", "processes"), ("sleepers", "pool")]


class Ran:
    def __init__(self, command, **more):
        self.before_ns = time.monotonic_ns()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=TIMEOUT_S, **more)
        self.after_ns = time.monotonic_ns()
        self.status = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    @property
    def json(self):
        return json.loads(self.out)


class Different(Exception):
    """What was found is not what it should be."""


def same(what, found, wanted):
    if found != wanted:
        raise Different("%s: %r, not %r" % (what, found, wanted))


def true(what, value, *seen):
    if not value:
        raise Different("%s is not so%s" % (what, "".join("; %s" % (text,) for text in seen)))


# --- the interpreters -----------------------------------------------------------------

class Interpreter:
    def __init__(self, language, path, identity):
        self.language = language
        self.path = path
        self.identity = identity
        self.title = "%s %s" % (identity["implementation"], identity["version"])

    def command(self, args, folder=None, options=()):
        source = os.path.join(folder or self.language.folder, self.language.source)
        return [self.path] + self.language.options + list(options) + [source] + args


def identify(language, path):
    """None: nothing that works."""
    try:
        ran = Ran([path] + language.options +
                  [os.path.join(language.folder, language.source), "--identify"])
        return ran.json if ran.status == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def oldest_and_newest(interpreters):
    """Of each implementation and major version: what lies between lacks nothing that both have."""
    groups = {}
    for interpreter in interpreters:
        numbers = [int(part) for part in re.findall("[0-9]+", interpreter.identity["version"])]
        key = interpreter.identity["implementation"], numbers[0]
        groups.setdefault(key, []).append((numbers, interpreter.path, interpreter))
    kept = set()
    for group in groups.values():
        kept.update((min(group)[1], max(group)[1]))
    return [interpreter for interpreter in interpreters if interpreter.path in kept]


def find(language):
    wanted = os.environ.get("INTERPRETERS", "")
    if wanted not in ("", "all"):
        paths = wanted.split()
    else:
        paths = []
        for pattern in language.candidates:
            pattern = os.path.expandvars(os.path.expanduser(pattern))
            paths += sorted(path for path in glob.glob(pattern)
                            if re.fullmatch("[a-z]+[0-9]?", os.path.basename(path)))
    found = {}
    for path in paths:
        if os.path.realpath(path) not in found:
            identity = identify(language, path)
            if identity:
                found[os.path.realpath(path)] = Interpreter(language, path, identity)
    return list(found.values()) if wanted else oldest_and_newest(found.values())


# --- what a run gives -------------------------------------------------------------------

def check_identity(interpreter):
    identity = interpreter.identity
    same("keys", set(identity), {"schema", "implementation", "name", "version", "executable"})
    same("schema", identity["schema"], "convoy.interpreter/1")
    true("executable", os.access(identity["executable"], os.X_OK), identity)
    # What the program itself says, by another way.
    said = Ran([interpreter.path, "--version"])
    true("version", identity["version"] in said.out + said.err, identity, said.out)
    major, minor = identity["version"].split(".")[:2]
    names = {"CPython": "python%s.%s[td]*" % (major, minor), "PyPy": "pypy" + major,
             "CRuby": "ruby%s.%s" % (major, minor)}
    pattern = names.get(identity["implementation"], "[a-z]+.*")
    true("name", re.fullmatch(pattern, identity["name"]), identity)
    true("one line", Ran(interpreter.command(["--identify"])).out.count("\n") == 1)


def check_threads(json, mode):
    """Who did what, and when, of one result."""
    threads, tasks = json["threads"], json["tasks"]
    ids = {thread["worker"]: (thread["pid"], thread["tid"]) for thread in threads}
    same("ids", len(set(ids.values())), len(threads))
    if mode in ("serial", "threads"):
        same("processes", len({thread["pid"] for thread in threads}), 1)
        true("workers besides the main thread",
             all(thread["pid"] != thread["tid"] for thread in threads), threads)
    else:
        true("a process each", all(thread["pid"] == thread["tid"] for thread in threads), threads)
    first, last = threads[0]["start_ns"], threads[0]["start_ns"]
    for thread in threads:
        same("instructions", thread["instructions"], None)
        same("lock", thread["lock"], None)
        first, last = min(first, thread["start_ns"]), max(last, thread["start_ns"])
        true("life in the run", json["start_ns"] <= thread["start_ns"] <= thread["end_ns"] <=
             json["end_ns"], thread, json["start_ns"], json["end_ns"])
    by_worker = {thread["worker"]: thread for thread in threads}
    for task in tasks:
        same("ids of " + task["name"], (task["pid"], task["tid"]), ids[task["worker"]])
        thread = by_worker[task["worker"]]
        true("task in its worker's life", thread["start_ns"] <= task["start_ns"] <=
             task["end_ns"] <= thread["end_ns"], task, thread)


def check_like_oracle(json, oracle, mode):
    """Everything that does not depend on who ran it, and when."""
    same("keys", set(json), set(oracle))
    same("keys of params", set(json["params"]), set(oracle["params"]))
    for key in ("schema", "job", "mode", "workers", "work", "ok"):
        same(key, json[key], oracle[key])
    for key in ("sleep_scale", "seed", "inside", "outside", "start"):
        same(key, json["params"][key], oracle["params"][key])
    same("metrics", list(json["metrics"]), list(oracle["metrics"]))
    for key in ("increments", "locks_recovered", "requests", "messages", "pages"):
        same(key, json["metrics"].get(key), oracle["metrics"].get(key))
    same("threads", [thread["worker"] for thread in json["threads"]],
         [thread["worker"] for thread in oracle["threads"]])
    keys = ("name", "result", "ok") + (() if mode == "pool" else ("worker",))
    for part in ("threads", "tasks"):
        same("keys of " + part, {frozenset(item) for item in json[part]},
             {frozenset(item) for item in oracle[part]})
    same("tasks", [[task[key] for key in keys] for task in json["tasks"]],
         [[task[key] for key in keys] for task in oracle["tasks"]])
    known = [thread["schedstat"] is not None for thread in oracle["threads"]]
    same("schedstat", [thread["schedstat"] is not None for thread in json["threads"]], known)


def check_run(interpreter, oracles, job, mode, more=()):
    args = ["-j", job, "-m", mode] + SMALL[job] + list(more)
    ran = Ran(interpreter.command(args, options=interpreter.language.strict))
    oracle = oracles[job, mode]
    same("status", (ran.status, ran.err[:300] if oracle.status == 0 else ""),
         (oracle.status, ""))
    if oracle.status:
        same("standard output", ran.out, "")
        # The same reason in the same words.
        same("the reason", ran.err.split(": ", 1)[-1], oracle.err.split(": ", 1)[-1])
        return
    json, expected = ran.json, oracle.json
    expected["params"]["start"] = "spawn" if "--start=spawn" in more else "fork"
    check_like_oracle(json, expected, mode)
    check_threads(json, mode)
    true("CLOCK_MONOTONIC", ran.before_ns <= json["start_ns"] <= json["end_ns"] <= ran.after_ns,
         ran.before_ns, json["start_ns"], json["end_ns"], ran.after_ns)


def check_misuse(interpreter, args):
    ran = Ran(interpreter.command(args))
    same("status", ran.status, 2)
    same("standard output", ran.out, "")
    true("a message", ran.err.strip() and "Traceback" not in ran.err, ran.err)


def check_spawn(interpreter, oracles, job, mode):
    if not interpreter.language.spawns(interpreter.identity["version"]):
        ran = Ran(interpreter.command(["-j", job, "-m", mode, "--start=spawn"]))
        same("status", ran.status, 2)
        true("the reason", "spawn" in ran.err, ran.err)
    else:
        check_run(interpreter, oracles, job, mode, ["--start=spawn"])


def check_interval(interpreter):
    """What was asked for is in effect, or null."""
    params = Ran(interpreter.command(["-j", "countdown", "-m", "threads", "-n", "5",
                                      "--switch-interval=7", "--check-interval=77"])
                 ).json["params"]
    true("switch interval", params["switch_interval_ms"] in (None, 7) or
         abs(params["switch_interval_ms"] - 7) < 0.01, params)
    true("check interval", params["check_interval"] in (None, 77), params)
    true("one of them or none", None in (params["switch_interval_ms"], params["check_interval"]),
         params)


def check_log(interpreter):
    ran = Ran(interpreter.command(["-j", "recursion", "-m", "threads", "-v",
                                   "--sleep-scale=0"]))
    same("status", ran.status, 0)
    for line in ("worker-2 .*fac.12. started", "worker-3 .*sum.12. finished after [0-9.]+ s: 78"):
        true(line, re.search(line, ran.err), ran.err)


# Each of these returns what every interpreter is asked, and what is dealt out among them.

def runs_in(interpreter, oracles, modes):
    return [("%s in %s" % (job, mode), lambda job=job, mode=mode: check_run(
        interpreter, oracles, job, mode)) for job, mode in oracles if mode in modes]


def in_threads(interpreter, oracles):
    every = [("identity", lambda: check_identity(interpreter)),
             ("intervals", lambda: check_interval(interpreter))]
    some = [("the log", lambda: check_log(interpreter))]
    for args in MISUSE:
        some.append(("refused: " + " ".join(args), lambda args=args: check_misuse(
            interpreter, args)))
    return every + runs_in(interpreter, oracles, ("serial", "threads")), some


def in_processes(interpreter, oracles):
    every = runs_in(interpreter, oracles, ("processes", "pool"))
    some = [("%s in %s, spawned" % (job, mode), lambda job=job, mode=mode: check_spawn(
        interpreter, oracles, job, mode)) for job, mode in SPAWNED
        if mode in interpreter.language.modes]
    return every, some


# --- how a run ends -----------------------------------------------------------------------

def stat_fields(pid):
    """State, parent and process group; None when there is no such process."""
    try:
        with open("/proc/%s/stat" % pid) as stat:
            state, parent, group = stat.read().rsplit(")", 1)[1].split()[:3]
    except (OSError, ValueError):
        return None
    return state, int(parent), int(group)


def group_of(leader):
    """The processes of this process group that are not dead."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    fields = [(pid, stat_fields(pid)) for pid in pids]
    return [pid for pid, field in fields if field and field[2] == leader and
            field[0] not in "ZX"]


def comms(pid):
    """The names of a process's threads, by their ids."""
    names = {}
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/comm" % (pid, tid)) as comm:
            names[int(tid)] = comm.read().strip()
    return names


def eventually(what, condition):
    until = time.monotonic() + EVENTUALLY_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            found = condition()
            if found:
                return found
        time.sleep(0.01)
    raise Different("%s: not within %d s" % (what, EVENTUALLY_S))


class Running:
    """A run in a process group of its own, of which nothing is left behind."""

    def __init__(self, interpreter, args):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(interpreter.command(args), stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.err, env=ENVIRONMENT,
                                        start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.out.close()
        self.err.close()

    def named(self, pattern):
        """(pid, tid) of the threads with such names, in all of its processes."""
        found = []
        for pid in group_of(self.process.pid):
            with contextlib.suppress(OSError):
                found += [(pid, tid) for tid, name in comms(pid).items()
                          if re.fullmatch(pattern, name)]
        return found

    def workers(self, count):
        """Wait until all of so many are there, and a moment longer: at work, or nearly so."""
        for number in range(count):
            eventually("worker-%d" % (number + 1),
                       lambda number=number: self.named("worker-%d" % (number + 1)))
        time.sleep(0.1)

    def said(self, word):
        """Lines of its standard error with this word."""
        with open("/proc/self/fd/%d" % self.err.fileno()) as err:
            return [line for line in err if word in line]

    def end(self):
        """(status, standard error) when it ends, which it must."""
        try:
            status = self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Different("it hangs: %s" % [comms(pid) for pid in
                                              group_of(self.process.pid)])
        eventually("nothing is left", lambda: not group_of(self.process.pid))
        self.err.seek(0)
        return status, self.err.read().decode()


def check_killed_worker(interpreter, args, count):
    with Running(interpreter, args) as running:
        running.workers(count)
        victim = running.named("worker-2")[0][0]
        os.kill(victim, signal.SIGKILL)
        status, err = running.end()
        same("status", status, 6)
        true("a message", str(victim) in err and "signal 9" in err, err)


def check_killed_client(interpreter):
    """In mode threads it is the only other process, and the server waits for it."""
    with Running(interpreter, ["-j", "mixed", "-m", "threads", "-w", "2", "-n", "100000"]
                 ) as running:
        running.workers(2)
        client = [pid for pid in group_of(running.process.pid) if pid != running.process.pid]
        same("other processes", len(client), 1)
        os.kill(client[0], signal.SIGKILL)
        status, err = running.end()
        same("status", status, 6)
        true("a message", err, err)


def check_signal(interpreter, args, count, number):
    with Running(interpreter, args) as running:
        running.workers(count)
        os.kill(running.process.pid, number)
        status, _ = running.end()
        same("status", status, -number)


def check_names(interpreter, mode):
    """The threads are called as in convoy-work, and have the ids that they say."""
    with Running(interpreter, LONG + ["-m", mode, "-v"]) as running:
        running.workers(3)
        lines = eventually("three that started", lambda: len(running.said("started")) == 3 and
                           running.said("started"))
        for line in lines:
            name, pid, tid = re.search("(worker-[0-9]+) .pid ([0-9]+), tid ([0-9]+)",
                                       line).groups()
            same(name, running.named(name), [(int(pid), int(tid))])


@contextlib.contextmanager
def broken(language, breakage):
    """A copy of the source in which something is wrong."""
    name, text, instead = breakage
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        shutil.copytree(language.folder, copy)
        path = os.path.join(copy, name)
        with open(path) as source:
            content = source.read()
        true("the text to break", text in content)
        with open(path, "w") as source:
            source.write(content.replace(text, instead.replace("LATE_S", str(LATE_S))))
        yield copy


def check_raises(interpreter, mode):
    with broken(interpreter.language, interpreter.language.raises) as folder:
        ran = Ran(interpreter.command(["-j", "countdown", "-m", mode, "-w", "2", "-n", "5"],
                                      folder))
        same("status", ran.status, 6)
        same("standard output", ran.out, "")
        true("what was raised", interpreter.language.complaint in ran.err, ran.err)


def check_wrong(interpreter, mode):
    with broken(interpreter.language, interpreter.language.wrong) as folder:
        ran = Ran(interpreter.command(["-j", "countdown", "-m", mode, "-w", "2", "-n", "5"],
                                      folder))
        same("status", ran.status, 6)
        same("ok", ran.json["ok"], False)
        same("tasks", [(task["ok"], task["result"]) for task in ran.json["tasks"]],
             [(False, "1")] * 2)
        true("a message", "countdown-1" in ran.err and "Traceback" not in ran.err, ran.err)


def check_lost(interpreter, mode):
    with broken(interpreter.language, interpreter.language.lost) as folder:
        ran = Ran(interpreter.command(["-j", "counter", "-m", mode, "-w", "2", "-n", "5"],
                                      folder))
        same("status", ran.status, 6)
        same("ok", ran.json["ok"], False)
        # Each worker did what it was to do; only the sum says that it is lost.
        same("tasks", [task["ok"] for task in ran.json["tasks"]], [True] * 2)
        true("a message", "the counter is 0, not 10" in ran.err, ran.err)


def check_meeting(interpreter, mode):
    """Nobody begins before the last one has come."""
    with broken(interpreter.language, interpreter.language.late) as folder:
        json = Ran(interpreter.command(["-j", "countdown", "-m", mode, "-w", "2", "-n", "5"],
                                       folder)).json
        first = min(thread["start_ns"] for thread in json["threads"])
        true("the last one was waited for", first - json["start_ns"] >= 2 * LATE_S * 1e9, first,
             json["start_ns"])


def check_full(interpreter):
    with open("/dev/full", "w") as full:
        done = subprocess.run(interpreter.command(["-j", "countdown", "-m", "serial", "-n", "5"]),
                              stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                              env=ENVIRONMENT, timeout=TIMEOUT_S)
    same("status", done.returncode, 6)
    true("a message", b"standard output" in done.stderr, done.stderr)


def check_litter(interpreter):
    """In a folder that is new, so that nothing is there that could be taken for ours."""
    language = interpreter.language
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        shutil.copytree(language.folder, copy, ignore=shutil.ignore_patterns(*language.litter))
        before = sorted(os.listdir(copy))
        for mode in set(language.modes) & {"processes", "pool"}:
            for start in ("fork", "spawn"):
                Ran(interpreter.command(["-j", "countdown", "-m", mode, "-n", "5",
                                         "--start=" + start], copy))
        same("files", sorted(os.listdir(copy)), before)


def ends(interpreter, _oracles):
    modes = [mode for mode in interpreter.language.modes if mode != "serial"]

    def signalled(mode, number):
        return ("%s in %s" % (signal.Signals(number).name, mode), lambda: check_signal(
            interpreter, LONG + ["-m", mode], 3, number))

    def killed(job, mode, *args):
        return ("a killed worker: %s in %s" % (job, mode), lambda: check_killed_worker(
            interpreter, ["-j", job, "-m", mode, "-w", "3"] + list(args), 3))

    some = [
        ("no files beside the source", lambda: check_litter(interpreter)),
        ("a full standard output", lambda: check_full(interpreter)),
        ("SIGTERM beside a client", lambda: check_signal(
            interpreter, ["-j", "mixed", "-m", "threads", "-w", "2", "-n", "100000"], 2,
            signal.SIGTERM)),
        signalled("processes", signal.SIGKILL),
        killed("counter", "processes", "-n", "100000000"),
    ]
    for mode in modes:
        some += [
            ("a job that raises in " + mode, lambda mode=mode: check_raises(interpreter, mode)),
            ("a wrong result in " + mode, lambda mode=mode: check_wrong(interpreter, mode)),
            ("a meeting in " + mode, lambda mode=mode: check_meeting(interpreter, mode)),
            signalled(mode, signal.SIGINT)]
    for mode in ("serial", "threads", "processes"):
        some.append(("a lost increment in " + mode, lambda mode=mode: check_lost(
            interpreter, mode)))
    every = [
        ("names in threads", lambda: check_names(interpreter, "threads")),
        ("names in processes", lambda: check_names(interpreter, "processes")),
        ("a killed client", lambda: check_killed_client(interpreter)),
        killed("queue", "processes", "-n", "1000000"),
    ] + [signalled(mode, signal.SIGTERM) for mode in modes]
    if "pool" in modes:
        every.append(killed("sleepers", "pool", "--sleep-scale=100"))
    return every, some


# --- TAP ------------------------------------------------------------------------------

def run_one(check):
    """None, or why not."""
    try:
        check()
    except Different as difference:
        return str(difference)
    except subprocess.TimeoutExpired as late:
        return str(late)
    except Exception as error:    # a result that cannot even be looked at
        return "%s: %s" % (type(error).__name__, error)
    return None


def oracles_of(language):
    return {(job, mode): Ran(ORACLE + ["-j", job, "-m", mode] + SMALL[job])
            for job in SMALL for mode in language.modes}


def deal(tests_of, interpreters):
    """Who is tested for what: what need not be asked of every one is dealt out in turn."""
    tests = {}
    for number, interpreter in enumerate(interpreters):
        every, some = tests_of(interpreter)
        tests[interpreter] = every + some[number::len(interpreters)]
    return tests


def main():
    # Ignored in the background of a shell, it would be ignored by what we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    what, language = sys.argv[1], LANGUAGES[sys.argv[2]]
    interpreters = find(language)
    if not interpreters:
        print("1..0 # SKIP no interpreter of %s is on this machine" % sys.argv[2])
        return 0
    print("# note: %s: %s" % (sys.argv[2], ", ".join(i.title for i in interpreters)))
    oracles = oracles_of(language) if what != "ends" else {}
    tests_of = {"in-threads": in_threads, "in-processes": in_processes, "ends": ends}[what]
    tests = deal(lambda interpreter: tests_of(interpreter, oracles), interpreters)
    number = failures = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(lambda i: [(name, run_one(check)) for name, check in tests[i]],
                        interpreters)
        for interpreter, outcomes in zip(interpreters, done):
            for name, why in outcomes:
                number += 1
                failures += why is not None
                print("%s %d - %s: %s" % ("ok" if why is None else "not ok", number,
                                          interpreter.title, name.replace("#", "")))
                for line in (why or "").splitlines():
                    print("#   " + line)
    print("1..%d" % number)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
