#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# interpreters.sh - the jobs in real interpreters beside convoy's own machine: the same
# results, in one report. Then interpreters that cannot be used, or fail half-way, at the
# cost of nobody else; and as whom they run.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing
unset SUDO_USER

# --- who is there: at most four, the first of each implementation and the newest ------

run "$CONVOY" list --interpreters
is 'convoy list --interpreters: exit 0' [ "$status" -eq 0 ]
awk 'NR > 1 && $4 ~ /^\// { print $1, $2, $4 }' "$out" >"$tmp/all"
{
	awk '!seen[$2]++' "$tmp/all"
	awk '$2 == "CPython"' "$tmp/all" | tail -n 1
} | sort -u | head -n 4 >"$tmp/chosen"
[ -s "$tmp/chosen" ] || stop_here 'no interpreter was found here'
echo "# in: $(cut -d' ' -f1 "$tmp/chosen" | tr '\n' ' ')"
paths=$(cut -d' ' -f3 "$tmp/chosen" | paste -sd,)
python=$(awk '$2 == "CPython" { path = $3 } END { print path }' "$tmp/chosen")

# --- several of them in one run ------------------------------------------------------

run "$CONVOY" run --interpreter "$paths" -m gil-timed,serial,threads,processes \
	-n 20000 -w 2 -r 2 --format json --threads -o "$tmp/several.rec"
cp "$out" "$tmp/several.json"
is 'several: exit 0' [ "$status" -eq 0 ]
is 'several: no complaint' quiet
validate 'several: as the schema says' "$tmp/several.json"
sed "s/^/several: /" >"$tmp/questions" <<-'EOT'
	one family after the other, convoy's own first :: modes[0]["mode"] == "gil-timed" and modes[0]["interpreter"] is None and len(modes) == 1 + 3 * len(r["params"]["interpreters"])
	each is called by its interpreter :: all(m["mode"] == m["interpreter"]["name"] + ":" + kind for i, m in enumerate(modes[1:]) for kind in [("serial", "threads", "processes")[i % 3]])
	each says which it is :: all(set(m["interpreter"]) == {"name", "implementation", "version", "path"} and all(m["interpreter"].values()) for m in modes[1:])
	the files are what was asked for, to run it again :: r["params"]["interpreters"] == {m["interpreter"]["name"]: m["interpreter"]["path"] for m in modes[1:]}
	the modes too :: r["params"]["modes"] == [m["mode"] for m in modes]
	all rounds of all are there :: all(m["rounds"] == 2 and len(m["wall_ns"]["rounds"]) == 2 for m in modes)
	nothing is lost, all is valid :: r["valid"] is True and r["incomplete"] is False and r["incomplete_why"] is None
	switches are the kernel's own for every thread :: 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
	the ledger is closed :: all(sum(m["time_ns"][a] for a in ACCOUNTS) + m["time_ns"]["residual"] == m["time_ns"]["lifetime"] for m in modes)
	the same tasks, the same results :: all(sorted((t["name"], t["result"], t["round"]) for t in m["tasks"]) == sorted((t["name"], t["result"], t["round"]) for t in modes[0]["tasks"]) for m in modes)
	results were checked, none is wrong :: all(m["tasks_checked"] == len(m["tasks"]) == 4 and m["tasks_wrong"] == 0 for m in modes)
	workers are known, and did the tasks :: all({t["tid"] for t in m["tasks"]} <= {t["tid"] for t in m["threads"] if t["role"] == "worker"} for m in modes)
	tasks have times within their round :: all(0 < t["start_ns"] <= t["end_ns"] <= m["wall_ns"]["rounds"][t["round"]] for m in modes for t in m["tasks"])
	each family is compared with itself :: all(abs(m["speedup"] - mode[m["interpreter"]["name"] + ":serial"]["wall_ns"]["median"] / m["wall_ns"]["median"]) < 1e-6 for m in modes[1:])
	convoy's own has no serial to be compared with :: modes[0]["speedup"] is None
	waits for a GIL by a clock of nobody are unknown :: all(m["own_clock"]["lock_wait_ns"] is None and m["own_clock"]["thread_ns"] > 0 for m in modes[1:])
