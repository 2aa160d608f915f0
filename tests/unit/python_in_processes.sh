#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# python_in_processes.sh - as python_in_threads.sh, in the modes processes and pool.
# shellcheck source=tests/root/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../root/lib.sh"

has_python 'import concurrent.futures' || skip_all "no $PYTHON to compare with"
export CONVOY_SRC CONVOY_WORK
"$PYTHON" "$CONVOY_SRC/tests/unit/interpreter_work.py" in-processes python
