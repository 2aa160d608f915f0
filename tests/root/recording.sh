#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# recording.sh - the recording as a file: the same report from it again, cut off, damaged,
# its writer killed.
# shellcheck disable=SC2016,SC2046,SC2054,SC2317 # others expand; words; lists; is calls functions
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing

cd "$tmp" || exit 1

# --- run -o: the same report -------------------------------------------------------

# again NAME FILE ARGUMENT...: `convoy report FILE` prints what `convoy run` did, which is
# in $out, with these options.
again() {
	local name=$1 file=$2

	shift 2
	cp "$out" first
	run "$CONVOY" report "$file" "$@"
	is "$name: exit 0, no complaint" [ "$status$(wc -c <"$err")" = 00 ]
	is "$name: the same report again" cmp -s first "$out"
}

same() { # same NAME ARGUMENT... -- REPORT-OPTION...
	local name=$1 args=()

	shift
	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	run "$CONVOY" run -o same.rec --force "${args[@]}" "$@"
	is "$name: exit 0" [ "$status" -eq 0 ]
	again "$name" same.rec "$@"
}

small=(-m threads,gil-timed -w 2 -n 50000 -r 2)
same 'text' -m serial,threads,gil-timed,processes -w 2 -n 50000 -r 3 --
same 'json' "${small[@]}" -- --format json
same 'json, threads' "${small[@]}" -- --format json --threads
same 'csv' "${small[@]}" -- --format csv
same 'csv, threads' "${small[@]}" -- --format csv --threads
same 'threads, -v' "${small[@]}" -- --threads -v
same 'a job that measures itself' -j mixed -m threads -n 20 -r 1 -- -v
same 'without probes' "${small[@]}" --probes=none -- -v
same 'without probes, json' "${small[@]}" --probes=none -- --format json
same 'blocking' "${small[@]}" --futex=blocking -- -v
same 'commands' --cmd 'first=true' --cmd 'again=sleep 0.01; false || exit 0' -r 2 -- -v
same 'commands, json' --cmd 'first=true' -r 2 -- --format json --threads
run "$CONVOY" run -o odd.rec --cmd $'odd=printf "\xff\xfe" >/dev/null' -r 1 --format json
again 'a command that is not UTF-8' odd.rec --format json

mark=$((1700000000 + ($$ * 1000 + RANDOM % 1000) % 300000000))
# convoy itself has the number on its command line, too.
sleeping() {
	local one

	for one in $(marked "$1"); do
		[ "$(cat "/proc/$one/comm" 2>/dev/null)" != sleep ] || return 0
	done
	return 1
}
# One round is done, the other takes minutes.
: >"$out"
: >"$err"
env --default-signal "$CONVOY" run -o interrupted.rec --cmd 'short=true' \
	--cmd "long=sleep 600.$mark" -r 2 >"$out" 2>"$err" </dev/null &
pid=$!
started+=("$pid")
is 'interrupted: it works' eventually sleeping "600.$mark"
kill -INT $pid
wait $pid
status=$?
is 'interrupted: exit 130' [ "$status" -eq 130 ]
is 'interrupted: has a report' [ -s "$out" ]
again 'interrupted' interrupted.rec
is 'interrupted: marked on an early line' grep -q INCOMPLETE <(head -n 4 "$out")
run "$CONVOY" report interrupted.rec --format json
is 'interrupted: marked in JSON' grep -q '"incomplete": *true' "$out"

# --- cut, and damaged --------------------------------------------------------------

run "$CONVOY" record -o real.rec --force -- "$CONVOY_WORK" --job=countdown \
	--mode=gil-timed --workers=2 --work=200000
is 'a real recording' [ "$status" -eq 0 ]
run "$CONVOY" report real.rec --format json --threads
validate 'its report keeps to the schema' "$out"
cp "$out" real.json

