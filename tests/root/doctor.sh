#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# doctor.sh - convoy doctor: says of this kernel and user what convoy run then does.
# shellcheck disable=SC2016,SC2317 # $0 is for the inner shell; functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"

# in_json NAME: the lines "NAME :: EXPRESSION" of standard input, if there is Python.
# There, `check` finds a check of the last run's output by its id.
in_json() {
	if has_python; then
		ask "$out" < <(
			sed 's/check(\([a-z_0-9]*\))/next(c for c in r["checks"] if c["id"] == "\1")/g'
		)
	else
		skip "$1" "$PYTHON is not there"
	fi
}

says() { # says PATTERN: on standard output
	grep -qE -- "$1" "$out"
}

# --- arguments: before anything is looked at ---

run "$CONVOY" doctor extra
is 'takes no argument' failed_with 2 "'extra'"
run "$CONVOY" doctor $'\e[2J\a'
is 'escapes in an argument: refused' failed_with 2
is 'escapes in an argument: made harmless' harmless "$err"
run "$CONVOY" doctor --frobnicate
is 'unknown option' failed_with 2 'frobnicate'
for format in '' x JSON csv; do
	run "$CONVOY" doctor --format "$format"
	is "--format '$format'" failed_with 2 'text and json'
done
run "$CONVOY" doctor --help
is '--help' says 'Usage: convoy doctor'
is '--help has examples' says 'sudo convoy doctor'
is '--help tells the exit status' says 'Exit status'
run "$CONVOY" --help
is 'convoy --help lists it' says '^  doctor '

# --- as whoever runs this test ---

run "$CONVOY" run -m serial -n 1 -r 1
case $status in
0 | 4) expected=0 ;;
*) expected=$status ;;
esac
cp /proc/self/mountinfo "$tmp/before"
run "$CONVOY" doctor
cp /proc/self/mountinfo "$tmp/after"
is 'ends as convoy run does' [ "$status" -eq "$expected" ]
is 'mounts nothing' cmp -s "$tmp/before" "$tmp/after"
is 'no line is wider than 80 columns' [ -z "$(awk 'length > 80' "$out")" ]
is 'names the kernel' says "$(uname -r | sed 's/[.+]/\\&/g')"
if [ "$status" -eq 0 ]; then
	is 'nothing that is needed is missing' [ -z "$(grep MISSING "$out")" ]
	is 'says what works' says '^run: works$'
	is 'says that the probes were tried' says 'loaded and attached in [0-9]+ ms'
	is 'no complaint' quiet
else
	is 'says that run does not work' says '^run: does not work: see '
	is 'says what is missing' says '^  (MISSING|unknown) '
