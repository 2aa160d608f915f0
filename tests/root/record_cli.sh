#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# record_cli.sh - the command lines of `convoy record` and of `convoy report` with a real
# recording: what is refused, what the exit status is, parts of a recording.
# shellcheck disable=SC2016,SC2046,SC2054,SC2317 # others expand; words; lists; is calls functions
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing

cd "$tmp" || exit 1
chmod 755 . # nobody reads here

# refused NAME PATTERN ARGUMENT...: exit 2, a message, no file.
refused() {
	local name=$1 pattern=$2

	shift 2
	run "$CONVOY" record "$@"
	is "$name: exit 2, and why" failed_with 2 "$pattern"
	is "$name: no file" [ ! -e convoy.rec ]
}

refused 'no target' 'nothing to record'
refused 'two targets' 'two things' -p 1 -a
refused '-p and a command' 'two things' -p 1 -- touch started
refused '-d 0' . -d 0 -- touch started
refused 'bad PIDs' . -p 1,x
refused 'no PIDs' . -p ''
refused 'a PID that does not exist' 'no process' -p 4194303
refused 'a kernel thread' 'kernel thread' -p 2
refused 'no such cgroup' . --cgroup no/such.slice
refused 'no such user' . --as no-such-user -- touch started
refused '--as without a command' '--as' --as nobody -p 1
is 'nothing was started in all this' [ ! -e started ]
"$PYTHON" -c '
import threading, time
t = threading.Thread(target=time.sleep, args=(60,))
t.start()
print(t.native_id, flush=True)' >tid 2>/dev/null &
started+=($!)
if eventually [ -s tid ]; then
	refused 'a thread of a process' "-t $(cat tid)" -p "$(cat tid)"
else
	skip 'a thread of a process' "$PYTHON is not there"
fi

status_is() { # status_is NAME STATUS COMMAND...
	local name=$1 wanted=$2

	shift 2
	run "$CONVOY" record -o status.rec --force "$@"
	is "$name: exit $wanted" [ "$status" -eq "$wanted" ]
}
echo text >not-executable
status_is 'a status' 7 -- sh -c 'exit 7'
status_is 'a signal' 139 -- sh -c 'kill -SEGV $$'
status_is 'not found' 127 -- no-such-command-at-all
status_is 'not executable' 126 -- ./not-executable
SUDO_USER=nobody status_is 'not found under sudo' 127 -- no-such-command-at-all
is 'not found under sudo: a hint' grep -qi sudo "$err"
status_is '--as' 0 --as nobody -- id -un
is '--as: it is that user' [ "$(cat "$out")" = nobody ]
status_is '-d ends the recording, not the command' 5 -d 0.2 -- \
	sh -c 'sleep 1; echo done >finished; exit 5'
is '-d: the command came to its end' [ -s finished ]
for command in record report py why doctor; do
	run "$CONVOY" $command --help
	is "$command --help: exit 0, with examples" grep -q 'Examples:' "$out"
done

# --- the report of a part, and by nobody -------------------------------------------

"$CONVOY" record -o part.rec -- sh -c 'for i in 1 2 3 4; do sleep 0.05; /bin/true; done' 2>/dev/null
if has_python; then
	why=$("$PYTHON" - "$CONVOY" <<-'EOT' 2>&1
		import json, subprocess, sys
		def part(*args):
		    return json.loads(subprocess.check_output([sys.argv[1], "report", "part.rec", "--format=json", *args]))["modes"][0]
		whole = part()
		for cuts in ((50,), (1, 99, 100), (30, 60, 90, 120, 150)):
		    edges = [None, *cuts, None]
		    sums, life, wall = dict.fromkeys(whole["time_ns"], 0), 0, 0
		    for a, b in zip(edges, edges[1:]):
		        m = part(*(["--from=%.3f" % (a / 1000)] if a else []), *(["--to=%.3f" % (b / 1000)] if b else []))
		        wall += m["wall_ns"]["median"]
		        for k in sums:
		            sums[k] += m["time_ns"][k]
		    assert sums == whole["time_ns"], (cuts, sums, whole["time_ns"])
		    assert wall == whole["wall_ns"]["median"], (cuts, wall)
		assert part("--to=1h")["wall_ns"]["median"] == whole["wall_ns"]["median"]
	EOT
	)
	# shellcheck disable=SC2181
	if [ $? -eq 0 ]; then
		pass 'parts add up to the whole'
	else
		fail 'parts add up to the whole' "$why"
	fi
fi
run "$CONVOY" report part.rec --from 1h
is '--from beyond the end: exit 2' failed_with 2 '--from'
run bash -c '"$0" report part.rec | head -n 1; exit "${PIPESTATUS[0]}"' "$CONVOY"
is 'report | head: exit 0, no complaint' [ "$status$(wc -c <"$err")" = 00 ]
run bash -c 'exec "$0" report part.rec >/dev/full' "$CONVOY"
is 'report: full disk: exit 6, and why' failed_with 6 'no space'
run bash -c 'exec "$0" report part.rec >&-' "$CONVOY"
is 'report: closed stdout: exit 6' [ "$status" -eq 6 ]
run "$CONVOY" report part.rec --export json=/dev/full
is 'report: export to a full disk: exit 6' [ "$status" -eq 6 ]
run "$CONVOY" report part.rec --locks 0 --threads -v --export json=part.json --export csv=part.csv
is 'report: exports' [ "$status$(wc -l <part.csv | grep -c "^[1-9]")" = 01 ]

# What is missing from the manual is said, for whoever writes it.
for command in record report py why doctor; do
	"$CONVOY" $command --help
done | grep -oE -- '--[a-z][a-z-]+' | sort -u | while read -r option; do
	grep -qF -- "Fl ${option#-}" "$CONVOY_SRC/docs/convoy.8" || echo "# not in convoy.8: $option"
done

cp "$CONVOY" nobodys
chmod 755 nobodys
chmod 644 part.rec
if command -v setpriv >/dev/null && [ -z "${TEST_TMPDIR-}" ]; then
	nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
	run "${nobody[@]}" ./nobodys report part.rec
	is 'report as nobody: exit 0' [ "$status" -eq 0 ]
	mkdir -m 777 open
	run "${nobody[@]}" ./nobodys record -o open/x.rec -- touch open/started
	is 'record as nobody: exit 3, doctor is named' failed_with 3 doctor
	is 'record as nobody: nothing started, no file' [ -z "$(ls open)" ]
else
	skip 'as nobody' 'the scratch directory is closed to others'
fi
finish
