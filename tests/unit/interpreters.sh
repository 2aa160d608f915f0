#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# interpreters.sh - `convoy list --interpreters` as a command: what it prints, as whom it
# asks, and how it ends. The interpreters are scripts; needs no kernel and no permission.
# shellcheck disable=SC2016,SC2317 # others expand; is calls functions
# shellcheck source=tests/root/lib.sh
. "$(dirname "$0")/../root/lib.sh"

# A checkout of its own, which anyone can read, with sources that nobody reads.
dir=$(mktemp -d /tmp/convoy-interpreters.XXXXXX) || exit 1
trap 'rm -rf "$dir"; clean_up' EXIT
chmod 755 "$dir"
mkdir -p "$dir/checkout/workloads/python" "$dir/path" "$dir/other" "$dir/home/.pyenv/versions"
cp "$CONVOY" "$dir/checkout/convoy"
echo 'raise SystemExit("never read")' >"$dir/checkout/workloads/python/convoy_work.py"

# put FILE NAME IMPLEMENTATION VERSION: a script that says it is that.
put() {
	mkdir -p "$(dirname "$dir/$1")"
	cat >"$dir/$1" <<-EOT
		#!/bin/sh
		echo '{"schema": "convoy.interpreter/1", "name": "$2", "implementation": "$3", "version": "$4", "executable": "'"\$0"'"}'
	EOT
	chmod 755 "$dir/$1"
}

# script FILE: another one, from standard input.
script() {
	mkdir -p "$(dirname "$dir/$1")"
	{
		printf '#!/bin/sh\nPATH=/usr/bin:/bin\n'
		cat
	} >"$dir/$1"
	chmod 755 "$dir/$1"
}

list() {
	run env -u SUDO_USER -u PYENV_ROOT -u RBENV_ROOT "PATH=$dir/path:$dir/other" \
		"HOME=$dir/home" "$dir/checkout/convoy" list --interpreters
}

run "$CONVOY" list
is 'list: names the option' grep -q 'convoy list --interpreters' "$out"
run "$CONVOY" list --interpreters=all
is '--interpreters takes no value: exit 2' failed_with 2
run "$CONVOY" list python3
is 'no argument: exit 2' failed_with 2 "'python3' is not an option"
run "$CONVOY" list --help
is '--help: says what it does' grep -q 'executed once' "$out"

list
is 'none: exit 0' [ "$status" -eq 0 ]
is 'none: says so' complained 'there is no interpreter, neither in PATH nor of pyenv or rbenv'
is 'none: no table' [ ! -s "$out" ]

put path/python3.11 python3.11 CPython 3.11.2
put other/pypy3 pypy3 PyPy 3.10.14
put home/.pyenv/versions/3.11.7/bin/python3.11 python3.11 CPython 3.11.7
put home/.pyenv/versions/2.7.18/bin/python python2.7 CPython 2.7.18
put home/.rbenv/versions/3.3.1/bin/ruby ruby3.3 CRuby 3.3.1
ln -s python3.11 "$dir/path/python3"
ln -s ../path/python3.11 "$dir/other/python"
script home/.pyenv/shims/python3.12 <<<'echo "pyenv: version is not active" >&2; exit 127'
script path/python3-config <<<'touch "$0.started"'
list
cat >"$tmp/expected" <<EOT
name          implementation  version  path                                            modes
python2.7     CPython         2.7.18   DIR/home/.pyenv/versions/2.7.18/bin/python      serial,threads,processes,pool
python3.11.2  CPython         3.11.2   DIR/path/python3.11                             serial,threads,processes,pool
python3.11.7  CPython         3.11.7   DIR/home/.pyenv/versions/3.11.7/bin/python3.11  serial,threads,processes,pool
pypy3         PyPy            3.10.14  DIR/other/pypy3                                 serial,threads,processes,pool
ruby3.3       CRuby           3.3.1    DIR/home/.rbenv/versions/3.3.1/bin/ruby         serial,threads,processes
EOT
# The column is as wide as the longest path, whatever the directory is called.
squeezed() {
	sed "s|$dir|DIR|g" "$1" | tr -s ' '
}
is 'all: exit 0' [ "$status" -eq 0 ]
is 'all: nothing to complain of' quiet
is 'all: each once, in order' diff <(squeezed "$tmp/expected") <(squeezed "$out")
columns() {
	[ "$(awk '{ print index($0, $5) }' "$out" | sort -u | wc -l)" -eq 1 ]
}
is 'all: columns' columns
is 'all: what is no interpreter is not started' [ ! -e "$dir/path/python3-config.started" ]