fi
text_status=$status
run "$CONVOY" doctor --format json
is 'JSON: the same exit status' [ "$status" -eq "$text_status" ]
validate 'JSON: keeps to its schema' "$out" doctor
in_json 'JSON' <<-EOT
	JSON: works.run is the exit status :: r["works"]["run"] is ($status == 0)
	JSON: the kernel is this one :: r["host"]["kernel"] == "$(uname -r)"
	JSON: the CPUs are these :: r["host"]["cpus"] == $(getconf _NPROCESSORS_ONLN)
	JSON: ids are unique :: len({c["id"] for c in r["checks"]}) == len(r["checks"]) > 25
	JSON: all that is needed is there, when run works :: not r["works"]["run"] or not [c for c in r["checks"] if c["required"] and c["state"] != "ok"]
	JSON: one who can trace can record :: r["works"]["record_command"] is r["works"]["run"]
	JSON: capabilities are the kernel's word :: (check(cap_sys_ptrace)["state"] == "ok") == bool($((16#$(awk '/^CapEff/ { print $2 }' /proc/self/status))) >> 19 & 1)
	JSON: the one for closed directories, too :: (check(cap_dac_read_search)["state"] == "ok") == bool($((16#$(awk '/^CapEff/ { print $2 }' /proc/self/status))) >> 2 & 1)
	JSON: BTF is where the kernel has it :: (check(btf)["state"] == "ok") == __import__("os").access("/sys/kernel/btf/vmlinux", __import__("os").R_OK)
EOT

# --- output that fails ---

run bash -c '"$0" doctor | head -n 1' "$CONVOY"
is '| head -n 1' says '^Linux '
run bash -c '"$0" doctor --format json | head -n 1' "$CONVOY"
is 'JSON | head -n 1' says '^\{$'
for format in text json; do
	run bash -c 'exec "$0" doctor --format "$1" >/dev/full' "$CONVOY" $format
	is "$format: full disk" failed_with 6 'No space left'
	run bash -c 'exec "$0" doctor --format "$1" >&-' "$CONVOY" $format
	is "$format: closed stdout" failed_with 6
done
run bash -c '(trap "" PIPE; sleep 0.2; exec "$0" doctor; ) | :; exit ${PIPESTATUS[0]}' "$CONVOY"
is 'closed pipe' [ "$status" -eq 6 ]

# --- as others ---

[ "$(id -u)" -eq 0 ] || stop_here 'needs root, to become nobody'
command -v setpriv >/dev/null || stop_here 'needs setpriv'
dir=$(mktemp -d /tmp/convoy-doctor.XXXXXX) || exit 1
trap 'rm -rf "$dir"; clean_up' EXIT
chmod 755 "$dir"
cp "$CONVOY" "$dir/convoy"
chmod 755 "$dir/convoy"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
none=("${nobody[@]}" --inh-caps=-all --bounding-set=-all)
"${none[@]}" "$dir/convoy" --version >"$out" 2>&1 </dev/null ||
	stop_here "cannot become nobody here: $(head -n 1 "$out")"

run "${none[@]}" "$dir/convoy" doctor
is 'nobody: exit 3' [ "$status" -eq 3 ]
is 'nobody: no complaint besides' quiet
for cap in CAP_BPF CAP_PERFMON; do
	is "nobody: $cap is missing" says "^  MISSING  $cap "
done
is 'nobody: how to get it' says 'to get it: run convoy with sudo'
is 'nobody: and without sudo' says 'cap_bpf,cap_perfmon'
is 'nobody: what could not be looked at' says 'not permitted to try'
is 'nobody: how to look at it' says 'sudo convoy doctor'
run "${none[@]}" "$dir/convoy" doctor --format json
is 'nobody, JSON: exit 3' [ "$status" -eq 3 ]
validate 'nobody, JSON: keeps to its schema' "$out" doctor
in_json 'nobody, JSON' <<-'EOT'
	nobody, JSON: nothing works :: not any(r["works"].values())
	nobody, JSON: the probes were not tried :: check(probes)["state"] == "unknown"
	nobody, JSON: the remedy :: "sudo" in check(cap_bpf)["remedy"] and "setcap" in check(cap_perfmon)["remedy"]
	nobody, JSON: what is unknown is not called missing :: check(prog_tracing)["state"] in ("unknown", "ok")
EOT

if "${none[@]}" unshare -Ur true 2>/dev/null; then
	run "${none[@]}" unshare -Ur "$dir/convoy" doctor
	is 'root of a user namespace: exit 3' [ "$status" -eq 3 ]
	is 'root of a user namespace: is told so' says '^  MISSING  initial user namespace '
	is 'root of a user namespace: run: see' says '^run: does not work: see .*user namespace'
else
	skip 'root of a user namespace: exit 3' 'no user namespaces for nobody here'
fi

if [ "$text_status" -ne 0 ]; then
	stop_here 'convoy cannot trace here, whatever the capabilities'
fi
run "${nobody[@]}" --inh-caps=-all,+bpf,+perfmon --ambient-caps=-all,+bpf,+perfmon \
	--bounding-set=-all,+bpf,+perfmon "$dir/convoy" doctor --format json
if grep -q '^setpriv' "$err"; then
	skip 'CAP_BPF and CAP_PERFMON' "$(head -n 1 "$err")"
	finish
fi
is 'CAP_BPF and CAP_PERFMON: exit 0' [ "$status" -eq 0 ]
validate 'CAP_BPF and CAP_PERFMON: the schema' "$out" doctor
in_json 'CAP_BPF and CAP_PERFMON' <<-'EOT'
	CAP_BPF and CAP_PERFMON: run works :: r["works"]["run"]
	CAP_BPF and CAP_PERFMON: without CAP_SYS_PTRACE :: check(cap_sys_ptrace)["state"] == "missing"
	CAP_BPF and CAP_PERFMON: nor CAP_DAC_READ_SEARCH :: check(cap_dac_read_search)["state"] == "missing" and "closed" in check(cap_dac_read_search)["loses"]
	CAP_BPF and CAP_PERFMON: either tracefs, or its substitute :: check(tracefs)["state"] == "ok" or "sys_exit" in check(probes)["detail"]
EOT

# without_call NAME COMMAND...: as in a container whose filter refuses a system call.
without_call() {
	"$PYTHON" -c '
import ctypes, os, struct, sys
numbers = {"x86_64": {"bpf": 321, "perf_event_open": 298},
           "aarch64": {"bpf": 280, "perf_event_open": 241}}[os.uname().machine]
LOAD, EQUAL, RETURN, ERRNO, ALLOW = 0x20, 0x15, 6, 0x50000, 0x7fff0000
code = ((LOAD, 0, 0, 0), (EQUAL, 0, 1, numbers[sys.argv[1]]), (RETURN, 0, 0, ERRNO | 1),
        (RETURN, 0, 0, ALLOW))
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *i) for i in code))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
prctl = ctypes.CDLL(None).prctl
if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or \
        prctl(PR_SET_SECCOMP, 2, ctypes.byref(Program(4, ctypes.addressof(code)))):
    sys.exit("no filter can be set here")
os.execv(sys.argv[2], sys.argv[2:])
' "$@"
}
export -f without_call
export PYTHON

