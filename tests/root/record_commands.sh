#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# record_commands.sh - `convoy record -- COMMAND` is right for real programs. Witnesses
# that are not convoy's: wait4(2) and the kernel's counters for switches; the numbers that
# the programs print of themselves; and a PID namespace, which numbers everything that is
# born in it, one after the other.
# shellcheck disable=SC2016,SC2317 # $ is for the recorded shells; functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing
require_python

lives=$CONVOY_TESTS/many_lives
rec=$tmp/rec json=$tmp/rec.json dump=$tmp/rec.dump

# counted COMMAND...: in a PID namespace of its own, whose last number it writes to "last".
# That of a process that is born when all others were.
counted=(/bin/sh -c '"$@"; status=$?; sh -c "echo \$\$ >last"; exit $status' sh)
if unshare --pid --fork true 2>/dev/null; then
	counted=(unshare --pid --fork "${counted[@]}")
	namespaces=yes
else
	namespaces=
fi
cd "$tmp" || exit 1

# record COMMAND...: recorded to $rec, its report in $json. What it prints is in $out.
record() {
	rm -f "$rec" "$json" last
	run "$CONVOY" record -o "$rec" -- "$@"
	"$CONVOY" report --format json --threads "$rec" >"$json" 2>>"$err"
}

# whole NAME: the last recording has all of its command. Everything was waited for, unless
# `unwaited` is set: threads that outlive it, or children that wait4(2) tells nothing of.
whole() {
	is "$1: exit 0" [ "$status" -eq 0 ]
	ask "$json" < <(
		cat <<-EOT
			$1: complete, valid, nothing lost :: r["valid"] is True and r["incomplete"] is False and r["loss"]["ring"] == r["loss"]["task_state"] == r["loss"]["unmatched"] == 0
			$1: the ledger closes, for every thread :: modes[0]["time_ns"]["residual"] == 0 and all(sum(t["time_ns"][a] for a in ACCOUNTS) == t["lifetime_ns"] for t in modes[0]["threads"])
		EOT
		[ "${unwaited-}" ] || cat <<-EOT
			$1: switches are the kernel's own, for every thread :: modes[0]["audit"]["threads_equal"] == modes[0]["audit"]["threads_checked"] == len(modes[0]["threads"]) > 0 and all(t["audit_equal"] is True and not t["unfinished"] for t in modes[0]["threads"])
			$1: voluntary switches are those of wait4 :: 0 <= modes[0]["audit"]["rusage_voluntary"] - sum(t["switches"]["voluntary"] for t in modes[0]["threads"]) <= modes[0]["audit"]["rusage_unsure"]
			$1: involuntary switches are those of wait4 :: modes[0]["audit"]["rusage_involuntary"] == sum(t["switches"]["involuntary"] for t in modes[0]["threads"])
		EOT
	)
}

# In Python, of the last recording: `r`, `mode`, `threads`; `said`, by the lines "PID TID
# [WHAT]" that the command printed. It complains on standard error.
python_of() {
	"$PYTHON" -c '
import json, re, sys
r = json.load(open("rec.json"))
mode = r["modes"][0]
threads = mode["threads"]
said = {}
for line in open("out", errors="replace"):
    match = re.match(r"^(\d+) (\d+)(?: (\w+))?$", line)
    if match:
        said[int(match[1]), int(match[2])] = match[3] or ""
'"$1" 2>>"$err"
}

# Every thread that the command named is in the report.
listed() {
	python_of '
missing = sorted(set(said) - set((t["ns_pid"], t["ns_tid"]) for t in threads))
if missing or not said:
    sys.exit("not in the report: %s" % missing)
'
}

# And everything that was born in the namespace. Before it there was just what made it.
all_listed() {
	listed || return
	[ "$namespaces" ] || return 0
	python_of '
try:
    last = int(open("last").read())
except FileNotFoundError:
    sys.exit("the command did not come to its end")
born = sorted(t["ns_tid"] for t in threads[1:])
if born != list(range(1, last + 1)):
    sys.exit("1 to %d were born, in the report: %s" % (last, born))
'
}

