#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# unprivileged.sh - convoy run by nobody: with nothing, and with just the capabilities
# that it says it needs.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip_all 'needs root, to become nobody'
command -v setpriv >/dev/null || skip_all 'needs setpriv'

# The checkout may be closed to others.
dir=$(mktemp -d /tmp/convoy-nobody.XXXXXX) || exit 1
trap 'rm -rf "$dir"; clean_up' EXIT
chmod 755 "$dir"
cp "$CONVOY" "$CONVOY_WORK" "$dir/"
chmod 755 "$dir"/*
mkdir -m 777 "$dir/open" # where nobody may write

mkdir "$dir/fake"
cp "$CONVOY" "$dir/fake/convoy"
cat >"$dir/fake/convoy-work" <<EOT
#!/bin/sh
echo started >>'$dir/open/started'
EOT
chmod 755 "$dir/fake" "$dir/fake"/*

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
none=("${nobody[@]}" --inh-caps=-all --bounding-set=-all)
some() { # some CAPABILITY...: only these, inherited by what is executed
	local caps

	caps=-all$(printf ',+%s' "$@")
	with=("${nobody[@]}" "--inh-caps=$caps" "--ambient-caps=$caps" "--bounding-set=$caps")
}

"${none[@]}" "$dir/convoy" --version >"$out" 2>&1 </dev/null ||
	skip_all "cannot become nobody here: $(head -n 1 "$out")"

run "${none[@]}" "$dir/fake/convoy" run
is 'nothing: exit 3' failed_with 3
is 'nothing: says what is missing' grep -q 'CAP_BPF.*CAP_PERFMON' "$err"
is 'nothing: says how to get it' grep -q 'sudo' "$err"
is 'nothing: and without sudo' grep -q 'setcap' "$err"
is 'nothing: says what run does without' grep -q -e '--probes=none' "$err"
is 'nothing: no workload was started' [ ! -e "$dir/open/started" ]
run "${none[@]}" "$dir/fake/convoy" run --export "json=$dir/open/report.json"
is 'nothing: no export is made' [ ! -e "$dir/open/report.json" ]
run "${none[@]}" "$dir/fake/convoy" run -n 0
is 'bad arguments: exit 2 first' failed_with 2 '--work'
run "${none[@]}" "$dir/convoy" record -o "$dir/open/none.rec" -- touch "$dir/open/started"
is 'nothing, record: exit 3' failed_with 3 'CAP_PERFMON'
is 'nothing, record: no option that it does not have' [ -z "$(grep -e '--probes' "$err")" ]
is 'nothing, record: no command was started' [ ! -e "$dir/open/started" ]
is 'nothing, record: no file is left' [ ! -e "$dir/open/none.rec" ]
echo precious >"$dir/open/old.rec"
chmod 666 "$dir/open/old.rec"
run "${none[@]}" "$dir/convoy" record --force -o "$dir/open/old.rec" -- true
is 'nothing, record --force: exit 3' failed_with 3 'CAP_PERFMON'
is 'nothing, record --force: the old one is as it was' grep -q precious "$dir/open/old.rec"
is 'nothing, record --force: nothing beside it' [ -z "$(find "$dir/open" -name '.convoy*')" ]
run "${none[@]}" "$dir/convoy" list
is 'list needs no permission' [ "$status" -eq 0 ]
run "${none[@]}" "$dir/convoy" run --help
is 'help needs no permission' [ "$status" -eq 0 ]

for cap in bpf perfmon; do
	some $cap
	run "${with[@]}" "$dir/fake/convoy" run
	if grep -q '^setpriv' "$err"; then
		skip "only CAP_${cap^^}: exit 3" "$(head -n 1 "$err")"
	else
		is "only CAP_${cap^^}: exit 3" failed_with 3 'CAP_BPF and CAP_PERFMON'
	fi
done

# Root in a user namespace has all capabilities, and none that count.
if "${none[@]}" unshare -Ur true 2>/dev/null; then
	run "${none[@]}" unshare -Ur "$dir/fake/convoy" run
	is 'root of a user namespace: exit 3' failed_with 3
	is 'root of a user namespace: says what is missing' grep -qiE 'CAP_BPF|root' "$err"
else
	skip 'root of a user namespace: exit 3' 'no user namespaces for nobody here'
fi
is 'nothing was started in all this' [ ! -e "$dir/open/started" ]

# Just these two.
some bpf perfmon
run "${with[@]}" "$dir/convoy" run -m threads,gil-timed,processes -n 200000 -r 2 --threads \
	--format json --export "text=$dir/open/report.txt"
if grep -q '^setpriv' "$err"; then
	skip 'CAP_BPF and CAP_PERFMON' "$(head -n 1 "$err")"
	finish
fi
is 'CAP_BPF and CAP_PERFMON: exit 0' [ "$status" -eq 0 ]
is 'CAP_BPF and CAP_PERFMON: no complaint' quiet
validate 'CAP_BPF and CAP_PERFMON: the report keeps to the schema' "$out"
if has_python; then
	ask "$out" <<-'EOT'
		CAP_BPF and CAP_PERFMON: the report is valid :: r["valid"] is True
		CAP_BPF and CAP_PERFMON: nothing lost :: not any(r["loss"][k] for k in ("ring", "task_state", "unmatched", "reads"))
		CAP_BPF and CAP_PERFMON: switches are the kernel's own :: 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
		CAP_BPF and CAP_PERFMON: all modes ran :: [len(m["wall_ns"]["rounds"]) for m in modes] == [2, 2, 2]
		CAP_BPF and CAP_PERFMON: futex calls are seen, and a substitute is named :: r["probes"]["futex"] == "all" and (r["probes"]["note"] is None or "sys_exit" in r["probes"]["note"])
		CAP_BPF and CAP_PERFMON: workers are known :: all(len([t for t in m["threads"] if t["role"] == "worker"]) == 2 * r["workers"] for m in modes)
	EOT
	if "$PYTHON" -c 'import json, sys
sys.exit(json.load(open(sys.argv[1]))["probes"]["note"] is None)' "$out"; then
		is 'CAP_BPF and CAP_PERFMON: the text says it at the top' \
			grep -q 'sys_exit' <(head -n 4 "$dir/open/report.txt")
	else
		skip 'CAP_BPF and CAP_PERFMON: the text says it at the top' 'tracefs can be read here'
	fi
fi
is 'CAP_BPF and CAP_PERFMON: the export is of nobody' \
	[ "$(stat -c %u "$dir/open/report.txt")" = 65534 ]
run "${with[@]}" "$dir/convoy" run -m threads -n 1000 -r 1 --futex=blocking
is 'CAP_BPF and CAP_PERFMON: --futex=blocking' [ "$status" -eq 0 ]
is 'CAP_BPF and CAP_PERFMON: --futex=blocking needs no substitute' \
	[ -z "$(grep 'sys_exit' "$out")" ]
finish
