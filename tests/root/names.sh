#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# names.sh - locks of processes that are gone before their names are looked for, and of
# processes whose main thread is gone, have the names of their variables.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing

work=$CONVOY_TESTS/names_work rec=$tmp/names.rec json=$tmp/report.json

report() {
	run "$CONVOY" report "$rec" --format json
	cp "$out" "$json"
	: >"$out"
}

run "$CONVOY" record -o "$rec" -- "$work" children 200
is 'children are recorded' test "$status" -eq 0
report
# A child that is late finds its time over; hardly any is.
ask "$json" <<'END'
one row has all of the children's locks :: [l["name"] for l in modes[0]["locks"] if l["kind"] not in ("kernel", "join")] == ["child_mutex"]
nearly each child has one :: [150 <= l["objects"] <= 200 for l in modes[0]["locks"] if l["name"] == "child_mutex"] == [True]
each waited once :: [l["waits"] == l["objects"] for l in modes[0]["locks"] if l["name"] == "child_mutex"] == [True]
END

for how in leader exec; do
	rm -f "$rec"
	run "$CONVOY" record -o "$rec" -- "$work" "$how"
	is "$how: is recorded" test "$status" -eq 0
	report
	ask "$json" <<END
$how: what is waited for without the main thread has a name :: [l["name"] for l in modes[0]["locks"] if l["kind"] not in ("kernel", "join")] == ["late_mutex"]
END
done

# Found when its main thread is gone already.
# shellcheck disable=SC2317 # called by eventually
is_zombie() {
	grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}
rm -f "$rec"
"$work" forever &
started+=($!)
pid=$!
is 'the main thread exits' eventually is_zombie "$pid"
run "$CONVOY" record -o "$rec" -p "$pid" --duration 1
is 'found without its main thread: is recorded' test "$status" -eq 0
report
ask "$json" <<'END'
found without its main thread: has a name :: [l["name"] for l in modes[0]["locks"] if l["kind"] not in ("kernel", "join")] == ["late_mutex"]
END

finish
