#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# schema.sh - docs/report.schema.json takes every kind of report that the JSON renderer
# writes (reports made by hand, by test_render_json), and nothing of a wrong type.
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"

renderer=$CONVOY_TESTS/../unit/test_render_json

if ! has_python 'import jsonschema'; then
	skip "the schema is that of the reports" "$PYTHON has no jsonschema"
	finish
fi

CONVOY_TEST_JSON_OUT=$tmp "$renderer" >"$out" 2>"$err"
status=$?
is "reports are rendered" [ $status -eq 0 ]
for kind in full untraced metrics commands recording python interpreters; do
	validate "a report by hand: $kind" "$tmp/$kind.json"
done

# Reports with one value changed: the schema must not take them, unless they are `good`.
"$PYTHON" - "$CONVOY_SRC/docs/report.schema.json" "$tmp" >"$out" 2>"$err" <<'PYTHON'
import copy, json, jsonschema, sys

schema = json.load(open(sys.argv[1]))
cls = jsonschema.validators.validator_for(schema)
cls.check_schema(schema)
validator = cls(schema)
reports = {k: json.load(open(f"{sys.argv[2]}/{k}.json"))
           for k in ("full", "untraced", "metrics", "commands", "recording", "python",
                     "interpreters")}

def changed(kind, path, value):
    report = copy.deepcopy(reports[kind])
    at = report
    *parents, last = path
    for key in parents:
        at = at[key]
    at[last] = value
    return report

wrong = 0

def check(kind, path, value, good=False):
    global wrong
    if validator.is_valid(changed(kind, path, value)) != good:
        wrong += 1
        print(kind, ".".join(map(str, path)), "=", json.dumps(value),
              "is refused" if good else "is taken")

mode = ["modes", 2]
accounts = list(reports["full"]["modes"][2]["time_ns"])
# Null in one of them is null in all, and without probes only.
for group in ("time_ns", "worker_time_ns", "lock_wait"):
    for key, value in reports["full"]["modes"][2][group].items():
        check("untraced", mode + [group, key], 0)
        for bad in ("0", 1.5, [], {}, True):
            check("full", mode + [group, key], bad)
            check("untraced", mode + [group, key], bad)
        if group != "lock_wait" or key in ("episodes", "total_ns"):
            check("full", mode + [group, key], None)
        if key != "residual":
            check("full", mode + [group, key], -1)
for key in accounts:
    if key not in ("lifetime", "residual"):
        check("full", mode + ["threads", 0, "time_ns", key], None)
# In a part of a recording, or one that breaks off, it is not known.
check("full", mode + ["yields"], None, good=True)
check("untraced", mode + ["yields"], 0)
check("full", mode + ["yields"], "7")
check("untraced", mode + ["migrations"], reports["full"]["modes"][2]["migrations"])
check("full", mode + ["migrations"], 4)
check("untraced", mode + ["locks"], reports["full"]["modes"][2]["locks"])
check("untraced", ["probes", "sched"], True)
check("full", ["probes", "sched"], False)
check("full", mode + ["system_ns", "median"], 1.5)
# What the work says of itself.
for group, keys in (("own_clock", ("thread_ns", "lock_wait_ns")),
                    ("schedstat", ("run_ns", "run_delay_ns"))):
    for kind in ("full", "untraced"):
        check(kind, mode + [group], None)
        check(kind, mode + [group], [])
        check(kind, mode + [group], {})
        for key in keys:
            check(kind, mode + [group, key], None, good=True)
            for bad in (-1, 1.5, "1", False, {}):
                check(kind, mode + [group, key], bad)
for kind in ("untraced", "metrics"):
    check(kind, mode + ["job_metrics"], {}, good=True)
    check(kind, mode + ["job_metrics", "never"], None, good=True)
    for bad in (5, "5", [], {}, {"median": 5}):
        check(kind, mode + ["job_metrics", "requests_per_s"], bad)
    for bad in (None, "1", []):
        check(kind, mode + ["job_metrics", "requests_per_s", "median"], bad)
    for bad in ([], [None], ["1"], None):
        check(kind, mode + ["job_metrics", "requests_per_s", "rounds"], bad)
    for bad in (None, [], 5):
        check(kind, mode + ["job_metrics"], bad)
check("metrics", mode + ["locks", 0, "futex_calls"], 7, good=True)
check("metrics", mode + ["locks", 0, "futex_calls"], None, good=True)
for bad in (-1, 1.5, "7"):
    check("metrics", mode + ["locks", 0, "futex_calls"], bad)
    check("metrics", mode + ["locks", 0, "wakeup_ns"], bad)
    check("metrics", ["loss", "recovered"], bad)
check("metrics", mode + ["locks", 0, "wakeup_ns"], None)
check("metrics", ["loss", "recovered"], None)
# Commands.
check("commands", ["workers"], 3, good=True)
for bad in (-1, "2", 1.5, []):
    check("commands", ["workers"], bad)
for bad in (5, [], {}):
    check("commands", ["job"], bad)
    check("commands", ["reference"], bad)
check("commands", ["params", "commands"], {"a": "make", "b": "x"}, good=True)
for bad in (None, [], {"a": 1}, {"a": None}, {"a": ["make"]}, {"a": ""}):
    check("commands", ["params", "commands"], bad)