# The threads of the processes that named their threads are these, and no more.
just_these() {
	python_of '
pids = set(pid for pid, tid in said)
listed = [(t["ns_pid"], t["ns_tid"]) for t in threads if t["ns_pid"] in pids]
more = sorted(set(listed) - set(said))
if more or len(listed) != len(said):
    sys.exit("in the report, too: %s" % more)
'
}

# --- what the command is given, and what it gives -------------------------------------

exits_with() {
	local expected=$1

	shift
	run "$CONVOY" record --force -o "$rec" "$@"
	is "exit $expected: $*" [ "$status" -eq "$expected" ]
}

exits_with 0 -- true
exits_with 0 true
exits_with 7 sh -c 'exit 7'
exits_with 255 -- sh -c 'exit 255'
exits_with 143 -- sh -c 'kill -TERM $$'
exits_with 137 -- sh -c 'kill -KILL $$'
exits_with 134 -- sh -c 'kill -ABRT $$'
cp "$rec" "$tmp/old.rec"
exits_with 127 -- "$tmp/none"
is 'no such command: said' complained "$tmp/none"
is 'no such command: the recording that was there is' cmp -s "$rec" "$tmp/old.rec"
: >"$tmp/plain"
exits_with 126 -- "$tmp/plain"
exits_with 126 -- "$tmp"

# Bytes of every kind in, the same out; both outputs apart; arguments as they are.
"$PYTHON" -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 5000)' >"$tmp/bytes"
"$CONVOY" record --force -o "$rec" -- cat <"$tmp/bytes" >"$out" 2>"$err"
is 'standard input and output are the command'"'"'s' cmp -s "$tmp/bytes" "$out"
run "$CONVOY" record --force -o "$rec" sh -c 'printf "%s|" "$@"; echo no >&2' -- -o --force '' 'a  b'
is 'arguments are not touched, and -- after the command is its own' [ "$(cat "$out")" = '-o|--force||a  b|' ]
is 'standard error too, and what convoy says' [ "$(grep -vc '^convoy: ' "$err")-$(head -n 1 "$err")" = 1-no ]

# --- threads and processes of all kinds ------------------------------------------------

kind() {
	record "${counted[@]}" "$lives" "$@"
	whole "$*"
	is "$*: every thread and child is in the report" all_listed
	is "$*: and no other of theirs" just_these
}

kind threads 500
kind first 20
if "$lives" io_uring >"$out"; then
	record "${counted[@]}" "$lives" io_uring
	whole 'io_uring'
	is 'io_uring: the thread that the kernel made is in the report, too' all_listed
	ask "$json" <<-'EOT'
		io_uring: by its name :: len([t for t in modes[0]["threads"] if t["comm"].startswith("iou-wrk")]) == 1
	EOT
else
	skip io_uring 'this kernel does not let it'
fi
kind exec 50
ask "$json" <<-'EOT'
	an exec by another thread: both are there, with the process's number :: len([t for t in modes[0]["threads"] if t["tid"] == t["pid"] and t["ns_tid"] != t["ns_pid"]]) == 50
EOT
kind spawn 20
kind session
kind stops
ask "$json" <<-'EOT'
	stops: the child was stopped :: 0 < modes[0]["time_ns"]["stopped"] == sum(t["time_ns"]["stopped"] for t in modes[0]["threads"])
EOT

# Children that nobody waits for: wait4(2) knows nothing of them, so the rest is compared.
waited_for_equal() {
	python_of '
rest = [t for t in threads if not said.get((t["ns_pid"], t["ns_tid"]))]
audit = mode["audit"]
voluntary = audit["rusage_voluntary"] - sum(t["switches"]["voluntary"] for t in rest)
involuntary = audit["rusage_involuntary"] - sum(t["switches"]["involuntary"] for t in rest)
if len(rest) == len(threads) or voluntary < 0 or voluntary > audit["rusage_unsure"] or involuntary:
    sys.exit("wait4 counted %d and %d more" % (voluntary, involuntary))
'
}

