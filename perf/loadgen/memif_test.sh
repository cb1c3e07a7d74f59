#!/bin/sh
# The generator against another process: testpmd swaps what memif brings, and sends it back.
#
#	memif_test.sh ANSER-LOAD
set -eu

load=$1
if ! command -v dpdk-testpmd >/dev/null; then
	echo "skipped: no dpdk-testpmd (package dpdk-dev)"
	exit 77
fi
work=$(mktemp -d)
peer=
trap '[ -z "$peer" ] || kill -9 "$peer" 2>/dev/null || true; rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR="$work"
cpus=$(sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/self/status)
cpu=${cpus%%[!0-9]*}
peer_cpu=${cpus##*[!0-9]}

fail() {
	echo "memif_test: $1"
	cat "$work/out" "$work/peer"
	exit 1
}

memif="net_memif0,socket=$work/memif,socket-abstract=no"
dpdk-testpmd --lcores "0@$peer_cpu,1@$peer_cpu" --no-huge --no-shconf -m 128 --no-pci \
	--vdev "$memif,role=server" \
	-- --forward-mode=5tswap --nb-cores=1 --total-num-mbufs=4096 --stats-period=3600 \
	</dev/null >"$work/peer" 2>&1 &
peer=$!
# Its socket is there before its port is started; a client that comes in between is turned away,
# and does not come again.
i=0
while ! grep -q 'forwards packets' "$work/peer" && [ $i -lt 200 ]; do
	sleep 0.1
	i=$((i + 1))
done

# testpmd begins to forward some time after the link has come up. Few enough queries that sharing one
# processor with it loses none.
"$load" --pattern 'n%07u.example. A' --table 5000 --ipv6 30 --echo all --sample 1 \
	--rate 20k/500 --warm-up 2 --seconds 0.3 --timeout 2 --mbufs 4095 --json "$work/json" \
	-- -l "$cpu" --no-huge --no-shconf -m 64 --no-pci --vdev "$memif,role=client" \
	>"$work/out" 2>&1 || fail "status $?"
/usr/bin/python3 - "$work/json" <<-'END' || fail "not all came back"
	import json, sys
	[step] = json.load(open(sys.argv[1]))
	assert step["answered"] > 500 and step["answered"] == step["offered"], step
	assert step["checked"] == step["answered"] and step["flawed"] == 0, step
END
