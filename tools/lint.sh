#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# lint.sh - shellcheck for every script, a licence line in every file that can hold one.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

status=0
scripts=()
while IFS= read -r file; do
	[ -f "$file" ] || continue
	case $file in
	LICENSES/* | *.json) continue ;;
	esac
	if ! grep -qI . "$file" && [ -s "$file" ]; then
		continue # binary
	fi
	if ! head -n 5 "$file" | grep -qF 'SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause'; then
		echo "$file: no SPDX line in its first five lines"
		status=1
	fi
	if head -n 1 "$file" | grep -qE '^#!.*[/ ](ba)?sh$' || [[ $file == *.sh ]]; then
		scripts+=("$file")
	fi
done < <(git ls-files -co --exclude-standard)

if command -v shellcheck >/dev/null; then
	shellcheck --exclude=SC1091 "${scripts[@]}" || status=1
else
	echo 'lint: shellcheck is not installed (make deps-ci installs it)' >&2
	status=1
fi
exit $status