unwaited=yes
for what in 'ignored 10' orphan; do
	# shellcheck disable=SC2086 # two words
	kind $what
	ask "$json" <<-EOT
		$what: switches are the kernel's own, for every thread :: modes[0]["audit"]["threads_equal"] == modes[0]["audit"]["threads_checked"] == len(modes[0]["threads"]) > 0
	EOT
done
record "$lives" ignored 10
is 'ignored 10: without them, switches are those of wait4' waited_for_equal

# A daemon outlives its command, and its recording.
record "$lives" daemon 60
daemon=$(sed -n 's/^\([0-9]*\) .* daemon$/\1/p' "$out")
is 'a daemon: it lives on' grep -qs many_lives "/proc/${daemon:-none}/comm"
started+=("$daemon")
whole 'a daemon'
is 'a daemon: just the three are in the report' just_these
ask "$json" <<-EOT
	a daemon: it is unfinished, asleep, and not compared :: [t["pid"] for t in modes[0]["threads"] if t["unfinished"] and t["audit_equal"] is None] == [int("0$daemon")]
	a daemon: the others are equal :: modes[0]["audit"]["threads_equal"] == modes[0]["audit"]["threads_checked"] == 2
	a daemon: wait4 is not asked for half of them :: modes[0]["audit"]["rusage_voluntary"] is None and modes[0]["audit"]["rusage_involuntary"] is None
	a daemon: the command's status is known :: r["command_status"] == 0
EOT
kill "${daemon:-0}" 2>/dev/null
unwaited=

# --- a storm of short processes, against their own count ----------------------------------

record "$CONVOY_TESTS/fork_storm" 100
whole 'fork storm'
storm_equal() {
	python_of '
own = json.loads(open("out").readline())
main = [t for t in threads if t["ns_pid"] == own["pid"]]
children = [t for t in threads if t["ns_pid"] != own["pid"]]
audit = mode["audit"]
less = own["children_voluntary"] - sum(t["switches"]["voluntary"] for t in children)
if len(main) != 1 or len(children) != own["children"]:
    sys.exit("%d and %d threads" % (len(main), len(children)))
if not 0 <= less <= audit["rusage_unsure"]:
    sys.exit("the children counted %d voluntary switches more" % less)
if own["children_involuntary"] != sum(t["switches"]["involuntary"] for t in children):
    sys.exit("involuntary ones of the children differ")
# Main ends, and prints, after it has counted.
if main[0]["switches"]["voluntary"] not in range(own["own_voluntary"] + 1, own["own_voluntary"] + 4):
    sys.exit("main counted %d of %s" % (own["own_voluntary"], main[0]["switches"]))
'
}
is 'fork storm: switches of the children are their own count' storm_equal

# --- names of what lives a millisecond ---------------------------------------------------

record "${counted[@]}" sh -c 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done; echo $$ $$'
whole '200 x true'
is '200 x true: every one is in the report' all_listed
ask "$json" <<-'EOT'
	200 x true: every one has its name :: len([t for t in modes[0]["threads"] if t["comm"] == "true"]) == 200
EOT
mapped() {
	"$CONVOY_TESTS/dump_recording" "$rec" >"$dump" 2>>"$err" || return
	python_of '
lines = [json.loads(line) for line in open("rec.dump")]
if not lines[-1]["complete"]:
    sys.exit("it is not complete")
executed = dict((line["pid"], line["time_ns"]) for line in lines if line.get("exec") == "true")
mapped = set(line["pid"] for line in lines if re.search("/(true|coreutils|busybox)$", line.get("file", ""))
             and line["executable"] and line["length"] and line["time_ns"] >= executed.get(line["pid"], 1 << 63))
libc = set(line["pid"] for line in lines if "libc" in line.get("file", "") and line["executable"])
want = set(t["pid"] for t in threads if t["comm"] == "true")
if want != set(executed) or want - mapped or want - libc:
    sys.exit("%d processes: %d executed, %d mapped it, %d libc" %
             tuple(len(some) for some in (want, executed, want & mapped, want & libc)))
'
}
if [ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ]; then
	is '200 x true: the recording has the program and the mappings of each' mapped
