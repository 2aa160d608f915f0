#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# no_probes.sh - --probes=none by nobody, without any capability: what is known is there,
# what is not is null; then --cmd and --format csv, with probes too where they may be.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python

# The checkout may be closed to others, and so may be the directory of this script's files.
dir=$(mktemp -d /tmp/convoy-nobody.XXXXXX) || exit 1
trap 'rm -rf "$dir"; clean_up' EXIT
mkdir -m 777 "$dir/open" # where nobody may write
chmod 755 "$dir"
cp "$CONVOY" "$CONVOY_WORK" "$dir/"
chmod 755 "$dir/convoy" "$dir/convoy-work"

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all
	--bounding-set=-all)
if [ "$(id -u)" -ne 0 ]; then
	nobody=() # is one
else
	command -v setpriv >/dev/null || skip_all 'needs setpriv'
	"${nobody[@]}" "$dir/convoy" --version >"$out" 2>&1 </dev/null ||
		skip_all "cannot become nobody here: $(head -n 1 "$out")"
fi

# unprivileged ARGUMENT...: convoy run, without probes.
unprivileged() {
	run ${nobody+"${nobody[@]}"} "$dir/convoy" run --probes=none "$@"
}

# ask_about NAME FILE <QUESTIONS
ask_about() {
	sed "s/^/$1: /" >"$tmp/questions"
	ask "$2" <"$tmp/questions"
}

# What holds for every report without probes.
unknowns() {
	cat <<-'EOT'
		probes are off :: r["probes"]["sched"] is False and r["probes"]["futex"] == "none" and r["probes"]["stacks"] is False and r["params"]["probes"] == "none"
		it is valid and complete :: r["valid"] is True and r["incomplete"] is False
		nothing was audited :: r["audit"] == {"threads_checked": 0, "threads_equal": 0}
		the ledger is null, not 0 :: all(v is None for m in modes for d in ("time_ns", "worker_time_ns") for v in m[d].values()) and all(set(ACCOUNTS) < set(m["time_ns"]) for m in modes)
		so are lock wait, migrations, yields :: all(v is None for m in modes for v in m["lock_wait"].values()) and all(m["migrations"] is None and m["yields"] is None for m in modes)
		there are no locks, threads, CPUs :: all(m["locks"] == m["threads"] == m["cpus"] == [] for m in modes)
		walls, CPU time and switches are known :: all(len(e["rounds"]) == r["params"]["rounds"] for m in modes for e in (m["wall_ns"], m["cpu_ns"], m["system_ns"], m["cores_used"], m["switches"]["voluntary"], m["switches"]["involuntary"])) and all(m["wall_ns"]["min"] > 0 and m["cpu_ns"]["min"] > 0 for m in modes)
	EOT
}

# --- jobs ----------------------------------------------------------------------------