EOT
ask "$tmp/several.json" <"$tmp/questions"
run "$CONVOY" report --format json --threads "$tmp/several.rec"
is 'several: the recording gives the same report' cmp -s "$out" "$tmp/several.json"
run "$CONVOY" report "$tmp/several.rec"
is 'several: and a text' [ "$status" -eq 0 ]
run "$CONVOY" report --format csv "$tmp/several.rec"
is 'several: CSV says which interpreter' \
	[ "$(cut -d, -f44 "$out" | tr -d '\r"' | sort -u | grep -c .)" -eq $((1 + $(wc -l <"$tmp/chosen"))) ]

# --- which modes ---------------------------------------------------------------------

# has_modes NAME "MODE..." ARGUMENT...: NAME: stands for the interpreter's own name.
has_modes() {
	local name=$1 expected=$2

	shift 2
	run "$CONVOY" run --format json -w 2 -r 1 "$@"
	is "$name: exit 0" [ "$status" -eq 0 ]
	ask "$out" <<-EOT
		$name: these modes :: [m["mode"].replace((m["interpreter"] or {"name": "-"})["name"] + ":", "NAME:") for m in modes] == "$expected".split()
	EOT
}
if [ -n "$python" ]; then
	has_modes 'without -m' \
		'serial gil-ticks gil-timed threads processes NAME:serial NAME:threads NAME:processes NAME:pool' \
		--interpreter "$python" -n 1000
	has_modes 'without -m, of a job that refuses two' \
		'gil-ticks gil-timed threads processes NAME:threads NAME:processes' \
		--interpreter "$python" -j queue -n 100 --start=spawn
	has_modes 'one mode of one' 'gil-timed serial NAME:threads mine' \
		-m "gil-timed,$python:threads,serial" -n 1000 --cmd mine=true
	has_modes 'without probes' 'NAME:threads NAME:pool' \
		--probes=none -m threads,pool --interpreter "$python" -n 1000
	ask "$out" <<-'EOT'
		without probes: all is known that may be :: r["probes"]["sched"] is False and all(m["wall_ns"]["median"] > 0 and m["time_ns"]["running"] is None and m["tasks_wrong"] == 0 and len(m["tasks"]) == 2 for m in modes)
	EOT
	run "$CONVOY" run -m "$python:threads,$python:serial,serial" -n 1000 -r 1 --format json \
		--reference "$python:threads"
	ask "$out" <<-'EOT'
		a reference of an interpreter: holds for its own :: abs(modes[1]["speedup"] - 1) < 1e-9 and abs(modes[2]["speedup"] - modes[1]["wall_ns"]["median"] / modes[2]["wall_ns"]["median"]) < 1e-6 and r["reference"] == modes[1]["mode"]
		a reference of an interpreter: convoy's own keep theirs :: modes[0]["mode"] == "serial" and abs(modes[0]["speedup"] - 1) < 1e-9
	EOT
else
	skip 'which modes' 'there is no CPython here'
fi

# Every job: what convoy's own machine says comes out, task by task.
while read -r job work; do
	[ -n "$python" ] || break
	# shellcheck disable=SC2086 # arguments
	run "$CONVOY" run -j $job $work -w 3 -r 1 -m "gil-timed,$python:threads,$python:processes" \
		--format json
	is "$job: exit 0" [ "$status" -eq 0 ]
	ask "$out" <<-EOT
		$job: the same tasks, the same results :: len(modes) == 3 and modes[0]["tasks"] and all(sorted((t["name"], str(t["result"])) for t in m["tasks"]) == sorted((t["name"], str(t["result"])) for t in modes[0]["tasks"]) for m in modes)
		$job: the same measurements of its own :: all(set(m["job_metrics"]) - {"locks_recovered"} == set(modes[0]["job_metrics"]) - {"locks_recovered"} for m in modes)
	EOT
done <<-'EOT'
	countdown -n 1000
	recursion --sleep-scale 0.02
	sleepers --sleep-scale 0.02
	counter -n 200
	mixed -n 3
	queue -n 50
	pages -n 10
EOT

# --- those that cannot be used, or fail ------------------------------------------------

# fake NAME: an interpreter that says what it is, and then does what the shell script on
# standard input does. There, $PY is a real one, if there is one. Sets $fake to its path.
fake() {
	fake=$tmp/$1
	{
		cat <<-EOT
			#!/bin/sh
			PY='$python'
			case "\$*" in *--identify)
				echo '{"schema": "convoy.interpreter/1", "implementation": "Fake", "name": "$1", "version": "1.0", "executable": null}'
				exit 0 ;;
			esac
		EOT
		cat
	} >"$fake"
	chmod 755 "$fake"
}

