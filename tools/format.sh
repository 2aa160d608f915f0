#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# format.sh [--check] [FILE...] - lay out C as .clang-format says.
#
# Two things are left to hands, since clang-format spoils them: blanks inside a line
# (trailing comments, macro values and columns stand at tab stops) and which rows of
# an initializer share a line. Indentation, braces and line breaks are not. Only
# lines that differ are touched. Without files: every C file that git does not ignore.
set -euo pipefail

cd "$(dirname "$0")/.."
CLANG_FORMAT=${CLANG_FORMAT:-clang-format}

check=0
if [ "${1:-}" = --check ]; then
	check=1
	shift
fi
if ! command -v "$CLANG_FORMAT" >/dev/null; then
	echo "format: $CLANG_FORMAT is not installed (make deps-ci installs it)" >&2
	exit 3
fi
if [ $# -eq 0 ]; then
	mapfile -t files < <(git ls-files -co --exclude-standard -- '*.c' '*.h')
else
	files=("$@")
fi

# Blanks inside lines become one space each; indentation stays.
squeeze() {
	sed 's/\([^ \t]\)[ \t]\{1,\}/\1 /g'
}

# What must change in $1, as a plain diff without the hunks that only move table rows.
difference() {
	{ diff <(squeeze <"$1") <("$CLANG_FORMAT" --style=file "$1" | squeeze) || true; } | awk '
		function flush() { if (hunk != "" && !table) printf "%s", hunk; hunk = "" }
		/^[0-9]/ { flush(); hunk = $0 "\n"; table = 1; next }
		{ hunk = hunk $0 "\n" }
		/^[<>]/ && !/^[<>] \t+(\[|\{ |\.[a-z]|"|&|[-0-9])/ { table = 0 }
		END { flush() }'
}

bad=0
for file in "${files[@]}"; do
	[ -f "$file" ] || continue
	if [ $check -eq 0 ]; then
		# A changed line can change what its neighbours should be.
		for _ in 1 2 3; do
			mapfile -t lines < <(difference "$file" |
				sed -n 's/^\([0-9,]*\)[acd][0-9,]*$/\1/p' |
				awk -F, '{ print "--lines=" $1 ":" ($2 == "" ? $1 : $2) }')
			[ ${#lines[@]} -gt 0 ] || break
			"$CLANG_FORMAT" --style=file -i "${lines[@]}" "$file"
		done
	fi
	hunks=$(difference "$file")
	if [ -n "$hunks" ]; then
		printf '%s: line, what it is (<), what it should be (>)\n%s\n' "$file" "$hunks"
		bad=$((bad + 1))
	fi
done
if [ $bad -gt 0 ]; then
	echo "format: $bad of ${#files[@]} files differ" >&2
	exit 1
fi
