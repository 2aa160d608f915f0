#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# jobs.sh - every job in every mode: it runs, and its report is right, or it is refused
# with a sentence. Then bad input, for the options that only some jobs take.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing

mkdir "$tmp/reports"

# The pairs are convoy-work's own: "runs JOB MODE" and "refused JOB MODE REASON".
run "$CONVOY_WORK" --list
is 'convoy-work --list: exit 0' [ "$status" -eq 0 ]
awk '
	/^[^ ]/ { part = $1; next }
	part == "jobs:" && /^  [^ ]/ { jobs[++njobs] = job = $1 }
	part == "jobs:" && /^ +not in / {
		mode = $3
		sub(":$", "", mode)
		sub("^[^:]*: ", "")
		refused[job, mode] = $0
	}
	part == "modes:" && /^  [^ ]/ { modes[++nmodes] = $1 }
	END {
		for (i = 1; i <= njobs; i++)
			for (j = 1; j <= nmodes; j++)
				if ((jobs[i], modes[j]) in refused)
					print "refused", jobs[i], modes[j], refused[jobs[i], modes[j]]
				else
					print "runs", jobs[i], modes[j]
	}' "$out" >"$tmp/pairs"
is 'there are seven jobs and six modes' [ "$(wc -l <"$tmp/pairs")" -eq 42 ]
awk '$1 == "refused" { print $2 "/" $3 }' "$tmp/pairs" | sort | tr '\n' ' ' >"$tmp/refused"
is 'the refused pairs are those documented' \
	[ "$(cat "$tmp/refused")" = 'counter/pool mixed/pool queue/pool queue/serial ' ]

# tiny JOB: sets $work, so that a run takes a fraction of a second.
tiny() {
	case $1 in
	countdown) work=(-n 100000) ;;
	recursion | sleepers) work=(--sleep-scale 0.02) ;;
	counter) work=(-n 500) ;;
	mixed) work=(-n 3) ;;
	queue) work=(-n 300) ;;
	pages) work=(-n 30) ;;
	*) work=(-n 10) ;;
	esac
}