# goes_on NAME PATTERN ARGUMENT...: convoy's serial is measured all the same; a message of
# convoy's matches; status 6. The report is left in $out.
goes_on() {
	local name=$1 pattern=$2

	shift 2
	run "$CONVOY" run --format json -n 1000 -w 2 -r 3 "$@"
	is "$name: exit 6" [ "$status" -eq 6 ]
	is "$name: says why" grep -qE "^convoy: .*$pattern" "$err"
	ask "$out" <<-EOT
		$name: the rest goes on :: mode["serial"]["rounds"] == 3
		$name: the report says that something is missing :: r["incomplete"] is True and r["incomplete_why"]
		$name: what is there is good :: r["valid"] is True and 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
	EOT
}

cp "$(readlink -f /bin/true)" "$tmp/elsewhere"
# The machine that it is for: none.
printf '\xff\x7f' | dd of="$tmp/elsewhere" bs=1 seek=18 conv=notrunc 2>/dev/null
printf '#!/bin/sh\nexit 3\n' >"$tmp/broken"
chmod 755 "$tmp/broken"
goes_on 'a missing one' "$tmp/missing" -m "serial,$tmp/missing:threads"
ask "$out" <<-'EOT'
	a missing one: it is in the report :: "1 interpreter cannot be used" in r["incomplete_why"] and len(modes) == 1
EOT
goes_on 'a name that is nowhere' nonesuch9 -m serial,nonesuch9:threads
goes_on 'a broken one' "$tmp/broken.*status 3" -m "serial,$tmp/broken:threads"
goes_on 'one for another machine' "$tmp/elsewhere" -m "serial,$tmp/elsewhere:threads"
run "$CONVOY" run --interpreter "$tmp/missing,$tmp/broken" -m threads -n 1000 --format json
is 'none that works, and nothing else: exit 2' failed_with 2 "$tmp/missing"
is 'none that works, and nothing else: both are named' grep -q "$tmp/broken" "$err"
run "$CONVOY" run --interpreter "$tmp/missing" -m threads -n 1000 -o "$tmp/none.rec"
is 'none that works: exit 2, with a recording asked for' [ "$status" -eq 2 ]
is 'none that works: no recording of nothing' [ ! -e "$tmp/none.rec" ]
is 'none that works: no temporary file' [ -z "$(find "$tmp" -name '.convoy*')" ]

# left_out NAME PATTERN: in $fake's mode, from the first round on.
left_out() {
	goes_on "$1" "$2" -m "serial,$fake:threads"
	is "$1: said once" [ "$(grep -c '^convoy: ' "$err")" -eq 1 ]
	ask "$out" <<-EOT
		$1: left out :: len(modes) == 1 and "${fake##*/}:threads failed in round 1" in r["incomplete_why"]
	EOT
}

fake throws <<<'echo "this is why" >&2; exit 1'
left_out 'one that throws' 'throws:threads: .*exit status 1 in round 1 of 3'
is 'one that throws: its own words are there, once' [ "$(grep -c '^this is why$' "$err")" -eq 1 ]
# shellcheck disable=SC2016 # the fake's own shell expands it
fake dies <<<'kill -SEGV $$'
left_out 'one that is killed' 'dies:threads: .*signal 11'
fake silent <<<'exit 0'
left_out 'one that says nothing' 'silent:threads: .*no result'
fake babbles <<<'echo "{ 1, 2"'
left_out 'one that says no JSON' 'babbles:threads: .*cannot be used'
fake vanishes <<<'exit 1'
run "$CONVOY" run --interpreter "$fake" -m threads -n 1000 -r 3 --format json
is 'one that fails, alone: exit 6' failed_with 6 'vanishes:threads'

