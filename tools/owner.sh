#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# owner.sh - keep a checkout its owner's when root runs make in it.
#
#	owner.sh foreign	status 0 if we are root and the checkout is not root's
#	owner.sh run CMD...	run CMD as the checkout's owner when foreign, else plainly
#	owner.sh give-back	hand what root made in the checkout to its owner
#
# So `sudo make` compiles as the user, and only installing, tests and the demo, which
# need it, run as root.
set -u

cd "$(dirname "$0")/.." || exit 1
uid=$(stat -c %u .)
gid=$(stat -c %g .)

foreign() {
	[ "$(id -u)" -eq 0 ] && [ "$uid" -ne 0 ] && [ "${CONVOY_BUILD_AS_ROOT:-}" != 1 ]
}

# Files with a second name may be somebody else's: leave them.
give_back() {
	foreign || return 0
	find . -xdev -uid 0 \( -type d -o -links 1 \) -exec chown -h "$uid:$gid" {} + 2>/dev/null
	return 0
}

as_owner() {
	setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"
}

run() {
	foreign || exec "$@"
	give_back
	if as_owner test -w . 2>/dev/null; then
		# The owner may not open root's jobserver (a FIFO in make 4.4): a new one,
		# with as many jobs as were asked for (make before 4.3 does not say).
		MAKEFLAGS=$(printf '%s\n' "${MAKEFLAGS:-}" |
			sed "s/ --jobserver-[a-z]*=[^ ]*//g; s/ -j\\( \\|\$\\)/ -j$(nproc)\\1/")
		home=$(getent passwd "$uid" 2>/dev/null | cut -d: -f6)
		export MAKEFLAGS HOME="${home:-/}"
		unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR
		as_owner "$@"
		exit
	fi
	# No setpriv, or an owner who cannot work here: as root, then hand it over.
	CONVOY_BUILD_AS_ROOT=1 "$@"
	status=$?
	give_back
	exit $status
}

case ${1:-} in
foreign) foreign ;;
run)
	shift
	run "$@"
	;;
give-back) give_back ;;
*)
	echo "usage: owner.sh foreign | run COMMAND... | give-back" >&2
	exit 2
	;;
esac
