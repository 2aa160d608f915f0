#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# loss.sh - a ring of one page must lose events of work that switches a lot, and the
# loss must never be silent.
# shellcheck disable=SC2317 # functions are called by is
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/lib.sh"
require_tracing

# Two threads on one CPU that yield to each other all the time.
lossy=(-m threads -w 2 --cpus 0 --yield-every 200 -n 1000000 -r 1 --ring-bytes 4096)

run "$CONVOY" run "${lossy[@]}" --export "json=$tmp/loss.json"
is 'exit 4' [ "$status" -eq 4 ]
is 'a message says so' complained 'lost'
is 'and what to do about it' grep -q -e '--ring-bytes' "$err"
is 'the first line of the report says INVALID' grep -q '^INVALID' <(head -n 1 "$out")
validate 'the JSON report keeps to the schema' "$tmp/loss.json"
if has_python; then
	ask "$tmp/loss.json" <<-'EOT'
		valid is false :: r["valid"] is False
		lost records are counted :: r["loss"]["ring"] > 0
		it is not incomplete :: r["incomplete"] is False
		thread accounts are not called exact :: r["audit"]["threads_equal"] <= r["audit"]["threads_checked"]
	EOT
else
	skip 'valid is false' "$PYTHON is not there"
fi

run "$CONVOY" run "${lossy[@]}" --allow-loss
is '--allow-loss: exit 0' [ "$status" -eq 0 ]
is '--allow-loss: still marked on the first line' grep -q '^INVALID' <(head -n 1 "$out")
run "$CONVOY" run "${lossy[@]}" --allow-loss --format json
is '--allow-loss: exit 0 as JSON' [ "$status" -eq 0 ]
if has_python; then
	ask "$out" <<-'EOT'
		--allow-loss: valid is false all the same :: r["valid"] is False
	EOT
fi

# The same work with rings as they are by default loses nothing.
run "$CONVOY" run -m threads -w 2 --cpus 0 --yield-every 200 -n 1000000 -r 1 --format json
is 'default rings: exit 0' [ "$status" -eq 0 ]
if has_python; then
	ask "$out" <<-'EOT'
		default rings: nothing is lost :: r["loss"]["ring"] == r["loss"]["task_state"] == r["loss"]["unmatched"] == 0 and r["valid"] is True
		default rings: the yields are counted :: mode["threads"]["yields"] > 1000
		default rings: switches are the kernel's own :: 0 < r["audit"]["threads_checked"] == r["audit"]["threads_equal"]
	EOT
fi

# A session's loss is its own: the next run knows nothing of it.
run "$CONVOY" run -m threads -n 1000 -r 1
is 'the next run is valid' [ "$status" -eq 0 ]
finish