if [ -n "$python" ]; then
	# shellcheck disable=SC2016 # the fakes' own shell expands it
	{
		fake liar <<<'"$PY" "$@" | sed "0,/\"ok\": true/s//\"ok\": false/"'
		left_out 'one with a wrong result' 'liar:threads: .*wrong result of countdown-'
		fake answers-otherwise <<<'"$PY" "$@" | sed "s/\"job\": \"countdown\"/\"job\": \"pages\"/"'
		left_out 'one with the result of another job' 'answers-otherwise:threads: .*something else'

		# The second time it does not: what was measured before is kept.
		fake tires <<<"[ -e '$tmp/tired' ] && exit 7; : >'$tmp/tired'"'; exec "$PY" "$@"'
		goes_on 'one that fails later' 'tires:threads: .*exit status 7 in round 2 of 3' \
			-m "serial,$fake:threads,$python:threads"
	}
	ask "$out" <<-'EOT'
		one that fails later: its first round is kept :: [m["rounds"] for m in modes] == [3, 1, 3] and modes[1]["mode"] == "tires:threads"
		one that fails later: the report says when :: r["incomplete_why"] == "tires:threads failed in round 2"
	EOT

	# Its daemon would be waited for until the end of days.
	long=31536000.$$
	# shellcheck disable=SC2016
	fake daemonises <<<'setsid sh -c "sleep '$long' & sleep '$long'" >/dev/null 2>&1 & exec "$PY" "$@"'
	left_out 'one that leaves a daemon' 'daemonises:threads: .*left processes behind'
	is 'one that leaves a daemon: it is gone' eventually none_marked "$long"
	# A moment longer than itself is no daemon.
	# shellcheck disable=SC2016
	fake lingers <<<'setsid sleep 0.3 >/dev/null 2>&1 & exec "$PY" "$@"'
	run "$CONVOY" run -m "$fake:threads" -n 1000 -r 2 --format json
	is 'one that leaves somebody for a moment: exit 0' [ "$status" -eq 0 ]
	ask "$out" <<-'EOT'
		one that leaves somebody for a moment: who is waited for :: all(w >= 250e6 for w in modes[0]["wall_ns"]["rounds"])
	EOT
else
	skip 'those that fail half-way' 'there is no CPython here'
fi

# Of all of them, those that are broken are left out and told of: nobody asked for them.
if [ -n "$python" ]; then
	mkdir -p "$tmp/bin" "$tmp/home"
	ln -s "$python" "$tmp/bin/python3"
	cp "$tmp/broken" "$tmp/bin/python9.9"
	run env PATH="$tmp/bin" HOME="$tmp/home" PYENV_ROOT="$tmp/home" RBENV_ROOT="$tmp/home" \
		"$CONVOY" run --interpreter all -m serial,pool -n 1000 -r 1 --format json
	is 'all, one of them broken: exit 0' [ "$status" -eq 0 ]
	is 'all, one of them broken: a word of it' grep -q "^convoy: .*python9.9" "$err"
	ask "$out" <<-'EOT'
		all, one of them broken: the others ran :: [m["mode"].split(":")[1] for m in modes] == ["serial", "pool"] and r["incomplete"] is False
	EOT
fi