for job in counter sleepers queue; do
	case $job in
	counter) arguments=(-m 'serial,gil-ticks,gil-timed,threads,processes' -n 20000) ;; # longer than a tick
	sleepers) arguments=(-m 'serial,threads,gil-timed,pool' --sleep-scale 0.02) ;;
	queue) arguments=(-m 'threads,gil-timed,processes' -n 500) ;;
	esac
	unprivileged -j $job -w 2 -r 2 --threads "${arguments[@]}" --format json \
		--export "text=$dir/open/$job.txt" --export "csv=$dir/open/$job.csv"
	is "$job: exit 0" [ "$status" -eq 0 ]
	is "$job: no complaint" quiet
	{
		unknowns
		cat <<-'EOT'
			results were checked, none is wrong :: all(m["tasks_checked"] == len(m["tasks"]) > 0 and m["tasks_wrong"] == 0 for m in modes)
			the workers' own clock is known :: all(m["own_clock"]["thread_ns"] > 0 and m["own_clock"]["lock_wait_ns"] >= 0 for m in modes)
			waiting is within their lives :: all(m["own_clock"]["lock_wait_ns"] <= m["own_clock"]["thread_ns"] for m in modes)
			workers do not wait in serial :: all(m["own_clock"]["lock_wait_ns"] == 0 for m in modes if m["mode"] == "serial")
			who sleeps has switched :: all(m["switches"]["voluntary"]["min"] > 0 for m in modes)
		EOT
		if [ -e /proc/self/schedstat ]; then
			cat <<-'EOT'
				schedstat is known :: all(m["schedstat"]["run_ns"] > 0 and m["schedstat"]["run_delay_ns"] >= 0 for m in modes)
			EOT
		fi
	} | ask_about "$job" "$out"
	validate "$job: keeps to the schema" "$out"
	is "$job: the text says so at its top" grep -q 'no probes' <(sed '/^mode  /q' "$dir/open/$job.txt")
	is "$job: and below the table what the numbers are from" \
		grep -q '^Without probes: .*rusage' "$dir/open/$job.txt"
	is "$job: and shows no ledger" [ -z "$(grep '^ledger:' "$dir/open/$job.txt")" ]
	is "$job: nor audit" [ -z "$(grep "ledger closes\|switches = kernel's" "$dir/open/$job.txt")" ]
	is "$job: what was exported is of nobody" \
		[ "$(stat -c %u "$dir/open/$job.txt")" = "$(stat -c %u "$dir/open/$job.csv")" ]
	if why=$("$PYTHON" -c '
import csv, json, sys
report = json.load(open(sys.argv[1]))
with open(sys.argv[2], newline="") as file:
    lines = list(csv.reader(file, strict=True))
header, rows = lines[0], lines[1:]
assert len(set(header)) == len(header), header
assert all(len(row) == len(header) for row in rows), lines
rows = [dict(zip(header, row)) for row in rows]
assert [row["mode"] for row in rows] == [m["mode"] for m in report["modes"]], rows
accounts = list(report["modes"][0]["time_ns"])
for row, m in zip(rows, report["modes"]):
    for name in [a + "_ns" for a in accounts] + ["migrations", "lock_episodes", "lock_p50_ns",
            "lock_p90_ns", "lock_p99_ns", "lock_max_ns", "worker_lock_ns",
            "worker_lifetime_ns"]:
        assert row[name] == "", (name, row)
    # The median of two may end in half a nanosecond.
    assert abs(int(row["wall_ns"]) - m["wall_ns"]["median"]) <= 1, row
    assert int(row["own_thread_ns"]) == m["own_clock"]["thread_ns"], row
    assert int(row["own_lock_wait_ns"]) == m["own_clock"]["lock_wait_ns"], row
    if m["schedstat"]["run_ns"] is not None:
        assert int(row["schedstat_run_ns"]) == m["schedstat"]["run_ns"], row
        assert int(row["schedstat_run_delay_ns"]) == m["schedstat"]["run_delay_ns"], row
    assert float(row["voluntary"]) == m["switches"]["voluntary"]["median"], row
    assert row["valid"] == "true", row
' "$out" "$dir/open/$job.csv" 2>&1); then
		pass "$job: CSV has what JSON has, and nothing for what is not known"
	else
		fail "$job: CSV has what JSON has, and nothing for what is not known" "$why"
	fi
done

# Contention is seen by the workers' own clock: more inside, more waiting.
unprivileged -j counter -w 2 -r 1 -n 10 -m serial,threads,processes --format json \
	--inside 1900000 --outside 100000
is 'counter, long inside: exit 0' [ "$status" -eq 0 ]
ask_about 'counter, long inside' "$out" <<'EOT'
workers waited, and not in serial :: all((m["own_clock"]["lock_wait_ns"] * 10 > m["own_clock"]["thread_ns"]) == (m["mode"] != "serial") for m in modes)
EOT

# --- commands ------------------------------------------------------------------------

# checks NAME: of the last run, a JSON report on slow='sleep 0.4', fast='sleep 0.1'.
checks() {
	is "$1: exit 0" [ "$status" -eq 0 ]
	ask_about "$1" "$out" <<-'EOT'
		there is no job :: r["job"] is None and r["workers"] is None and r["reference"] == "slow"
		labels are the modes :: [m["mode"] for m in modes] == r["params"]["modes"] == ["slow", "fast"]
		a command is an argument vector :: all(isinstance(m["command"], list) and m["command"][-1] == r["params"]["commands"][m["mode"]] and "-c" in m["command"] for m in modes)
		sleeps are in the walls :: mode["slow"]["wall_ns"]["min"] >= 400e6 and mode["fast"]["wall_ns"]["min"] >= 100e6
		the shorter is faster :: mode["fast"]["wall_ns"]["median"] < mode["slow"]["wall_ns"]["median"]
		speed-up is against the reference :: abs(mode["slow"]["speedup"] - 1) < 1e-9 and abs(mode["fast"]["speedup"] - mode["slow"]["wall_ns"]["median"] / mode["fast"]["wall_ns"]["median"]) < 1e-6
		a command says nothing of itself :: all(m["own_clock"] == {"thread_ns": None, "lock_wait_ns": None} and m["schedstat"] == {"run_ns": None, "run_delay_ns": None} and m["tasks"] == [] and m["job_metrics"] == {} for m in modes)
	EOT
	validate "$1: keeps to the schema" "$out"
}
two=(--cmd 'slow=sleep 0.4' --cmd 'fast=sleep 0.1' -r 2)

unprivileged "${two[@]}" --reference slow --format json
checks 'commands without probes'
is 'commands without probes: no complaint' quiet
unknowns | ask_about 'commands without probes' "$out"
unprivileged "${two[@]}" --reference fast --format json
is 'another reference: exit 0' [ "$status" -eq 0 ]
ask_about 'another reference' "$out" <<'EOT'
it is the base :: abs(mode["fast"]["speedup"] - 1) < 1e-9 and 0 < mode["slow"]["speedup"] < 1
EOT
unprivileged "${two[@]}" --format json
ask_about 'no reference' "$out" <<'EOT'
the first command is it :: r["reference"] == "slow" and abs(mode["slow"]["speedup"] - 1) < 1e-9
EOT
unprivileged --cmd 'mine=sleep 0.01' -j countdown -n 1000 -m serial,threads -r 1 --format json
is 'a command beside a job: exit 0' [ "$status" -eq 0 ]
ask_about 'a command beside a job' "$out" <<'EOT'
all of them ran :: [m["mode"] for m in modes] == ["serial", "threads", "mine"]
only the command has one :: [m["command"] is None for m in modes] == [True, True, False]
speed-up is against serial :: r["reference"] == "serial" and mode["mine"]["speedup"] > 0
EOT

run "$CONVOY" run -m serial -n 1000 -r 1
if [ "$status" -eq 3 ]; then
	skip 'commands with probes' "cannot trace here: $(head -n 1 "$err")"
else
	run "$CONVOY" run "${two[@]}" --reference slow --format json
	checks 'commands with probes'
	ask_about 'commands with probes' "$out" <<-'EOT'
		nothing is lost, audit equal :: r["valid"] is True and 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
		sleep is what they do :: all(m["time_ns"]["sleep"] >= 2 * s for m, s in ((mode["slow"], 399e6), (mode["fast"], 99e6)))
		the ledger is closed :: all(sum(m["time_ns"][a] for a in ACCOUNTS) + m["time_ns"]["residual"] == m["time_ns"]["lifetime"] for m in modes)
	EOT
fi

# What a command prints is not among the report; all that it prints is kept.
for format in json csv text; do
	unprivileged --cmd 'talks=echo on-"stdout"; echo on-"stderr" >&2' -r 2 --format $format
	is "a command that talks, $format: exit 0" [ "$status" -eq 0 ]
	is "a command that talks, $format: not in the report" \
		[ -z "$(grep 'on-std' "$out")" ]
	is "a command that talks, $format: but to be seen, in each round" \
		[ "$(grep -c '^on-std' "$err")" -eq 4 ]
	case $format in
	json) is 'a command that talks: JSON can be read' "$PYTHON" -m json.tool "$out" /dev/null ;;
	csv) is 'a command that talks: CSV has two lines' [ "$(wc -l <"$out")" -eq 2 ] ;;
	esac