run bash -c 'without_call "$@"' - bpf "$CONVOY" doctor
if ! has_python || grep -qE 'KeyError|no filter' "$err"; then
	skip 'under a filter' "$(tail -n 1 "$err")"
else
	is 'bpf(2) is filtered: exit 3' [ "$status" -eq 3 ]
	is 'bpf(2) is filtered: says what it may be' says 'seccomp'
	is 'bpf(2) is filtered: that alone is named' says '^run: does not work: see bpf\(2\)$'
	run bash -c 'without_call "$@"' - perf_event_open "$CONVOY" doctor
	if says 'tp_btf/sys_exit +takes the place'; then
		skip 'perf events are filtered' 'there is no tracefs to need them'
	else
		is 'perf events are filtered: exit 3' [ "$status" -eq 3 ]
		is 'perf events are filtered: says what works' says '--futex=blocking'
		is 'perf events are filtered: what runs can be recorded' says '^record -p PID: works$'
		run bash -c 'without_call "$@"' - perf_event_open "$CONVOY" run -m serial -n 1 -r 1
		is 'perf events are filtered: run is refused' [ "$status" -ne 0 ]
		run bash -c 'without_call "$@"' - perf_event_open \
			"$CONVOY" run -m serial -n 1 -r 1 --futex=blocking
		is 'perf events are filtered: run --futex=blocking is not' [ "$status" -eq 0 ]
	fi
fi

# A PID namespace of its own.
run unshare --pid --fork --mount-proc "$CONVOY" doctor
if grep -q '^unshare' "$err"; then
	skip 'in a PID namespace' "$(head -n 1 "$err")"
else
	is 'in a PID namespace: exit 0' [ "$status" -eq 0 ]
	is 'in a PID namespace: said so' says '^  limited  initial PID namespace '
fi

# Without /proc it cannot be told who this is.
run unshare --mount sh -c 'mount -t tmpfs tmpfs /proc && exec "$0" doctor' "$CONVOY"
if grep -qE '^(unshare|mount)' "$err"; then
	skip 'without /proc' "$(head -n 1 "$err")"
else
	is 'without /proc: exit 3' [ "$status" -eq 3 ]
	is 'without /proc: says so' says '^  unknown  CAP_BPF .*mount /proc'
fi
finish