else
	skip '200 x true: mappings' 'not in the initial PID namespace'
fi

# --- languages ---------------------------------------------------------------------------

cat >python.py <<-'EOT'
	import ctypes, multiprocessing, os, platform, sys, threading

	tid = ctypes.CDLL(None).syscall
	number = {"x86_64": 186, "aarch64": 178, "riscv64": 178}.get(platform.machine(), 186)

	def say():
	    os.write(1, ("%d %d\n" % (os.getpid(), tid(number))).encode())

	def work(n):
	    say()
	    while n:
	        n -= 1

	def child():
	    threads = [threading.Thread(target=work, args=(20000,)) for i in range(3)]
	    say()
	    for thread in threads:
	        thread.start()
	    for thread in threads:
	        thread.join()

	if __name__ == "__main__":
	    child()
	    if hasattr(multiprocessing, "get_context"):
	        multiprocessing = multiprocessing.get_context("fork")
	    processes = [multiprocessing.Process(target=child) for i in range(3)]
	    for process in processes:
	        process.start()
	    for process in processes:
	        process.join()
	        assert process.exitcode == 0
EOT

# The system's, and of those that pyenv has the oldest and the newest.
pythons=("$PYTHON")
mapfile -t installed < <(printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python | sort -V)
for python in "${installed[0]}" "${installed[-1]}"; do
	"$python" -c 'import multiprocessing, ctypes' 2>/dev/null && pythons+=("$python")
done
for python in "${pythons[@]}"; do
	name=$("$python" -c 'import platform; print("Python " + platform.python_version())')
	record "${counted[@]}" "$python" python.py
	whole "$name"
	is "$name: every thread and child is in the report" all_listed
	is "$name: and no other of theirs" just_these
done

cat >Lives.java <<-'EOT'
	import java.io.File;
	import java.nio.file.Files;
	import java.nio.file.Paths;

	public class Lives {
	    static void say() {
	        try {
	            String[] link = Files.readSymbolicLink(Paths.get("/proc/thread-self")).toString().split("/");
	            System.out.println(link[0] + " " + link[2]);
	        } catch (Exception e) {
	            throw new RuntimeException(e);
	        }
	    }

	    public static void main(String[] args) throws Exception {
	        Thread[] threads = new Thread[20];
	        for (int i = 0; i < threads.length; i++) {
	            threads[i] = new Thread(Lives::say);
	            threads[i].start();
	        }
	        say();
	        for (Thread thread : threads)
	            thread.join();
	        String pid = Paths.get("/proc/self").toRealPath().getFileName().toString();
	        for (String tid : new File("/proc/self/task").list())
	            System.out.println(pid + " " + tid);
	        new ProcessBuilder("sh", "-c", "echo $$ $$").inheritIO().start().waitFor();
	    }
	}
EOT
# /proc has the numbers of the namespace that it was mounted in: the host's, so not counted.
if command -v javac >/dev/null && javac Lives.java 2>"$err"; then
	record java -cp . Lives
	whole Java
	is 'Java: every thread and child that it names is in the report' listed
	ask "$json" <<-'EOT'
		Java: threads have names :: len(set(t["comm"] for t in modes[0]["threads"])) > 5 and all(t["comm"] for t in modes[0]["threads"])
	EOT
else
	skip Java 'no javac'
fi

cat >lives.rb <<-'EOT'
	require "etc"
	def say
	  link = File.readlink("/proc/thread-self").split("/")
	  STDOUT.syswrite("#{link[0]} #{link[2]}\n")
	end
	def work
	  threads = 3.times.map { Thread.new { say; 20000.times { |i| i * i } } }
	  say
	  threads.each(&:join)
	end
	work
	pids = 3.times.map { fork { work } }
	pids.each { |pid| Process.wait(pid) }
	system("echo $$ $$")