# pair JOB MODE [ARGUMENT...]: it runs, and what holds for all reports does.
pair() {
	local job=$1 mode=$2 name="$1 in $2"

	shift 2
	[ $# -eq 0 ] || name="$name $*"
	tiny "$job"
	run "$CONVOY" run --format json -j "$job" -m "$mode" -r 1 --threads \
		"${work[@]}" "$@"
	if [ "$status" -ne 0 ]; then
		fail "$name: exit 0"
		return
	fi
	is "$name: no complaint" quiet
	sed "s/^/$name: /" >"$tmp/questions" <<-EOT
		it is what was asked for :: r["job"] == "$job" and [m["mode"] for m in modes] == ["$mode"] == r["params"]["modes"]
		nothing is lost, all is valid :: not any(r["loss"][k] for k in ("ring", "task_state", "unmatched", "reads")) and r["valid"] is True and r["incomplete"] is False
		switches are the kernel's own for every thread :: 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"] and all(t["audit_equal"] is True for m in modes for t in m["threads"])
		the ledger is closed, of all and of each :: all(sum(m["time_ns"][a] for a in ACCOUNTS) + m["time_ns"]["residual"] == m["time_ns"]["lifetime"] and abs(m["time_ns"]["residual"]) * 1000 <= m["time_ns"]["lifetime"] for m in modes) and all(abs(sum(t["time_ns"].values()) - t["lifetime_ns"]) * 1000 <= t["lifetime_ns"] for m in modes for t in m["threads"])
		threads add up to the mode :: all(sum(t["time_ns"][a] for t in m["threads"]) == m["time_ns"][a] for m in modes for a in ACCOUNTS)
		lock wait is what the ledger booked :: all(m["lock_wait"]["total_ns"] == m["time_ns"]["lock"] for m in modes)
		results were checked, none is wrong :: all(m["tasks_checked"] == len(m["tasks"]) > 0 and m["tasks_wrong"] == 0 for m in modes)
		tasks have times within their round :: all(0 < t["start_ns"] <= t["end_ns"] <= m["wall_ns"]["rounds"][t["round"]] for m in modes for t in m["tasks"])
		workers are known, and did the tasks :: all({t["tid"] for t in m["tasks"]} <= {t["tid"] for t in m["threads"] if t["role"] == "worker"} for m in modes)
		threads wait for no children :: all(m["time_ns"]["child"] == 0 or m["mode"] in ("processes", "pool") for m in modes)
		what it measured of itself is of one round :: all(len(e["rounds"]) == 1 for m in modes for e in m["job_metrics"].values())
	EOT
	ask "$out" <"$tmp/questions"
	cp "$out" "$tmp/reports/$name.json"
}

# same_results JOB MODE: those of the job's modes before.
same_results() {
	[ "$status" -eq 0 ] || return 0
	"$PYTHON" -c '
import json, sys
for m in json.load(open(sys.argv[1]))["modes"]:
    for t in sorted((t["name"], str(t["result"])) for t in m["tasks"]):
        print(*t)' "$out" >"$tmp/results"
	if [ -e "$tmp/results.$1" ]; then
		is "$1 in $2: same results as in other modes" cmp -s "$tmp/results" "$tmp/results.$1"
	else
		mv "$tmp/results" "$tmp/results.$1"
	fi
}

while read -r verdict job mode reason; do
	if [ "$verdict" = runs ]; then
		pair "$job" "$mode" -w 2
		same_results "$job" "$mode"
		continue
	fi
	tiny "$job"
	run "$CONVOY" run -j "$job" -m "$mode" -r 1 "${work[@]}" --export "json=$tmp/export"
	is "$job in $mode: refused, exit 2" failed_with 2 "^convoy: .*'$job'.*'$mode'"
	is "$job in $mode: says why, in a sentence of the catalog" grep -qF -- "$reason" "$err"
	is "$job in $mode: nothing is exported" [ ! -e "$tmp/export" ]
	# One such mode among good ones: nothing is run.
	run "$CONVOY" run -j "$job" -m "threads,$mode" -r 1 "${work[@]}"
	is "$job in threads,$mode: refused, exit 2" failed_with 2 "'$mode'"
done <"$tmp/pairs"

# The job's own numbers of workers, other starts of processes.
for job in countdown recursion sleepers counter mixed queue pages; do
	pair "$job" threads
	pair "$job" processes --start=spawn
done
pair countdown pool --start=spawn
pair sleepers pool -w 5
pair queue threads -w 2
pair queue processes -w 8
pair mixed gil-timed -w 5
pair counter processes -w 16
pair pages pool -w 1
pair recursion pool -w 3
pair counter gil-timed --inside 0 --outside 0
pair counter processes --inside 0 --outside 1000

# All of them at once: one interpreter.
if ! has_python 'import jsonschema'; then
	skip 'all reports keep to the schema' "$PYTHON has no jsonschema"
elif why=$("$PYTHON" -W ignore -c '
import json, jsonschema, sys
schema = json.load(open(sys.argv[1]))
validator = jsonschema.validators.validator_for(schema)(schema)
for name in sys.argv[2:]:
    best = jsonschema.exceptions.best_match(validator.iter_errors(json.load(open(name))))
    if best:
        sys.exit("%s: %s: %s" % (name, "/".join(map(str, best.absolute_path)),
                                 best.message[:300]))
' "$CONVOY_SRC/docs/report.schema.json" "$tmp"/reports/*.json 2>&1); then
	pass 'all reports keep to the schema'
else
	fail 'all reports keep to the schema' "$why"
fi

# refused NAME PATTERN ARGUMENT...
refused() {
	local name=$1 pattern=$2

	shift 2
	run "$CONVOY" run "$@"
	is "$name: exit 2, says why" failed_with 2 "^convoy: .*$pattern"
}

refused 'mixed alone' 'at least 2 workers' -j mixed -w 1
refused 'queue alone' 'at least 2 workers' -j queue -w 1
refused 'a sixth sleeper' 'at most 5 workers' -j sleepers -w 6
refused 'a sixth sleeper in a pool' 'at most 5 workers' -j sleepers -m pool -w 6
refused 'a fourth recursion' 'at most 3 workers' -j recursion -w 4
for job in countdown recursion counter mixed queue pages; do
	refused "$job: no --seed" "'$job'.*--seed" -j $job --seed 1
done
for job in countdown recursion sleepers mixed queue pages; do
	refused "$job: no --inside" "'$job'.*--inside" -j $job --inside 1
	refused "$job: no --outside" "'$job'.*--outside" -j $job --outside 1
done
for job in recursion sleepers; do
	refused "$job: no -n" "'$job'.*-n" -j $job -n 1
done
for value in '' x -1 1x 1e3 0x 1.5 ' 1' 4294967296 99999999999999999999; do
	refused "--seed '$value'" '--seed .*from 0 to 4294967295' -j sleepers "--seed=$value"
done
for option in inside outside; do
	for value in '' x -1 1x 1e3 1.5 1000000001 99999999999999999999; do
		refused "--$option '$value'" "--$option .*from 0 to 1000000000" -j counter \
			"--$option=$value"
	done
done
for value in '' x -1 nan inf 1001 1,5; do
	refused "--sleep-scale '$value'" '--sleep-scale .*from 0 to 1000' -j sleepers \
		"--sleep-scale=$value"
done
for job in countdown counter mixed queue pages; do
	refused "$job: no --sleep-scale" "'$job'.*--sleep-scale" -j $job --sleep-scale 0.1
	for value in '' 0 x -1 99999999999999999999; do
		refused "$job -n '$value'" "(-n|--work)" -j $job "--work=$value"
	done
done
refused 'a job that is not there' "'nonesuch' does not exist" -j nonesuch
refused 'a mode that is not there' "'nonesuch' does not exist" -j queue -m threads,nonesuch
finish
