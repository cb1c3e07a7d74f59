#!/bin/sh
# The generator against itself: a ring in memory gives every frame back as it was sent.
#
#	loop_test.sh ANSER-LOAD
set -eu

load=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR="$work" # where EAL keeps its sockets when it is not root

cpu=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)

run() {
	"$load" --pattern 'n%07u.example. A' --table 5000 --ipv6 30 --do 50 --sources 9 \
		--seconds 0.2 --warm-up 0.05 --json "$work/json" "$@" \
		--mbufs 4095 -- -l "$cpu" --no-huge -m 64 --no-pci --file-prefix "anser-loop-$$" --vdev="$vdev" \
		>"$work/out" 2>&1
}

fail() {
	echo "loop_test: $1"
	cat "$work/out" "$work/json"
	exit 1
}

# Everything that was sent came back, was known, and looked as it was sent.
vdev=net_ring0
for options in '' '--rate 200k' '--in-flight 8' '--vlan 12 --burst 1' '--rate max/9,100k --curve 0.1,0.2'; do
	run --echo none $options || fail "status $? with \"$options\""
	/usr/bin/python3 - "$work/json" <<-'END' || fail "not all came back with \"$options\""
		import json, sys
		for step in json.load(open(sys.argv[1])):
		    assert step["answered"] > 1000, step
		    assert step["answered"] == step["offered"], step
		    assert step["unexpected"] == step["foreign"] == step["flawed"] == 0, step
		    assert step["checked"] >= step["answered"] // 16, step
	END
done

# What comes back unchanged is neither an answer nor swapped.
run && fail "queries are taken for answers"
grep -q 'no reply at all' "$work/out" || fail "no word of missing replies"
run --echo mac && fail "frames with wrong MAC addresses are taken for good ones"
grep -q 'not as they must be' "$work/out" || fail "no word of wrong replies"

# A port that gives nothing back, and one that gives what nobody sent.
vdev=net_null0,no-rx=1
run --echo none && fail "replies that never came"
vdev=net_null0,copy=1
run --echo none && fail "zeros are taken for replies"
/usr/bin/python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))[0]["foreign"] > 1000' \
	"$work/json" || fail "foreign frames are not counted"
