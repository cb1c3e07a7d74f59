#!/bin/sh
# Kills and stops the programs in turn: whatever happens to one, queries are answered, and the
# programs find each other again.
set -eu

bin=${ANSER_BIN_DIR:?}
command -v dig >/dev/null 2>&1 || {
	echo "dig is not installed"
	exit 77
}
run=$(mktemp -d /tmp/survival.XXXXXX)
port=$((20000 + $$ % 20000))
control=

finish()
{
	status=$?
	[ $status = 0 ] || cat "$run/log"
	[ -z "$control" ] || kill -9 "$control" 2>/dev/null || :
	dataplane=$(dataplane_pid)
	[ -z "$dataplane" ] || kill -9 $dataplane 2>/dev/null || :
	rm -rf "$run"
}

cat >"$run/anser.yaml" <<END
server:
  listen: [127.0.0.1@$port]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: $bin/anser-dataplane
  stopped-after: 1s
zones:
  - name: example.com
    file: zone
END

# write_zone <serial>: the address says which version of the zone answers.
write_zone()
{
	cat >"$run/zone" <<END
\$ORIGIN example.com.
\$TTL 60
@ IN SOA ns1 hostmaster $1 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.1
www IN A 192.0.2.$1
END
}

say()
{
	echo "-- $*"
}

fail()
{
	echo "FAILED: $*"
	exit 1
}

ask()
{
	dig +short +time=1 +tries=1 -p "$port" @127.0.0.1 "${1:-www.example.com}" A 2>/dev/null || :
}

dataplane_pid()
{
	pgrep -f "anser-dataplane --control-socket $run/dataplane.sock" || :
}
trap finish EXIT

# until_true <command>...: within 10 seconds.
until_true()
{
	i=0
	until "$@"; do
		i=$((i + 1))
		[ $i -lt 100 ] || fail "never: $*"
		sleep 0.1
	done
}

answers()
{
	[ "$(ask)" = "192.0.2.$1" ]
}

start_control()
{
	"$bin/anser-control" -c "$run/anser.yaml" >>"$run/log" 2>&1 &
	control=$!
}

ctl()
{
	"$bin/anserctl" -s "$run/control.sock" "$@" >>"$run/log" 2>&1
}

say "start"
write_zone 1
start_control
until_true answers 1
first=$(dataplane_pid)
[ "$(echo "$first" | wc -w)" = 1 ] || fail "one data plane, not: $first"

say "kill -9 the control plane: the data plane answers on"
kill -9 "$control"
wait "$control" 2>/dev/null || :
for i in 1 2 3; do
	answers 1 || fail "no answer without the control plane"
	[ "$(dataplane_pid)" = "$first" ] || fail "the data plane did not outlive its parent"
	sleep 0.3
done

say "start it again: the same data plane attaches and shows new data"
write_zone 2
start_control
until_true answers 2
sleep 1.5
[ "$(dataplane_pid)" = "$first" ] || fail "$first was joined or replaced: $(dataplane_pid)"

say "a change is visible when the command returns"
for i in 3 4 5 6 7; do
	write_zone $i
	ctl zone reload example.com || fail "reload $i"
	answers $i || fail "version $i is not visible after the reload"
done

say "kill -9 the data plane: another one serves"
kill -9 "$first"
until_true answers 7
second=$(dataplane_pid)
[ -n "$second" ] && [ "$second" != "$first" ] || fail "no new data plane"

say "SIGSTOP the data plane: changes go on, and it shows them when it continues"
kill -STOP "$second"
write_zone 8
ctl zone reload example.com || : # it may report that not everybody has seen it
write_zone 9
ctl zone reload example.com || :
kill -CONT "$second"
until_true answers 9
[ "$(dataplane_pid)" = "$second" ] || fail "$second was replaced: $(dataplane_pid)"

say "SIGTERM: both end"
kill -TERM "$control"
wait "$control" || fail "exit status $?"
control=
no_dataplane()
{
	[ -z "$(dataplane_pid)" ]
}
until_true no_dataplane
[ ! -e "$run/dataplane.sock" ] || fail "the socket was left behind"
echo "all survived"
