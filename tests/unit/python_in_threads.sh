#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# python_in_threads.sh - the jobs in the oldest and newest Pythons of this machine, in the modes serial and
# threads, give what convoy-work gives, and refuse what it refuses. INTERPRETERS="/path ..."
# takes only these.
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"

has_python 'import concurrent.futures' || skip_all "no $PYTHON to compare with"
export CONVOY_SRC CONVOY_WORK
"$PYTHON" "$CONVOY_SRC/tests/unit/interpreter_work.py" in-threads python
