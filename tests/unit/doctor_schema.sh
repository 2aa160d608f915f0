#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# doctor_schema.sh - docs/doctor.schema.json takes every kind of diagnosis that there is
# (made by hand, by test_doctor_output), and nothing of a wrong type.
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"

if ! has_python 'import jsonschema'; then
	skip 'the schema is that of the diagnoses' "$PYTHON has no jsonschema"
	finish
fi

CONVOY_TEST_JSON_OUT=$tmp "$CONVOY_TESTS/../unit/test_doctor_output" >"$out" 2>"$err"
status=$?
is 'diagnoses are written' [ $status -eq 0 ]
for kind in well nobody bare hostile; do
	validate "a diagnosis by hand: $kind" "$tmp/$kind.json" doctor
done

"$PYTHON" -W ignore - "$CONVOY_SRC/docs/doctor.schema.json" "$tmp" >"$out" 2>"$err" <<'PYTHON'
import copy, json, jsonschema, sys

schema = json.load(open(sys.argv[1]))
cls = jsonschema.validators.validator_for(schema)
cls.check_schema(schema)
validator = cls(schema)
kinds = {k: json.load(open(f"{sys.argv[2]}/{k}.json")) for k in ("well", "nobody")}
wrong = 0

def check(kind, path, value, good=False):
    global wrong
    changed = copy.deepcopy(kinds[kind])
    at = changed
    *parents, last = path
    for key in parents:
        at = at[key]
    if value is REMOVED:
        del at[last]
    else:
        at[last] = value
    if validator.is_valid(changed) != good:
        wrong += 1
        print(kind, ".".join(map(str, path)), value, "is refused" if good else "is taken")

REMOVED = object()
bad = next(i for i, c in enumerate(kinds["nobody"]["checks"]) if c["state"] == "missing")
for kind, at in (("well", 0), ("nobody", bad)):
    for key in kinds[kind]:
        check(kind, [key], REMOVED)
        check(kind, [key], 1)
    for group in ("tool", "host", "works"):
        for key in kinds[kind][group]:
            check(kind, [group, key], REMOVED)
            check(kind, [group, key], [])
    for key in kinds[kind]["checks"][at]:
        check(kind, ["checks", at, key], REMOVED)
        check(kind, ["checks", at, key], 5)
    check(kind, ["schema"], "convoy.doctor/2")
    check(kind, ["works", "run"], None)
    check(kind, ["works", "run"], "yes")
    check(kind, ["host", "cpus"], -1)
    check(kind, ["checks"], [])
    check(kind, ["checks", at, "id"], "Has Blanks")
    check(kind, ["checks", at, "state"], "fine")
    check(kind, ["checks", at, "detail"], None, good=True)
    check(kind, ["host", "virt"], None, good=True)
    check(kind, ["future"], {}, good=True)
    check(kind, ["checks", at, "future"], {}, good=True)
# Advice is there when something is not, and only then.
for key in ("loses", "remedy"):
    check("well", ["checks", 0, key], "something")
    check("nobody", ["checks", bad, key], None)
sys.exit(wrong > 0)
PYTHON
status=$?
is 'no wrong type is taken, nothing that is right refused' [ $status -eq 0 ]

finish
