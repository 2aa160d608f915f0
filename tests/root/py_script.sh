#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# py_script.sh - `convoy py`: what a script keeps, and as whom and by which Python it runs.
# shellcheck disable=SC2016,SC2317 # $ is for others' shells; functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
cd "$tmp" || exit 1
chmod 755 . # others run scripts here
json=$tmp/report.json
# shellcheck source=tests/root/lib_py.sh
. "$CONVOY_SRC/tests/root/lib_py.sh"

require_tracing
find_usual

# --- what the script keeps ------------------------------------------------------------------

py -q one.py 'a b' -- --help ''
is 'arguments: exit 0' [ "$status" -eq 0 ]
is 'arguments: they reach it as they are' grep -qxF "done ['a b', '--', '--help', '']" "$out"
is 'arguments: no complaint' quiet
is 'arguments: the answer alone' [ "$(grep -c 'ledger' "$out")" = 0 ]
is 'it is said who ran it' says 'run by [A-Z][A-Za-z]+ [0-9.]+[^ ]*, /[^ ]+\.'
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

# --- Ctrl-C ---------------------------------------------------------------------------------

cat >interrupted.py <<-'EOT'
	import sys, time
	try:
	    print("ready", sys.stdin.isatty(), flush=True)
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
    if b"True" in text + piece and b"True" not in text:
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
cat >gil.py <<-'EOT'
	import threading
	def compute():
	    x = 0
	    for i in range(3000000):
	        x += i
	workers = [threading.Thread(target=compute) for i in range(3)]
	for worker in workers:
	    worker.start()
	for worker in workers:
	    worker.join()
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
	other -q gil.py
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