# What is broken comes after the rest, and hinders nothing.
printf '\177ELF\2\1\1' >"$dir/path/python3.5"
chmod 755 "$dir/path/python3.5"
script path/python3.4 <<<'printf "\033[31mno\007\n" >&2; exit 1'
script path/python3.3 <<<'echo usage: none'
script path/pypy <<<'setsid sleep 1000 & echo $! >"$0.pid"; echo "{}"'
list
is 'broken: exit 0' [ "$status" -eq 0 ]
is 'broken: the others are listed' diff <(squeezed "$tmp/expected") <(squeezed "$out")
is 'broken: a message for each' [ "$(grep -c '^convoy: ' "$err")" -eq 4 ]
is 'broken: another architecture' grep -q "python3.5.*neither a program of this machine" "$err"
is 'broken: last words, harmless' harmless "$err"
is 'broken: last words' grep -qF 'exit status 1: \x1b[31mno\x07' "$err"
is 'broken: no answer' grep -q "python3.3.*it printed 'usage: none'" "$err"
# ended FILE: the process whose number is in it, within a moment.
ended() {
	local pid tries

	pid=$(cat "$dir/$1") || return 1
	for ((tries = 0; tries < 1000; tries++)); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.01
	done
	return 1
}
is 'broken: what it left behind is ended' ended path/pypy.pid
rm "$dir/path/python3.5" "$dir/path/python3.4" "$dir/path/python3.3" "$dir/path/pypy"

# A full disk is an error.
if [ -w /dev/full ]; then
	run env "PATH=$dir/path" "HOME=$dir/home" "$BASH" -c 'exec "$0" list --interpreters >/dev/full' \
		"$dir/checkout/convoy"
	is 'the list cannot be written: exit 6' failed_with 6 'cannot write the list'
else
	skip 'the list cannot be written: exit 6' 'no /dev/full'
fi

# Without the sources there is nothing to ask with.
mkdir "$dir/bare"
cp "$CONVOY" "$dir/bare/convoy"
if [ -e /usr/local/libexec/convoy/python ]; then
	skip 'no sources: exit 6' 'convoy is installed here'
else
	run "$dir/bare/convoy" list --interpreters
	is 'no sources: exit 6' failed_with 6 'cannot find python/convoy_work.py'
fi

# Ctrl-C while one is asked.
script path/python3.0 <<<'echo $$ >"$0.pid"; exec sleep 1000'
interrupted() {
	local signal=$1 expected=$2 tries

	rm -f "$dir/path/python3.0.pid"
	env --default-signal -u SUDO_USER "PATH=$dir/path" "HOME=$dir/home" "$dir/checkout/convoy" \
		list --interpreters >"$out" 2>"$err" </dev/null &
	started+=("$!")
	for ((tries = 0; tries < 3000; tries++)); do
		[ ! -s "$dir/path/python3.0.pid" ] || break
		sleep 0.01
	done
	kill -s "$signal" "$!"
	wait "$!"
	status=$?
	[ $status -eq "$expected" ]
}
for signal in INT:130 TERM:143; do
	is "SIG${signal%:*}: its exit status" interrupted "${signal%:*}" "${signal#*:}"
	is "SIG${signal%:*}: no table, no message" [ ! -s "$out" -a ! -s "$err" ]
	is "SIG${signal%:*}: the interpreter is ended" ended path/python3.0.pid
