#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# recording_output.sh - where a recording goes: files, pipes, full disks, who owns it.
# shellcheck disable=SC2016,SC2046,SC2054,SC2317 # others expand; words; lists; is calls functions
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing

cd "$tmp" || exit 1

# --- disk full ---------------------------------------------------------------------

# Processes one after the other, 500 or as many as said; then a file that says so.
busy=(sh -c 'i=0; while [ $i -lt ${1-500} ]; do /bin/true; i=$((i+1)); done; echo done >"$0"; exit 5')

if unshare -m true 2>/dev/null; then
	mkdir small
	run unshare -m bash -c '
		mount -t tmpfs -o size=64k tmpfs small || exit 99
		"$@"
		status=$?
		cp small/full.rec full.rec
		exit $status' - "$CONVOY" record -o small/full.rec -- "${busy[@]}" "$tmp/work-done" 1500
	is 'full disk: exit 6' [ "$status" -eq 6 ]
	is 'full disk: says so' complained 'no space'
	is 'full disk: claims nothing that it does not know' [ -z "$(grep ' 0 threads' "$err")" ]
	is 'full disk: the command did all its work' [ -s work-done ]
	run "$CONVOY" report full.rec
	is 'full disk: what was written is read' [ "$status" -eq 0 ]
	is 'full disk: and marked' grep -q INCOMPLETE <(head -n 6 "$out")
	run unshare -m bash -c '
		mount -t tmpfs -o size=4k tmpfs small || exit 99
		"$@"
		status=$?
		cp small/full.rec full.rec
		exit $status' - "$CONVOY" run -o small/full.rec -m threads -n 1000 -r 3
	is 'full disk, run: exit 6, and why' failed_with 6 'no space'
else
	skip 'full disk' 'unshare -m is not permitted'
fi
rm -f work-done
run "$CONVOY" record -o /dev/full -- "${busy[@]}" "$tmp/work-done"
is '/dev/full: exit 6, and why' failed_with 6 'no space'
is '/dev/full: the command was not started' [ ! -e work-done ]
is '/dev/full: is still there' [ -c /dev/full ]
rm -f work-done
run bash -c 'ulimit -f 8; exec "$@"' - "$CONVOY" record -o limit.rec -- "${busy[@]}" "$tmp/work-done"
is 'ulimit -f: exit 6' [ "$status" -eq 6 ]
is 'ulimit -f: says so' complained 'file too large'
is 'ulimit -f: the command did all its work' [ -s work-done ]
run "$CONVOY" report limit.rec
is 'ulimit -f: what was written is read, and marked' grep -q INCOMPLETE <(head -n 6 "$out")

# --- where it goes -----------------------------------------------------------------

run "$CONVOY" record -o file.rec -- true
is 'new file: exit 0' [ "$status" -eq 0 ]
is 'new file: mode 0600' [ "$(stat -c %a file.rec)" = 600 ]
cp file.rec file.copy
run "$CONVOY" record -o file.rec -- touch started
is 'exists: exit 2, and the way out' failed_with 2 '--force'
is 'exists: nothing was started' [ ! -e started ]
is 'exists: it is as it was' cmp -s file.rec file.copy
run "$CONVOY" run -o file.rec -m serial -n 1000 -r 1
is 'exists, run: exit 2, and the way out' failed_with 2 '--force'
run "$CONVOY" record -o file.rec --force -- true
is '--force: exit 0' [ "$status" -eq 0 ]
is '--force: it was replaced' [ -n "$(cmp file.rec file.copy 2>&1)" ]
echo precious >target
ln -s target link.rec
ln -s nowhere dangling.rec
mkdir dir.rec
for bad in link.rec dangling.rec dir.rec dir.rec/ no/such.rec ''; do
	run "$CONVOY" record -o "$bad" --force -- touch started
	is "-o '$bad': exit 2, and why" failed_with 2 .
done
is 'nothing was started for these' [ ! -e started ]
is 'what the link points to is as it was' [ "$(cat target)" = precious ]
is 'what a dangling link points to was not made' [ ! -e nowhere ]
run bash -c '"$0" record -o - -- sh -c "echo output; exit 3" | cat >pipe.rec; exit "${PIPESTATUS[0]}"' "$CONVOY"
is '-o -: the status is the command'\''s' [ "$status" -eq 3 ]
is '-o -: its output goes to stderr' grep -qx output "$err"
run bash -c 'cat pipe.rec | "$0" report -' "$CONVOY"
is '-o - | report -: exit 0' [ "$status" -eq 0 ]
is '-o - | report -: whole' [ -z "$(grep INCOMPLETE "$out")" ]
run bash -c '"$0" record -o - -- true | "$0" report - --format json' "$CONVOY"
if has_python; then
	ask "$out" <<-'EOT'
		-o - | report -, at once :: r["incomplete"] is False and r["valid"] is True and modes[0]["command"] == ["true"]
	EOT
fi
run bash -c '"$0" record -o - -- "${@}" | head -c 4000 >/dev/null; exit "${PIPESTATUS[0]}"' \
	"$CONVOY" "${busy[@]}" "$tmp/piped-done"
is 'a reader that goes away: exit 6, and why' [ "$status" -eq 6 ]
is 'a reader that goes away: says so' complained 'broken pipe'
is 'a reader that goes away: the command did all its work' [ -s piped-done ]
mkfifo fifo
cat fifo >fifo.rec &
started+=($!)
run "$CONVOY" record -o fifo -- true
wait $!
is 'FIFO: exit 0' [ "$status" -eq 0 ]
is 'FIFO: is still one' [ -p fifo ]
run "$CONVOY" report fifo.rec
is 'FIFO: what came out is whole' [ "$status$(grep -c INCOMPLETE "$out")" = 00 ]
run env SUDO_UID=65534 SUDO_GID=65533 "$CONVOY" record -o sudo.rec -- true
is 'sudo: the file is its caller'\''s' [ "$(stat -c %u:%g:%a sudo.rec)" = 65534:65533:600 ]
cp file.rec file.copy
run "$CONVOY" record -o file.rec --force -- ./no-such-command
is 'a command that is not there: 127' [ "$status" -eq 127 ]
is 'a command that is not there: the old recording is as it was' cmp -s file.rec file.copy
run "$CONVOY" run -o file.rec --force --cmd 'fails=exit 3' -r 1
is 'a run without a round: exit 6' [ "$status" -eq 6 ]
is 'a run without a round: the old recording is as it was' cmp -s file.rec file.copy
# Somebody else's file, and a disk that is full: nothing of it is touched.
head -c 100000 /dev/urandom >app
cp app app.copy
run bash -c 'ulimit -f 100; exec "$0" record -o - -- true >>app' "$CONVOY"
is '-o - >>file, full: exit 6' [ "$status" -eq 6 ]
is '-o - >>file, full: what was before is as it was' cmp -s -n 100000 app app.copy
is 'nothing is left beside the recordings' [ -z "$(find . -name '.convoy*')" ]
finish