require_python
# Of the offsets: those around each block's beginning, and some anywhere.
damage() {
	"$PYTHON" - "$CONVOY" real.rec "$1" "$2" <<-'EOT'
		import json, random, subprocess, sys
		convoy, name, what, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
		data = open(name, "rb").read()
		whole = json.load(open("real.json"))
		random.seed(len(data))
		offsets = sorted(set(random.randrange(len(data)) for _ in range(count)))
		if what == "cut":
		    offsets = [0, 1, len(data) - 1] + offsets
		bad, reports = [], 0
		for at in offsets:
		    if what == "cut":
		        piece = data[:at]
		    else:
		        piece = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1:]
		    open("damaged.rec", "wb").write(piece)
		    done = subprocess.run([convoy, "report", "damaged.rec", "--format=json", "--export=text=damaged.txt"],
		                          capture_output=True, timeout=20)
		    said = done.stderr.decode("utf-8", "replace")
		    if done.returncode == 2:
		        if done.stdout or not said.startswith("convoy: ") or len(said.splitlines()) != 1:
		            bad.append("%d: refused, and says %r" % (at, said[:200]))
		        continue
		    if done.returncode or said:
		        bad.append("%d: status %d, %r" % (at, done.returncode, said[:200]))
		        continue
		    reports += 1
		    r = json.loads(done.stdout)
		    early = open("damaged.txt").read().split("\n")[:6]
		    if r["incomplete"] is not True or not any("INCOMPLETE" in line for line in early):
		        bad.append("%d: not marked" % at)
		    for m in r["modes"]:
		        w = whole["modes"][0]
		        # What a futex was is found out later than that it was waited for.
		        futexes = ("lock", "cond", "join", "other")
		        for time_ns in m["time_ns"], w["time_ns"]:
		            time_ns.setdefault("futexes", sum(time_ns[k] for k in futexes))
		        if (m["wall_ns"]["median"] > w["wall_ns"]["median"] or
		            any(m["time_ns"][k] > w["time_ns"][k] for k in w["time_ns"]
		                if k not in futexes) or
		            m["lock_wait"]["total_ns"] > w["lock_wait"]["total_ns"]):
		            bad.append("%d: more than in the whole" % at)
		print("# %s: %d offsets, %d reports" % (what, len(offsets), reports))
		if not reports:
		    bad.append("nothing was ever read")
		print("\n".join(bad[:10]))
		sys.exit(bool(bad))
	EOT
}
for what in cut flip; do
	if why=$(damage $what 150); then
		pass "$what at some offsets: marked, or refused with a message"
		echo "$why" | grep '^#'
	else
		fail "$what at some offsets: marked, or refused with a message" "$why"
	fi
done

# --- killed ------------------------------------------------------------------------

# record_in_background ARGUMENT...: sets $pid, and $recorder.
record_in_background() {
	: >"$out"
	: >"$err"
	rm -f killed.rec
	env --default-signal "$CONVOY" record -o killed.rec "$@" >"$out" 2>"$err" </dev/null &
	pid=$!
	started+=("$pid")
}
find_recorder() {
	recorder=$(grep -lx convoy-recorder $(printf '/proc/%s/comm ' $(cat "/proc/$pid/task/"*/children 2>/dev/null)) 2>/dev/null |
		tr -dc '0-9\n' | head -n 1)
	[ -n "$recorder" ]
}
gone() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}
# It appends a line each 10 ms to a file, for two seconds.
ticking=(sh -c 'i=0; while [ $i -lt 200 ]; do echo $i >>ticks; i=$((i+1)); sleep 0.01; done')
ticks() {
	[ -e ticks ] && [ "$(wc -l <ticks)" -ge "$1" ]
}

for who in recorder launcher both; do
	name="kill -9 of the $who"
	rm -f ticks
	record_in_background -- "${ticking[@]}"
	if ! eventually ticks 120 || ! find_recorder; then
		fail "$name: it works" "recorder: ${recorder-}"
		continue
	fi
	at_least=20 # what was flushed, if it was all of a second ago
	case $who in
	recorder) kill -KILL "$recorder" ;;
	launcher)
		at_least=$(($(wc -l <ticks) - 1)) # all that it saw: each tick has a thread
		kill -KILL $pid
		;;
	both) kill -KILL "$recorder" $pid ;;
	esac
	wait $pid 2>/dev/null
	status=$?
	is "$name: the recorder is gone" eventually gone "$recorder"
	if [ $who = recorder ]; then
		is "$name: exit 6, and why" [ "$status" -eq 6 ]
		is "$name: says so" complained 'recorder has ended'
		is "$name: the command did all its work" ticks 200
	else
		is "$name: the command goes on to its end" eventually ticks 200
	fi
	run "$CONVOY" report killed.rec --format json --threads --export text=killed.txt
	is "$name: what is there is read" [ "$status" -eq 0 ]
	is "$name: and marked" grep -q INCOMPLETE <(head -n 6 killed.txt)
	ask "$out" <<-EOT
		$name: marked in JSON, too :: r["incomplete"] is True and r["incomplete_why"]
		$name: threads are in it :: len(modes) == 1 and len(modes[0]["threads"]) >= $at_least
		$name: no thread lives longer than the recording :: all(t["lifetime_ns"] <= modes[0]["wall_ns"]["median"] for t in modes[0]["threads"])
		$name: the ledger closes :: modes[0]["time_ns"]["residual"] == 0
	EOT
done

finish