done
unprivileged --cmd 'reads=cat; [ $# -eq 0 ]' -r 1 --format csv
is 'a command that reads: gets no terminal of others, ends' [ "$status" -eq 0 ]

# The table of locks is for convoy's own jobs.
# shellcheck disable=SC2016 # the command's own shell expands it
unprivileged --cmd 'sees=[ -z "${CONVOY_LOCK_TABLE+x}" ] || exit 3
	for fd in /proc/self/fd/*; do
		case $(readlink "$fd") in *convoy-locks*) exit 4 ;; esac
	done' -r 1 --format csv
is 'a command that looks: no table of locks' [ "$status" -eq 0 ]

# fails NAME PATTERN COMMAND: as the second of two, in the first round.
fails() {
	unprivileged --cmd 'good=true' --cmd "wrong-one=$3" -r 1 --format json
	is "a command that $1: exit 6" [ "$status" -eq 6 ]
	is "a command that $1: the message names its label, and why" \
		grep -q "^convoy: .*wrong-one.*$2\|^convoy: .*$2.*wrong-one" "$err"
	if [ -s "$out" ]; then
		ask_about "a command that $1" "$out" <<-'EOT'
			the report is marked :: r["incomplete"] is True
		EOT
	fi
	unprivileged --cmd "wrong-one=$3" -r 1 --format json
	is "a command that $1, alone: exit 6" failed_six
}
failed_six() {
	[ "$status" -eq 6 ] && [ ! -s "$out" ] && grep -q '^convoy: .*wrong-one' "$err"
}
fails 'fails' 'status 3' 'exit 3'
fails 'is not found' 'status 127' '/nonexistent/command'
fails 'is killed' 'signal 9' "kill -KILL \$\$"

# refused NAME PATTERN ARGUMENT...
refused() {
	local name=$1 pattern=$2

	shift 2
	unprivileged "$@"
	is "$name: exit 2, says why" failed_with 2 "^convoy: .*$pattern"
}
refused 'no label' 'LABEL=COMMAND' --cmd =true
refused 'no command' 'LABEL=COMMAND' --cmd a=
refused 'no =' 'LABEL=COMMAND' --cmd true
refused 'a label twice' "'a'.*twice" --cmd a=true --cmd a=true
refused 'the label of a mode' "'threads'" --cmd threads=true
refused 'a reference to nothing' "'b'" --cmd a=true --reference b
refused 'an empty reference' '--reference' --cmd a=true --reference=
refused 'other probes' "'some'.*ebpf or none" --probes=some
refused 'empty probes' '--probes' --probes=

# --- CSV -----------------------------------------------------------------------------

# Labels with what CSV quotes.
unprivileged --cmd 'a,b=true' --cmd 'say "x"=true' --cmd 'plain=true' -r 1 --format csv
is 'CSV: exit 0' [ "$status" -eq 0 ]
if why=$("$PYTHON" -c '
import csv, sys
with open(sys.argv[1], newline="") as file:
    rows = list(csv.DictReader(file, strict=True))
assert [row["mode"] for row in rows] == ["a,b", "say \"x\"", "plain"], rows
assert all(None not in row and None not in row.values() for row in rows), rows
assert [row["speedup"] for row in rows][0] == "1", rows
assert all(row[k] == "" for row in rows for k in ("running_ns", "own_thread_ns",
       "schedstat_run_ns")), rows' "$out" 2>&1); then
	pass 'CSV: a header and one row a mode, quoted where needed'
else
	fail 'CSV: a header and one row a mode, quoted where needed' "$why"
fi
finish