for key, bad in (("modes", ["a", "a"]), ("modes", [1]), ("reference", 1), ("reference", None),
                 ("workers", "2"), ("workers", 0), ("workers", 1.5), ("work", -1),
                 ("seed", -1), ("seed", "1"), ("seed", 1.5), ("inside", -1), ("inside", "1"),
                 ("inside", 0.5), ("outside", -1), ("outside", []), ("outside", False),
                 ("mode_workers", None), ("mode_workers", 2), ("mode_workers", [2]),
                 ("mode_workers", {"pool": 0}), ("mode_workers", {"pool": None}),
                 ("mode_workers", {"pool": "2"}), ("mode_workers", {"pool": 2.5}), ("rounds", 0), ("probes", "some"),
                 ("futex", "some"), ("start", "clone"), ("cpus", 3), ("job", 1)):
    check("commands", ["params", key], bad)
for key, good in (("workers", None), ("workers", 3), ("seed", None), ("seed", 0),
                  ("seed", 4294967295), ("inside", None), ("inside", 0), ("outside", None),
                  ("outside", 1000000000), ("mode_workers", {}),
                  ("mode_workers", {"serial": 5, "pool": 2})):
    check("commands", ["params", key], good, good=True)
check("commands", mode + ["command"], "make")
check("commands", mode + ["command"], ["make", None])
check("commands", mode + ["speedup"], "2")
# Interpreters.
of = ["modes", 1, "interpreter"]
check("interpreters", of, None, good=True)
for bad in ("python3.13", [], {}, 5):
    check("interpreters", of, bad)
for key in ("name", "implementation", "version", "path"):
    for bad in (None, 3.13, [], ""):
        check("interpreters", of + [key], bad)
check("interpreters", ["params", "interpreters"], {"ruby3.1": "/usr/bin/ruby3.1"}, good=True)
for bad in (None, [], {"ruby3.1": None}, {"ruby3.1": ""}):
    check("interpreters", ["params", "interpreters"], bad)
# Recordings.
only = ["modes", 0]
for bad in (None, -1, 1.5, "1", True, []):
    check("recording", only + ["locks", 0, "since_before"], bad)
    check("recording", only + ["locks", 0, "unfinished"], bad)
for bad in (None, 0, 1, "true", []):
    check("recording", only + ["threads", 0, "since_before"], bad)
    check("recording", only + ["threads", 0, "unfinished"], bad)
check("recording", ["incomplete_why"], "the file was cut off", good=True)
for bad in (5, True, []):
    check("recording", ["incomplete_why"], bad)
# Locks, their holders, runtimes.
lock = only + ["locks", 0]
for key in ("object", "site"):
    check("python", lock + [key], None, good=True)
    for bad in ("", 1, []):
        check("python", lock + [key], bad)
check("python", lock + ["flags"], ["pi", "shared"], good=True)
for bad in (None, "pi", ["pi", "pi"], ["PI"], [1]):
    check("python", lock + ["flags"], bad)
for key in ("objects", "lost_races", "interrupted"):
    check("python", lock + [key], None, good=key == "interrupted")
    for bad in (-1, 1.5, "1", []):
        check("python", lock + [key], bad)
for bad in (None, -0.1, 1.1, "1"):
    check("python", lock + ["holder_known"], bad)
for part in ("running", "runnable", "asleep", "waiting"):
    for bad in (None, -1, 1.5, "1"):
        check("python", lock + ["holder_did", part], bad)
        check("python", lock + ["holders", 0, "did", part], bad)
for bad in (None, [], {}, {"running": 1}):
    check("python", lock + ["holder_did"], bad)
    check("python", lock + ["holders", 0, "did"], bad)
for key in ("could_run", "ready_run", "did_run"):
    for bad in (-1, "1", []):
        check("python", only + [key], bad)
    check("python", only + [key], None, good=True)
    check("untraced", mode + [key], 1.5)
check("untraced", mode + ["runtimes"], reports["python"]["modes"][0]["runtimes"])
runtime = only + ["runtimes", 0]
for bad in (None, -1, 1.5, "1"):
    check("python", runtime + ["threads_more"], bad)
for key in ("version", "hint", "gil_wait_ns", "wanted_ns", "gil_share", "handoffs", "handoffs_per_s",
            "mean_hold_ns", "switch_interval_ns"):
    check("python", runtime + [key], None, good=True)
    check("python", runtime + [key], True)
    check("python", runtime + [key], -1)
for key in ("name", "gil", "processes", "lifetime_ns", "threads"):
    check("python", runtime + [key], None)
for bad in ("PRESENT", "", True, None):
    check("python", runtime + ["gil"], bad)
for key in ("pid", "tid", "comm", "lifetime_ns", "gil_wait_ns", "held_share"):
    check("python", runtime + ["threads", 0, key], None)
check("python", runtime + ["threads", 0, "held_share"], 1.1)
check("python", runtime + ["gil_share"], 1.1)
# New keys may be added.
check("full", ["future"], {"a": [None]}, good=True)
check("untraced", mode + ["future"], 1, good=True)
sys.exit(wrong > 0)
PYTHON
status=$?
is "no wrong type is taken, nothing that is right refused" [ $status -eq 0 ]

finish
