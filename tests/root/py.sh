#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# py.sh - `convoy py`: what it refuses, and what it says of scripts of which it is known.
# shellcheck disable=SC2016,SC2317 # $ is for others' shells; functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
cd "$tmp" || exit 1
chmod 755 . # others run scripts here
# shellcheck source=tests/root/lib_py.sh
. "$CONVOY_SRC/tests/root/lib_py.sh"

# --- what it does not take, before anything starts ------------------------------------------

refused() { # refused NAME PATTERN ARGUMENT...
	local name=$1 pattern=$2

	shift 2
	py "$@"
	is "$name: exit 2, before anything starts" failed_with 2 "$pattern"
}

mkdir dir
printf '#!%s\nprint("ran")\n' "$tmp/no/python3" >missing.py
printf '#!/bin/sh\necho "No Python here" >&2\nexit 3\n' >python3-broken
mv python3-broken dir/python3
printf '#!%s\nprint("ran")\n' "$tmp/dir/python3" >broken.py
# A program of a machine that this one is not.
foreign=b7 # aarch64
[ "$(uname -m)" != aarch64 ] || foreign=3e
mkdir foreign
{ head -c 18 "$(readlink -f "$PYTHON")" && printf %b "\\x$foreign\\x00" &&
	tail -c +21 "$(readlink -f "$PYTHON")"; } >foreign/python3
chmod 755 dir/python3 foreign/python3
printf '#!%s\nprint("ran")\n' "$tmp/foreign/python3" >foreign.py
printf '#!/bin/sh\necho ran\n' >shell.py
printf '#!/usr/bin/env -S A=1 python3\nprint("ran")\n' >variable.py
refused 'no script' 'which script'
refused 'a missing script' "there is no script 'no.py'" no.py
refused 'a script in what is no directory' 'there is no script' one.py/x.py
refused 'a directory' 'is a directory' dir
refused 'a missing interpreter' 'no/python3' -i "$tmp/no/python3" one.py
refused 'no interpreter of that name' "no-such-python" -i no-such-python one.py
refused 'a broken interpreter' 'No Python here' -i dir/python3 one.py
refused 'an interpreter for another machine' "$tmp/foreign/python3" -i "$tmp/foreign/python3" one.py
refused 'an interpreter that is none' "." -i /bin/true one.py
refused '#! with a missing interpreter' 'no/python3' missing.py
is '#! with a missing interpreter: it is said who names it' grep -q "the first line of 'missing.py'" "$err"
refused '#! with a broken interpreter' 'No Python here' broken.py
refused '#! with one for another machine' "$tmp/foreign/python3" foreign.py
refused '#! with a shell' "names '/bin/sh', which is no Python" shell.py
refused '#! with variables' 'cannot be followed' variable.py
refused 'no such user' "no user 'no-such-user'" --as no-such-user one.py
if command -v ruby >/dev/null; then
	refused 'Ruby' 'not Python|does not work' -i ruby one.py
else
	skip Ruby 'no ruby'
fi
run "$CONVOY" py --help
is '--help: exit 0, with examples' grep -q 'Examples:' "$out"

if command -v setpriv >/dev/null && [ "$(id -u)" -eq 0 ] &&
	setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$CONVOY" -a -r "$tmp/one.py"; then
	run setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		"$CONVOY" py -i "$PYTHON" one.py
	is 'not permitted: exit 3' failed_with 3 CAP_BPF
else
	skip 'not permitted: exit 3' 'needs root, setpriv, and folders that are open to others'
fi

require_tracing
find_usual

# --- what is said of it ---------------------------------------------------------------------

