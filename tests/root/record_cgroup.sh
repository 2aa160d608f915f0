#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# record_cgroup.sh - recording a cgroup: what is in it, comes into it, is born in it, and
# nothing else.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/root/lib_attach.sh
. "$(dirname "$0")/lib_attach.sh"
require_python
require_tracing

mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$mount" ] || skip_all 'no cgroup file system of version 2 is mounted'
group=$mount/convoy-test-$$
mkdir "$group" 2>"$err" || skip_all "cannot make a cgroup: $(head -n 1 "$err")"

leave() {
	local pid

	while read -r pid; do
		kill -KILL "$pid"
	done < <(cat "$group"/cgroup.procs "$group"/*/cgroup.procs 2>/dev/null)
	for pid in 1 2 3 4 5 6 7 8 9 10; do
		rmdir "$group"/*/ "$group" 2>/dev/null
		[ -d "$group" ] || break
		sleep 0.05
	done
}
trap 'leave; clean_up' EXIT

enter() { # enter PID [BELOW]
	echo "$1" >"$group/${2-}/cgroup.procs"
}

names() { # as a list for Python, in no order
	printf '"%s", ' "$@"
}

# --- refused ------------------------------------------------------------------------

run "$CONVOY" record --cgroup "$mount" -o "$tmp/none.rec"
is 'the root: refused, says -a' failed_with 2 '-a'
run "$CONVOY" record --cgroup "convoy-test-none-$$" -o "$tmp/none.rec"
is 'no such cgroup: refused' failed_with 2 'no such cgroup'
v1=$(awk '$3 == "cgroup" { print $2; exit }' /proc/mounts)
if [ -n "$v1" ]; then
	run "$CONVOY" record --cgroup "$v1" -o "$tmp/none.rec"
	is 'version 1: refused, with where to look' failed_with 2 'version 1'
else
	skip 'version 1: refused' 'none is mounted'
fi
is 'refused: no file' [ ! -e "$tmp/none.rec" ]

# --- in it, below it, outside -------------------------------------------------------

mkdir "$group/below"
live blocked_mutex 2
inside=$target
enter "$inside"
background sleep 1000
below=$target
enter "$below" below
background sleep 1000
outside=$target
live busy_and_idle 1 1
busy=$target # outside at first
background "$PYTHON" -c '
import time
print("ready", flush=True)
time.sleep(1000)'
eventually says_ready
asleep=$target

recording --cgroup "$group"
enter "$asleep"
enter "$busy" below
# One that moves itself, executes something else, and has a child there.
sh -c "echo \$\$ >'$group/cgroup.procs'; sleep 0.02; exec sh -c 'sleep 0.02; sleep 0.03'"
# A child that is never anywhere else.
if "$PYTHON" - "$group" <<-'EOT' 2>"$tmp/clone"; then
	import ctypes, os, sys
	libc = ctypes.CDLL(None, use_errno=True)
	fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
	args = (ctypes.c_uint64 * 11)(0x200000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, fd)
	pid = libc.syscall(435, args, 88) # clone3, CLONE_INTO_CGROUP
	if pid == 0:
	    libc.prctl(15, b"cloned")
	    os._exit(0)
	if pid < 0:
	    sys.exit(os.strerror(ctypes.get_errno()))
	os.waitpid(pid, 0)
EOT
	cloned=1
else
	cloned=0
fi
sleep 0.2
kill -INT "$recorder"
recorded
sound 'a cgroup'
ask "$json" <<-EOT
	a cgroup: what was in it, with all threads :: sorted(t["comm"] for t in modes[0]["threads"] if t["pid"] == $inside) == ["blocked_mutex", "waiter-1", "waiter-2"]
	a cgroup: it was there throughout :: all(t["lifetime_ns"] == modes[0]["wall_ns"]["rounds"][0] for t in modes[0]["threads"] if t["pid"] in ($inside, $below))
	a cgroup: what was below it :: [t["comm"] for t in modes[0]["threads"] if t["pid"] == $below] == ["sleep"]
	a cgroup: who came asleep :: [t["time_ns"]["sleep"] == t["lifetime_ns"] for t in modes[0]["threads"] if t["pid"] == $asleep] == [True]
	a cgroup: who came later lives shorter :: all(t["since_before"] and 0 < t["lifetime_ns"] < modes[0]["wall_ns"]["rounds"][0] for t in modes[0]["threads"] if t["pid"] in ($asleep, $busy))
	a cgroup: who came running, with all threads :: sorted(t["comm"] for t in modes[0]["threads"] if t["pid"] == $busy) == ["busy-1", "busy_and_idle", "idle-1"]
	a cgroup: and runs :: any(t["time_ns"]["running"] for t in modes[0]["threads"] if t["pid"] == $busy)
	a cgroup: who moved itself, and its child :: sorted(t["comm"] for t in modes[0]["threads"] if t["comm"] in ("sh", "sleep") and t["pid"] != $below)[:1] == ["sh"]
	a cgroup: nobody else :: {t["pid"] for t in modes[0]["threads"]}.isdisjoint({$outside, $$, $recorder})
	a cgroup: a child born into it :: $cloned == 0 or [t["audit_equal"] for t in modes[0]["threads"] if t["comm"] == "cloned"] == [True]
EOT
[ $cloned = 1 ] || skip 'a child born into it' "clone3: $(tail -n 1 "$tmp/clone")"

# --- threads that begin, end and move at any moment ---------------------------------

live switchers 2 futex two 50
for i in 1 2 3; do
	recording --cgroup "$group"
	enter "$target"
	sleep 0.1
	enter "$target" below
	kill -INT "$recorder"
	recorded
	sound "moved while it switches, $i"
	ask "$json" <<-EOT
		moved while it switches, $i: it is there :: any(t["pid"] == $target for t in modes[0]["threads"])
	EOT
	# Out of it again, as far as that goes.
	echo "$target" >"$mount/cgroup.procs"
done
gone "$target"

# --- the end of it ------------------------------------------------------------------

for pid in "$inside" "$below" "$outside" "$busy" "$asleep"; do
	gone "$pid"
done
rmdir "$group/below"
recording --cgroup "$group"
is 'an empty cgroup can be waited for' kill -0 "$recorder"
eventually rmdir "$group" 2>/dev/null
recorded
sound 'a removed cgroup ends the recording'
finish
