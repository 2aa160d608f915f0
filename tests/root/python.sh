#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# python.sh - each CPython and PyPy that is on this machine: its GIL is found and named, three
# threads that compute wait for it two thirds of their time, three processes do not, and three
# threads that sleep wait for nobody.
#
# PYTHONS="/path/to/python ..." takes only these.
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_python
require_tracing

pypys=(pypy pypy3)
versions=(2.7 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13)
work=$CONVOY_SRC/tests/root/python_work.py
compare=$CONVOY_SRC/tests/root/python_compare.py
truth=$tmp/truth.json json=$tmp/report.json rec=$tmp/python.rec

# What it is: "CPython VERSION GIL PATH"; also "PyPy ...". A shim of pyenv's gives what it stands for, if any.
what_is() {
	timeout 20 "$1" -c '
from __future__ import print_function
import os, platform, sys
gil = getattr(sys, "_is_gil_enabled", lambda: True)()
print(platform.python_implementation(), platform.python_version(), "gil" if gil else "free",
      os.path.realpath(sys.executable))' 2>/dev/null </dev/null
}

# candidates VERSION: where it may be.
candidates() {
	type -ap "python$1"
	ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python 2>/dev/null
}

# pypy_candidates NAME: pypy, whose releases have the language's version in their names, or pypy3.
pypy_candidates() {
	type -ap "$1"
	ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"[0-9.]*/bin/"$1" 2>/dev/null
}

# try PATH WHAT: one recording of python_work.py.
try() {
	rm -f "$rec"
	run "$CONVOY" record -o "$rec" -- "$1" "$work" "$2"
	cp "$out" "$truth"
	if [ "$status" -ne 0 ]; then
		fail "$1: $2"
		return
	fi
	run "$CONVOY" report "$rec" --format json --threads
	cp "$out" "$json"
	: >"$out"
	while IFS=$'\t' read -r verdict name detail; do
		if [ "$verdict" = ok ]; then
			pass "$name"
		else
			fail "${name:-$1: $2: comparing}" "${detail:-$verdict}"
		fi
	done < <("$PYTHON" "$compare" "$2" "$truth" "$json" 2>&1)
}

# test_python PATH: unless it has been, or is something else than a Python with a GIL.
declare -A tested=()
test_python() {
	local kind version gil path what

	read -r kind version gil path < <(what_is "$1")
	[[ "${kind-}" = @(CPython|PyPy) ]] && [ "$gil" = gil ] || return 1
	[ -z "${tested[$path]-}" ] || return 0
	tested[$path]=yes
	echo "# $kind $version: $path"
	for what in threads processes sleep; do
		try "$path" "$what"
	done
}

if [ "${PYTHONS-}" ]; then
	for python in $PYTHONS; do
		test_python "$python" || skip "$python" 'no Python with a GIL'
	done
	finish
fi
for version in "${versions[@]}"; do
	found=
	while IFS= read -r python; do
		test_python "$python" && found=yes
	done < <(candidates "$version")
	[ "$found" ] || skip "CPython $version" 'is not on this machine'
done
for pypy in "${pypys[@]}"; do
	found=
	while IFS= read -r python; do
		test_python "$python" && found=yes
	done < <(pypy_candidates "$pypy")
	[ "$found" ] || skip "$pypy" 'is not on this machine'
done
finish
