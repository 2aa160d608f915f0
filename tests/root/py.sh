#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# py.sh - `convoy py`: which Python runs the script and as whom, what the script keeps, how it
# ends, and what is said of scripts of which it is known.
# shellcheck disable=SC2016,SC2317 # $ is for others' shells; functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
cd "$tmp" || exit 1
chmod 755 . # others run scripts here
json=$tmp/report.json

# py ARGUMENT...: with the usual Python, unless -i says another. In $answer, what was said.
py() {
	run "$CONVOY" py "$@"
	answer=$(tr -s ' \n' '  ' <"$out")
}

says() {
	grep -qE -- "$1" <<<"$answer"
}

says_no() {
	! says "$1"
}

cat >one.py <<-'EOT'
	import sys
	x = 0
	for i in range(1000000):
	    x += i
	print("done", sys.argv[1:])
EOT

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
{ head -c 18 "$(readlink -f "$PYTHON")" && printf "\\x$foreign\\x00" &&
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
	refused 'Ruby' 'not Python' -i ruby one.py
else
	skip Ruby 'no ruby'
fi
run "$CONVOY" py --help
is '--help: exit 0, with examples' grep -q 'Examples:' "$out"

require_tracing

# --- what the script keeps ------------------------------------------------------------------

py -q one.py 'a b' -- --help ''
is 'arguments: exit 0' [ "$status" -eq 0 ]
is 'arguments: they reach it as they are' grep -qxF "done ['a b', '--', '--help', '']" "$out"
is 'arguments: no complaint' quiet
is 'arguments: the answer alone' [ "$(grep -c 'ledger' "$out")" = 0 ]
is 'it is said who ran it' says 'run by [A-Z][A-Za-z]+ [0-9.]+[^ ]*, /[^ ]+\.'
usual=$(sed -n 's/.*run by [^,]*, \(.*\)\.$/\1/p' <<<"$answer" | head -n 1)

: >"$out"
echo 'from outside' | timeout 60 "$CONVOY" py -q -c 'import sys; print("got", sys.stdin.read())' >"$out" 2>"$err"
is 'stdin: it reads it' grep -qx 'got from outside' "$out"
echo 'print("from a pipe")' | timeout 60 "$CONVOY" py -q - x y >"$out" 2>"$err"
is '-: the script comes from stdin' grep -qx 'from a pipe' "$out"
timeout 60 "$CONVOY" py -q <(echo 'print("substituted")') >"$out" 2>"$err"
is 'a pipe as script is left to Python' grep -qx 'substituted' "$out"

mkdir package
echo 'import sys; print("module", __name__, sys.argv[1:])' >package/__main__.py
py -q -m package -x --
is '-m: exit 0' [ "$status" -eq 0 ]
is '-m: the module runs, with its arguments' grep -qxF "module __main__ ['-x', '--']" "$out"
is '-m: it is called so' says 'The module package is not GIL-bound'
py -q -c 'import sys; print("code", sys.argv)' -q
is '-c: the code runs, with its arguments' grep -qxF "code ['-c', '-q']" "$out"
echo 'print("a dash")' >-dash.py
py -q -- -dash.py
is 'a script whose name begins with a dash' grep -qx 'a dash' "$out"

py -q --as "$(id -un)" -c 'import os; print("pwd", os.getcwd())'
is 'it runs where its caller is' grep -qxF "pwd $(pwd -P)" "$out"
printf '#!%s -u\nimport sys; print("flags", sys.flags.no_user_site, sys.argv, sys.executable)\n' \
	"$PYTHON" | sed '1s/-u/-s/' >first.py
py -q first.py
is '#!: its options are kept' grep -qF "flags 1 ['first.py'] $PYTHON" "$out"
py -q -i "$usual" first.py
is '#!: -i comes first, and without its options' grep -qF "flags 0 ['first.py'] $usual" "$out"
printf '#!/usr/bin/env python3\nprint("env")\n' >env.py
py -q env.py
is '#!: env and a name' grep -qx 'env' "$out"
is '#!: env and a name: the usual one' says ", $usual\."

py --format json -c 'import threading; print("to stderr")'
cp "$out" "$json"
validate 'json: as the schema has it' "$json"
ask "$json" <<-EOT
	json: the answer is the verdict :: "not GIL-bound" in r["verdict"]["text"]
	json: what was run :: modes[0]["command"] == ["$usual", "-c", 'import threading; print("to stderr")']
	json: by what :: r["params"]["python"]["kind"] == "code" and r["params"]["python"]["interpreter"]["path"] == "$usual"
	json: no shell of a shim is in it :: len(set(t["comm"] for t in modes[0].get("threads", []))) <= 1
EOT
is 'json: what it prints goes to stderr' grep -qx 'to stderr' "$err"
py --threads --export json="$json" one.py
ask "$json" <<-EOT
	--export: the same :: "not GIL-bound" in r["verdict"]["text"] and r["command_status"] == 0
EOT
is 'text: the answer comes first, then the report' [ "$(grep -nE '^one.py is not GIL-bound|^convoy py --threads' "$out" | cut -d : -f 2 | cut -c 1-9 | tr '\n' ' ')" = 'one.py is convoy py ' ]
is 'text: the answer is there once' [ "$(grep -c 'is not GIL-bound' "$out")" = 1 ]
is 'text: with the ledger' grep -q '^ledger' "$out"

py -q -o py.rec one.py
is '-o: exit 0' [ "$status" -eq 0 ]
run "$CONVOY" report py.rec
is '-o: its report can be made again' grep -q '^convoy py -q -o py.rec one.py' "$out"
py -q -o py.rec one.py
is '-o: what is there is kept' failed_with 2 'exists'
py -q -o py.rec --force one.py
is '-o --force: replaces it' [ "$status" -eq 0 ]

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

py -q scripts.py gil
is 'threads that compute: exit 0' [ "$status" -eq 0 ]
is 'threads that compute: GIL-bound' says 'scripts.py is GIL-bound: of the time that its threads wanted to run, [0-9.]+ % went by waiting for the GIL of CPython [0-9]'
is 'threads that compute: what processes would do' says 'processes (could be up to [0-9.]+x faster|would be: run it again)|[0-9.]+x faster'
is 'threads that compute: the proof, that can be pasted' grep -qE "^  convoy run -j countdown -w [2-9] -m serial,threads,processes --interpreter $usual\$" "$out"
is 'threads that compute: the comparison' grep -qF "  convoy run --cmd 'threads=$usual scripts.py gil' --cmd 'processes=$usual SCRIPT2 gil' --reference threads" "$out"
is 'threads that compute: without sudo, no sudo' [ "$(grep -c sudo "$out")" = 0 ]

py -q scripts.py sleep
is 'threads that sleep: not GIL-bound' says 'scripts.py is not GIL-bound: '
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
	is 'PyPy: an answer' says 'GIL of PyPy|no GIL of PyPy|may be a GIL'
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

# --- Ctrl-C ---------------------------------------------------------------------------------

cat >interrupted.py <<-'EOT'
	import sys, time
	print("ready", sys.stdin.isatty(), flush=True)
	try:
	    time.sleep(100)
	except KeyboardInterrupt:
	    print("caught")
	    sys.exit(7)
EOT
: >"$out"
timeout -k 5 60 "$PYTHON" -c '
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
text = b""
while True:
    try:
        piece = os.read(fd, 4096)
    except OSError:
        break
    if not piece:
        break
    if b"ready" in text + piece and b"ready" not in text:
        os.write(fd, b"\x03")
    text += piece
sys.stdout.buffer.write(text.replace(b"\r\n", b"\n"))
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
' "$CONVOY" py -q interrupted.py >"$out" 2>"$err" </dev/null
status=$?
answer=$(tr -s ' \n' '  ' <"$out")
is 'Ctrl-C: the script has the terminal' says 'ready True'
is 'Ctrl-C: it is for the script' says 'caught'
is 'Ctrl-C: and its status' [ "$status" -eq 7 ]
is 'Ctrl-C: the answer all the same' says 'interrupted.py is not GIL-bound: .*It ended with status 7'

# --- as somebody else -------------------------------------------------------------------------

# A user with a home and a shim of pyenv's in it, for those who look into this /etc/passwd.
home=$tmp/home
mkdir -p "$home/.pyenv/shims"
user=convoy-test-user
{ cat /etc/passwd && echo "$user:x:64321:64321::$home:/bin/sh"; } >passwd
cat >who.py <<-'EOT'
	import os, sys
	print("who", os.getuid(), os.environ["HOME"], os.environ.get("SUDO_USER"), sys.prefix)
EOT
"$PYTHON" -m venv --without-pip "$home/venv" 2>/dev/null
cat >"$home/.pyenv/shims/python3" <<-EOT
	#!/bin/sh
	exec "$home/venv/bin/python3" "\$@"
EOT
chmod 755 "$home/.pyenv/shims/python3"
chown -R 64321:64321 "$home"
in_namespace=(unshare --mount sh -c 'mount --bind "$1" /etc/passwd && shift && exec "$@"' sh "$tmp/passwd")

can_read() {
	command -v setpriv >/dev/null && setpriv --reuid=64321 --regid=64321 --clear-groups \
		--bounding-set=-all --inh-caps=-all sh -c '[ -r "$1" ] && [ -r "$2" ] && [ -x "$3" ]' sh \
		"$tmp/who.py" "$CONVOY_SRC/workloads/python/convoy_work.py" "$home/venv/bin/python3"
}
if [ "$(id -u)" -ne 0 ]; then
	skip 'as another user' 'needs root'
elif ! "${in_namespace[@]}" id -u "$user" >/dev/null 2>&1; then
	skip 'as another user' 'no mount namespace of its own'
elif ! can_read; then
	skip 'as another user' 'the scratch directory or the sources are closed to others'
else
	other() {
		run env SUDO_USER="$user" SUDO_UID=64321 "${in_namespace[@]}" "$CONVOY" py "$@"
		answer=$(tr -s ' \n' '  ' <"$out")
	}

	other -q who.py
	is 'under sudo: exit 0' [ "$status" -eq 0 ]
	is 'under sudo: as who called it, at home, by the Python of a shim there' grep -qx "who 64321 $home None $home/venv" "$out"
	is 'under sudo: the shim itself is not run' says "run by CPython [^,]*, $home/venv/bin/python3?\."
	other --format json who.py
	cp "$out" "$json"
	ask "$json" <<-EOT
		under sudo: who it was is in the report :: r["params"]["as"] == "$user"
	EOT
	other -q scripts.py gil
	is 'under sudo: proofs have sudo' grep -qE '^  sudo convoy run -j countdown' "$out"
	other -q --as root who.py
	is '--as: another one' grep -q '^who 0 ' "$out"
	echo 'print("ran")' >closed.py
	chmod 600 closed.py
	other closed.py
	is 'a script that its user cannot read: exit 2' failed_with 2 "cannot be read by $user"
	env -u SUDO_USER "$CONVOY" py -q --as nobody who.py >"$out" 2>"$err"
	is '--as nobody: that user' grep -q '^who 65534 ' "$out"
fi
finish
