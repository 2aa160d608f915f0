#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# record_all.sh - the whole machine, and processes in PID namespaces.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/root/lib_attach.sh
. "$(dirname "$0")/lib_attach.sh"
require_python
require_tracing

# --- -a -----------------------------------------------------------------------------

live blocked_mutex 2
recording -a --allow-loss
writer=$(writer)
"$PYTHON" -c '
import threading, time
threads = [threading.Thread(target=time.sleep, args=(0.05,)) for _ in range(5)]
for t in threads: t.start()
for t in threads: t.join()' &
started+=($!)
python=$!
wait "$python"
kill -INT "$recorder"
recorded
sound_machine 'the machine'
ask "$json" <<-EOT
	the machine: what was there, with all threads :: sorted(t["comm"] for t in modes[0]["threads"] if t["pid"] == $target) == ["blocked_mutex", "waiter-1", "waiter-2"]
	the machine: the test itself :: [t["comm"] for t in modes[0]["threads"] if t["pid"] == $$] != []
	the machine: what began meanwhile, with all threads :: r["loss"]["ring"] or len([t for t in modes[0]["threads"] if t["pid"] == $python]) == 6
	the machine: that was audited :: r["loss"]["ring"] or all(t["audit_equal"] for t in modes[0]["threads"] if t["pid"] == $python)
	the machine: without the recorder, and who started it :: {$recorder, $writer}.isdisjoint(t["pid"] for t in modes[0]["threads"])
EOT
kernel=$(grep -l '^kthreadd$' /proc/[0-9]*/comm 2>/dev/null | head -n 1 | cut -d / -f 3)
if [ -n "$kernel" ]; then
	ask "$json" <<-EOT
		the machine: the kernel's own threads :: any(t["comm"].startswith("kworker") for t in modes[0]["threads"])
		the machine: theirs is other :: all(t["time_ns"]["other"] == t["lifetime_ns"] for t in modes[0]["threads"] if t["comm"] == "kthreadd" and not sum(t["switches"].values()))
		the machine: never fault :: not any(t["time_ns"]["fault"] for t in modes[0]["threads"] if t["comm"].startswith(("kworker", "ksoftirqd", "kthreadd")))
	EOT
else
	skip "the machine: the kernel's own threads" 'none are to be seen'
fi
record -a --allow-loss -d 0.2
sound_machine 'the machine for 0.2 s'
gone "$target"

# --- in a PID namespace -------------------------------------------------------------

unshare -pf --mount-proc true 2>"$err" || stop_here "PID namespaces: $(head -n 1 "$err")"

inner() { # inner COMM: the process of that name that is PID N of another namespace
	grep -l "^$1\$" /proc/[0-9]*/task/*/comm 2>/dev/null | cut -d / -f 3 | sort -u
}

in_namespace() {
	local pid

	for pid in $(inner blocked_mutex); do
		[ "$(awk '/^NSpid/ { print NF }' "/proc/$pid/status")" = 3 ] && echo "$pid" && return
	done
	return 1
}

# unshare is not the namespace's PID 1, which sh is; so the program is one of its children.
background unshare -pf --kill-child --mount-proc \
	sh -c "'$CONVOY_TESTS/blocked_mutex' 2 & wait"
outer=$target
eventually says_ready
own=$(sed 's/^ready //' "$tmp/target")
eventually in_namespace >/dev/null
target=$(in_namespace)
record -p "$target" -d 0.2
sound 'from outside'
ask "$json" <<-EOT
	from outside: both numbers :: {(t["pid"], t["ns_pid"]) for t in modes[0]["threads"]} == {($target, $own)} and $target != $own
	from outside: of threads, too :: all(t["tid"] != t["ns_tid"] for t in modes[0]["threads"]) and {t["ns_tid"] for t in modes[0]["threads"] if t["comm"] == "blocked_mutex"} == {$own}
	from outside: the holder is found :: [(h["tid"], h["comm"], h["share"]) for l in modes[0]["locks"] for h in l["holders"]] == [($target, "blocked_mutex", 1)]
EOT
run "$CONVOY" report --threads "$rec"
is 'from outside: both numbers in text' grep -qF "$target ($own)" "$out"

# And from inside, by the number there: nsenter takes its mounts, too.
if command -v nsenter >/dev/null; then
	run nsenter -t "$target" -p -m "$CONVOY" record --force -o "$rec" -p "$own" -d 0.2
	report
	sound 'from inside'
	ask "$json" <<-EOT
		from inside: the same threads :: sorted((t["pid"], t["ns_pid"], t["comm"]) for t in modes[0]["threads"]) == [($target, $own, c) for c in ("blocked_mutex", "waiter-1", "waiter-2")]
		from inside: the holder is found :: [(h["comm"], h["share"]) for l in modes[0]["locks"] for h in l["holders"]] == [("blocked_mutex", 1)]
		from inside: no read failed :: r["loss"]["reads"] == 0
	EOT
	run nsenter -t "$target" -p -m "$CONVOY" why -p "$own" -d 0.2
	is 'from inside: why' grep -q "held it for 100 %" <(tr -s ' \n' '  ' <"$out")
else
	skip 'from inside' 'needs nsenter'
fi
gone "$outer"
finish