# The computing before keeps a few ms of waiting, when the machine is busy, from being a part
# of note of what these scripts want.
cat >scripts.py <<-'EOT'
	import hashlib, multiprocessing, os, sys, threading, time

	def compute(n=3000000):
	    x = 0
	    for i in range(n):
	        x += i

	def threads(function, *all_arguments):
	    workers = [threading.Thread(target=function, args=a) for a in all_arguments]
	    for worker in workers:
	        worker.start()
	    for worker in workers:
	        worker.join()

	if __name__ == "__main__":
	    if sys.argv[1] == "gil":
	        # Who waits for 5 ms and then 60 for a CPU to wait again hardly waits for the GIL.
	        sys.setswitchinterval(0.1)
	        threads(compute, (), (), ())
	    elif sys.argv[1] == "sleep":
	        compute(6000000)
	        threads(time.sleep, (0.9,), (1.3,), (1.7,))
	    elif sys.argv[1] == "processes":
	        if hasattr(multiprocessing, "get_context"):
	            multiprocessing = multiprocessing.get_context("fork")
	        workers = [multiprocessing.Process(target=compute) for i in range(2)]
	        for worker in workers:
	            worker.start()
	        for worker in workers:
	            worker.join()
	    elif sys.argv[1] == "daemon":
	        pid = os.fork()
	        if not pid:
	            time.sleep(100)
	            os._exit(0)
	        print("daemon", pid)
	    elif sys.argv[1] == "throw":
	        raise RuntimeError("as asked")
	    elif sys.argv[1] == "signal":
	        os.kill(os.getpid(), 11)
EOT

# Where others have the CPUs, no answer is one, too.
busy='It is not known whether scripts.py is GIL-bound: the machine was too busy'
py -q scripts.py gil
is 'threads that compute: exit 0' [ "$status" -eq 0 ]
is 'threads that compute: GIL-bound' says 'scripts.py is GIL-bound: of the time that its threads wanted to run, [0-9.]+ % went by waiting for the GIL of CPython [0-9]'
is 'threads that compute: what processes would do' says 'processes (could be up to [0-9.]+x faster|would be: run it again)|[0-9.]+x faster'
is 'threads that compute: the proof, that can be pasted' grep -qE "^  convoy run -j countdown -w [2-9] -m serial,threads,processes --interpreter $usual\$" "$out"
is 'threads that compute: the comparison' grep -qF "  convoy run --cmd 'threads=$usual scripts.py gil' --cmd 'processes=$usual SCRIPT2 gil' --reference threads" "$out"
is 'threads that compute: without sudo, no sudo' [ "$(grep -c sudo "$out")" = 0 ]

py -q scripts.py sleep
is 'threads that sleep: not GIL-bound' says "scripts.py is not GIL-bound: |$busy"
is 'threads that sleep: that they sleep' says 'asleep'
is 'threads that sleep: no more than there is' says_no 'up to'

py -q scripts.py processes
is 'processes: not GIL-bound' says 'scripts.py is not GIL-bound: '
is 'processes: that there are some already' says 'It uses 3 processes already'

py -q scripts.py throw
is 'throws: status 1' [ "$status" -eq 1 ]
is 'throws: its traceback' grep -q '^RuntimeError: as asked' "$err"
is 'throws: the answer all the same' says 'scripts.py is not GIL-bound: .*It ended with status 1, run by'
py -q scripts.py signal
is 'a signal: 128 and its number' [ "$status" -eq 139 ]
is 'a signal: the answer all the same' says 'It was ended by signal 11, run by'

py -q scripts.py daemon
daemon=$(sed -n 's/^daemon //p' "$out")
[ -z "$daemon" ] || started+=("$daemon")
is 'a daemon: exit 0, as the script' [ "$status" -eq 0 ]
is 'a daemon: it lives on' grep -qs python "/proc/${daemon:-none}/comm"
is 'a daemon: it is told of' says '1 of its processes was still running when the recording ended'
kill "${daemon:-0}" 2>/dev/null

if command -v pypy3 >/dev/null; then
	py -q -i pypy3 scripts.py gil
	is 'PyPy: no GIL of CPython is made up' says_no 'GIL of CPython'
	is 'PyPy: an answer' says "GIL of PyPy|no GIL of PyPy|may be a GIL|$busy"
else
	skip PyPy 'no pypy3'
fi

# Whatever a script is called, what is printed gives it back.
hostile=$'it\'s $(id) \\ "x"\n\033[2J\xc3\xa9.py'
cp scripts.py "$hostile"
py -q "$hostile" gil
is 'a hostile name: harmless' harmless "$out"
pasted() {
	# shellcheck disable=SC2317
	convoy() {
		while [ $# -gt 0 ]; do
			case $1 in
			threads=*) sh -c "set -- ${1#threads=}"' && printf %s "$2"' >pasted ;;
			esac
			shift
		done
	}
	eval "$(grep -F 'convoy run --cmd' "$out")"
	[ "$(cat pasted; echo x)" = "${hostile}x" ]
}
is 'a hostile name: pasted, it is that script' pasted
finish