EOT
if command -v ruby >/dev/null; then
	record ruby lives.rb
	whole Ruby
	is 'Ruby: every thread and child that it names is in the report' listed
else
	skip Ruby 'no ruby'
fi

# --- make, and a pipeline ------------------------------------------------------------------

if command -v make >/dev/null && command -v gcc >/dev/null; then
	mkdir tree
	for i in {1..24}; do
		echo "int f$i(int x) { return x + $i; }" >"tree/f$i.c"
	done
	printf 'all: $(patsubst %%.c,%%.o,$(wildcard *.c))\n%%.o: %%.c\n\t@echo $$$$ $$$$; exec gcc -c -o $@ $<\n' >tree/Makefile
	record "${counted[@]}" make -s -C tree -j4
	whole 'make -j4'
	is 'make -j4: every process is in the report' all_listed
	is 'make -j4: it made all of them' [ "$(find tree -name '*.o' | wc -l)" -eq 24 ]
	ask "$json" <<-'EOT'
		make -j4: each compiler by its name :: [len([t for t in modes[0]["threads"] if t["comm"] == name]) for name in ("gcc", "cc1", "as")] == [24, 24, 24]
	EOT
else
	skip 'make -j4' 'no make or no gcc'
fi

record "${counted[@]}" sh -c 'echo $$ $$; seq 20000 | sort -r | { sh -c "echo \$\$ \$\$ >&2"; cat; } 2>pids | uniq | wc -l; cat pids'
whole 'a pipeline'
is 'a pipeline: every process is in the report' all_listed
is 'a pipeline: it did what it does' grep -qx 20000 "$out"
ask "$json" <<-'EOT'
	a pipeline: its programs by their names :: {"seq", "sort", "uniq", "wc", "cat"} <= set(t["comm"] for t in modes[0]["threads"])
EOT

# --- benchmarks ------------------------------------------------------------------------------

# bytes_each NAME: the size of the recording for each of its switches, told to a person.
bytes_each() {
	python_of '
import os
switches = sum(t["switches"]["voluntary"] + t["switches"]["involuntary"] for t in threads)
print("# note: '"$1"': %d switches, %.1f bytes each" % (switches, os.path.getsize("rec") / switches))
'
}

small() {
	python_of '
import os
switches = sum(t["switches"]["voluntary"] + t["switches"]["involuntary"] for t in threads)
sys.exit(os.path.getsize("rec") > 12 * switches)
'
}

# frugal NAME: for a program that switches a lot. With a few switches in each life it is
# what a life costs that counts, and on a busy machine the times are longer numbers.
frugal() {
	bytes_each "$1"
	is "$1: at most 12 bytes a switch" small
}

if command -v perf >/dev/null && perf bench sched messaging -l 1 -g 1 >/dev/null 2>&1; then
	record perf bench sched messaging
	whole 'perf bench sched messaging'
	bytes_each 'perf bench sched messaging'
	record perf bench sched messaging -t
	whole 'perf bench sched messaging -t'
	bytes_each 'perf bench sched messaging -t'
	record perf bench sched messaging -g 2 -l 1000
	whole 'perf bench sched messaging -g 2 -l 1000'
	frugal 'perf bench sched messaging -g 2 -l 1000'
	for what in 'hash -r 1' wake requeue 'lock-pi -r 1'; do
		if perf bench futex 2>&1 | grep -q "^ *${what%% *}:"; then
			# shellcheck disable=SC2086 # words
			record perf bench futex $what
			whole "perf bench futex $what"
		else
			skip "perf bench futex $what" 'this perf has it not'
		fi
	done
else
	skip 'perf bench' 'no perf, or it does not run'
fi

if command -v sysbench >/dev/null; then
	record sysbench threads --time=1 run
	whole 'sysbench threads'
	record sysbench threads --threads=8 --time=1 run
	whole 'sysbench threads --threads=8'
	frugal 'sysbench threads --threads=8'
else
	skip 'sysbench threads' 'no sysbench'
fi

finish
