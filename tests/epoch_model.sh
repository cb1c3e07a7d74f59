#!/bin/sh
# Checks the model of the grace protocol, docs/epoch.pml, and that it can fail: with any one of
# the protocol's rules taken away spin must find a violation.
set -eu

command -v spin >/dev/null 2>&1 || {
	echo "spin is not installed"
	exit 77
}
model=${ANSER_SOURCE_DIR:-$(cd "$(dirname "$0")/.." && pwd)}/docs/epoch.pml
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# errors <safe|live> <definitions for spin>...: prints how many violations there are.
errors()
{
	kind=$1
	shift
	case $kind in
	safe)
		build=-DSAFETY
		run=-E
		;;
	live)
		build=-DNFAIR=4
		run="-a -f"
		set -- -DLIVE "$@"
		;;
	esac
	spin "$@" -a "$model" >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
	# shellcheck disable=SC2086
	${CC:-cc} -w -O2 $build -DCOLLAPSE -o pan pan.c
	# shellcheck disable=SC2086
	./pan $run -m1000000 >pan.log
	rm -f ./*.trail
	grep -q 'states, stored' pan.log || { cat pan.log >&2; exit 1; }
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

failed=0
expect()
{
	want=$1
	shift
	got=$(errors "$@")
	echo "$*: $got"
	[ "$got" = "$want" ] || { echo "expected $want"; failed=1; }
}

expect 0 safe
expect 0 safe -DUPDATES=4
expect 0 live
for bug in ASK_FIRST NO_SYNCHRONIZE ANSWER_BEFORE_SWITCH FORGET_AT_HANGUP; do
	expect 1 safe "-DBUG_$bug"
done
expect 1 live -DBUG_IGNORE_DEATH
exit $failed