# refused NAME PATTERN ARGUMENT...: before anybody is asked anything.
refused() {
	local name=$1 pattern=$2

	shift 2
	run "$CONVOY" run "$@"
	is "$name: exit 2, says why" failed_with 2 "^convoy: .*$pattern"
}
fake touches <<<"exit 0"
sed -i "2i : >'$tmp/touched'" "$fake"
refused 'instructions to count' '--yield-every' --interpreter "$fake" --yield-every 10
refused 'a mode that only convoy has' 'gil-ticks' -m "$fake:gil-ticks"
refused 'a mode that is not there' nonesuch -m "$fake:nonesuch"
refused 'a job that refuses it' "'counter'.*'.*:pool'" -j counter -m "$fake:pool"
refused 'nothing for them to do' 'no mode for --interpreter' --interpreter "$fake" -m gil-timed
refused 'an empty name' 'empty name' --interpreter "$fake,"
refused 'one mode twice' 'twice' -m "$fake:serial,$fake:serial"
is 'what is refused is not executed' [ ! -e "$tmp/touched" ]

is_marked() {
	[ -n "$(marked "$1")" ]
}

# --- as whom ---------------------------------------------------------------------------

uid=$(id -u nobody 2>/dev/null)
chmod 755 "$tmp"
# shellcheck disable=SC2016
fake tells <<<'echo "uid $(id -u) gid $(id -g) home $HOME sudo ${SUDO_USER-none} table ${CONVOY_LOCK_TABLE-none}" >&2
	"${PY:-false}" "$@"'
if [ "$(id -u)" -ne 0 ] || [ -z "$uid" ] || [ -z "$python" ]; then
	skip 'as another user' 'it takes root, a user nobody, and a CPython'
elif ! setpriv --reuid "$uid" --regid "$uid" --clear-groups "$python" -B \
	"$CONVOY_SRC/workloads/python/convoy_work.py" --identify >/dev/null 2>&1; then
	python=$(awk '$3 ~ /^\/usr\// && $2 == "CPython" { path = $3 } END { print path }' "$tmp/all")
	sed -i "s|^PY=.*|PY='$python'|" "$fake"
fi
if [ "$(id -u)" -eq 0 ] && [ -n "$uid" ] && [ -n "$python" ]; then
	if setpriv --reuid "$uid" --regid "$uid" --clear-groups "$fake" -B \
		"$CONVOY_SRC/workloads/python/convoy_work.py" -j countdown -m serial -n 1 \
		>/dev/null 2>&1; then
		run env SUDO_USER=nobody "$CONVOY" run -m "serial,$fake:threads,$fake:processes" \
			-n 1000 -w 2 -r 2 --format json
		is 'by sudo: exit 0' [ "$status" -eq 0 ]
		is 'by sudo: they run as who called it' [ "$(grep -c "^uid $uid gid $(id -g nobody) home $(getent passwd nobody | cut -d: -f6) sudo none table none$" "$err")" -eq 4 ]
		ask "$out" <<-'EOT'
			by sudo: they are traced all the same :: r["valid"] is True and 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"] and len(modes) == 3
			by sudo: their results are there :: all(len(m["tasks"]) == 4 and m["tasks_wrong"] == 0 for m in modes)
		EOT

		# Who becomes another user is forgotten by the kernel, but not by convoy.
		long=31536001.$$
		fake waits <<<"exec sleep $long"
		SUDO_USER=nobody "$CONVOY" run -m "$fake:threads" >"$out" 2>"$err" </dev/null &
		pid=$!
		started+=("$pid")
		is 'by sudo, killed: it was there' eventually is_marked "$long"
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
		is 'by sudo, killed: they end with it' eventually none_marked "$long"
	else
		skip 'as another user' "nobody cannot read $CONVOY_SRC or execute $fake"
	fi
fi

long=31536002.$$
fake waits-too <<<"exec sleep $long"
env --default-signal=INT "$CONVOY" run -m "serial,$fake:threads" -n 1000 -r 2 --format json \
	>"$out" 2>"$err" </dev/null &
pid=$!
started+=("$pid")
is 'interrupted: it was there' eventually is_marked "$long"
kill -INT "$pid"
wait "$pid"
status=$?
is 'interrupted: exit 130' [ "$status" -eq 130 ]
is 'interrupted: nobody is left' none_marked "$long"
ask "$out" <<-'EOT'
	interrupted: what was measured is there :: r["incomplete"] is True and [m["mode"] for m in modes] == ["serial"]
EOT
finish