done
rm -f "$dir/path"/python3.0*

# Under sudo everything is executed as who called it, in an environment that is theirs.
if [ "$(id -u)" -ne 0 ]; then
	skip 'under sudo' 'needs root'
elif ! id nobody >/dev/null 2>&1; then
	skip 'under sudo' 'there is no user nobody'
else
	mkdir -m 777 "$dir/open"
	script path/python3.7 <<-EOT
		{ id -u; id -g; echo "\$USER \$HOME \$SUDO_USER"; grep CapEff: /proc/self/status; } >'$dir/open/who'
		exit 1
	EOT
	run env SUDO_USER=nobody "PATH=$dir/path" "HOME=$dir/home" "$dir/checkout/convoy" \
		list --interpreters
	cat >"$tmp/who" <<-EOT
		$(id -u nobody)
		$(id -g nobody)
		nobody $(getent passwd nobody | cut -d: -f6) 
		CapEff:	0000000000000000
	EOT
	is 'under sudo: exit 0' [ "$status" -eq 0 ]
	is 'under sudo: asked as the user' diff "$tmp/who" "$dir/open/who"
	is "under sudo: root's pyenv is not looked at" [ -z "$(grep pyenv "$out")" ]
	is 'under sudo: those in PATH are found' grep -q '^python3.11 ' "$out"
	rm "$dir/path/python3.7"
	mkdir "$dir/closed"
	put closed/python3.8 python3.8 CPython 3.8.1
	chmod 700 "$dir/closed"
	run env SUDO_USER=nobody "PATH=$dir/path:$dir/closed" "HOME=$dir/home" \
		"$dir/checkout/convoy" list --interpreters
	is "under sudo: no word of what the user cannot see" quiet
	is 'under sudo: nor is it listed' [ -z "$(grep python3.8 "$out")" ]
	run env SUDO_USER=no-such-user "PATH=$dir/path" "$dir/checkout/convoy" list --interpreters
	is 'under sudo: nobody of that name: exit 6' failed_with 6 "no-such-user.*SUDO_USER"
	script path/python3.7 <<<"id -u >'$dir/open/root'; exit 1"
	run env SUDO_USER=root "PATH=$dir/path" "HOME=$dir/home" "$dir/checkout/convoy" \
		list --interpreters
	is 'under sudo by root: as root' [ "$(cat "$dir/open/root")" = 0 ]
	rm "$dir/path/python3.7"
fi

# The real ones, with the real sources.
if [ ! -e "$CONVOY_SRC/workloads/python/convoy_work.py" ]; then
	skip 'this machine' 'no sources for interpreters here'
else
	run env -u SUDO_USER "$CONVOY" list --interpreters
	is 'this machine: exit 0' [ "$status" -eq 0 ]
	if [ ! -s "$out" ]; then
		skip 'this machine: all are what they say' 'no interpreter here'
	else
		# Each is asked once more, by its own means.
		agree() {
			local name implementation version path modes

			while read -r name implementation version path modes; do
				case $implementation in
				CPython | PyPy) "$path" -c 'import platform; print(platform.python_version())' ;;
				*) "$path" -e 'puts RUBY_ENGINE_VERSION' ;;
				esac >"$tmp/version" || return 1
				[ "$(cat "$tmp/version")" = "$version" ] || return 1
				[[ $modes == serial,threads* ]] || return 1
				[[ $name =~ ^[a-z]+[0-9] ]] || return 1
			done < <(tail -n +2 "$out")
		}
		is 'this machine: all are what they say' agree
		is 'this machine: names are different' \
			[ -z "$(awk '{ print $1 }' "$out" | sort | uniq -d)" ]
		echo "# note: interpreters here: $(tail -n +2 "$out" | awk '{ printf "%s ", $1 }')"
	fi
fi
finish
