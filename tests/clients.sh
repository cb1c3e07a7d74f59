#!/bin/bash
# Asks Anser with the clients that its users have: dig, kdig, delv, and unbound as a validator.
# PEER=knot|nsd|named asks another server instead, which shows whether an expectation is fair.
set -u
here=$(cd "$(dirname "$0")" && pwd)
for program in dig kdig delv dnssec-signzone ldns-signzone; do
	if ! PATH=$PATH:/usr/sbin command -v $program >/dev/null; then
		echo "skipped: $program is not installed"
		exit 77
	fi
done
if [ -z "${PEER:-}" ] && [ ! -x "${ANSER_BIN_DIR:-}/anser-control" ]; then
	echo "skipped: no anser-control (ANSER_BIN_DIR)"
	exit 77
fi

coproc SERVER { exec /usr/bin/python3 "$here/diff/serve.py" ${PEER:+--peer $PEER}; }
server_pid=$SERVER_PID
read -r -t 100 line <&"${SERVER[0]}" || { echo "the server did not start"; exit 1; }
eval "$line"
unbound_pid=
finish() {
	[ -n "$unbound_pid" ] && kill "$unbound_pid" && wait "$unbound_pid" 2>/dev/null
	eval "exec ${SERVER[1]}>&-"
	wait "$server_pid" 2>/dev/null
}
trap finish EXIT

count=0 failed=0

# check WHAT PATTERN COMMAND...: the command's output must match the extended regular expression;
# a pattern that begins with ! must not be found.
check() {
	local what=$1 pattern=$2 output wanted=0
	shift 2
	count=$((count + 1))
	output=$("$@" 2>&1)
	[ "${pattern:0:1}" = "!" ] && wanted=1 pattern=${pattern:1}
	grep -Ezq -- "$pattern" <<<"$output"
	if [ $? -ne $wanted ]; then
		failed=$((failed + 1))
		printf 'FAILED %s\n  command: %s\n  pattern: %s\n' "$what" "$*" "$pattern"
		sed 's/^/  | /' <<<"$output" | head -40
	fi
}

dig_() { dig @127.0.0.1 -p "$PORT" +tries=2 +time=2 +norecurse "$@"; }
kdig_() { kdig @127.0.0.1 -p "$PORT" +retry=1 +timeout=2 "$@"; }
validate() {
	local zone=$1
	shift
	delv @127.0.0.1 -p "$PORT" -a "$DIR/$zone.anchor" "+root=$zone" "$@"
}

# Plain questions
check "dig A" 'status: NOERROR.*flags: qr aa;.*192\.0\.2\.80' dig_ www.nsec.test A
check "kdig AAAA" 'NOERROR.*Flags: qr aa.*2001:db8::80' kdig_ www.nsec.test AAAA
check "dig +tcp" 'NOERROR.*192\.0\.2\.80.*\(TCP\)' dig_ +tcp www.nsec.test A
check "case is kept" 'WwW\.NsEc\.TeSt\.[[:space:]]+IN' dig_ WwW.NsEc.TeSt A
check "outside: REFUSED" 'status: REFUSED' dig_ www.example.org A
check "unknown type" 'TYPE65280.*0A000001' dig_ all.nsec.test TYPE65280

# Truncation and EDNS
check "512 octets: TC" 'flags: qr aa tc' dig_ +ignore +noedns big50.nsec.test A
check "TC, then TCP" 'Truncated, retrying in TCP.*ANSWER: 50,' dig_ +noedns big50.nsec.test A
check "+bufsize=1232" 'flags: qr aa;.*ANSWER: 50,' dig_ +ignore +bufsize=1232 big50.nsec.test A
check "+bufsize=512: TC" 'flags: qr aa tc' dig_ +ignore +bufsize=512 big50.nsec.test A
check "+bufsize=65000 is capped" 'flags: qr aa tc' dig_ +ignore +bufsize=65000 huge.nsec.test TXT
check "large over TCP" 'ANSWER: 90,' dig_ +tcp huge.nsec.test TXT
check "EDNS version 1: BADVERS" 'status: BADVERS' dig_ +edns=1 +noednsneg www.nsec.test A
check "unknown option is ignored" 'status: NOERROR' dig_ +ednsopt=65001:c0ffee www.nsec.test A
check "no EDNS, no OPT" '!OPT PSEUDOSECTION' dig_ +noedns www.nsec.test A
check "DO is copied" 'flags: do;' dig_ +dnssec www.nsec.test A
check "kdig +padding is harmless" 'NOERROR' kdig_ +padding=64 www.nsec.test A
check "client subnet is harmless" 'NOERROR' dig_ +subnet=192.0.2.0/24 www.nsec.test A
check "+keepopen" '192\.0\.2\.80.*192\.0\.2\.13' dig_ +tcp +keepopen www.nsec.test A mail.nsec.test A
check "kdig +keepopen, pipelined" '192\.0\.2\.80.*192\.0\.2\.13' \
	kdig_ +tcp +keepopen www.nsec.test A mail.nsec.test A
if [ -z "${PEER:-}" ]; then
	check "NSID" 'NSID: .*anser-test' dig_ +nsid www.nsec.test A
	check "NSID by kdig" 'NSID.*anser-test' kdig_ +nsid www.nsec.test A
	check "no NSID unless asked" '!NSID' dig_ www.nsec.test A
	check "id.server" 'CH[[:space:]]+TXT[[:space:]]+"anser-id"' dig_ CH TXT id.server
	check "hostname.bind" 'CH[[:space:]]+TXT[[:space:]]+"anser-id"' dig_ CH TXT hostname.bind
	check "version.bind is off by default" 'status: REFUSED' dig_ CH TXT version.bind
	check "cookie is answered" 'COOKIE: 0123456789abcdef[0-9a-f]{32} \(good\)' \
		dig_ +cookie=0123456789abcdef www.nsec.test A
	check "cookie by kdig" 'COOKIE|Cookie' kdig_ +cookie www.nsec.test A
	check "a cookie of nine octets: FORMERR" 'status: FORMERR' \
		dig_ +nocookie +ednsopt=10:0123456789abcdef01 www.nsec.test A
fi
check "ANY over UDP is small" 'status: NOERROR.*ANSWER: [1-5],' dig_ +notcp ANY all.nsec.test
check "AXFR is refused" 'Transfer failed|REFUSED|NOTAUTH|NOTIMP' dig_ AXFR nsec.test

# Answers that a validator must accept
for zone in nsec.test nsec3.test nsec3salt.test optout.test optoutldns.test; do
	check "$zone positive" 'fully validated' validate $zone www.$zone A
	check "$zone apex SOA" 'fully validated' validate $zone $zone SOA
	check "$zone large" 'fully validated' validate $zone huge.$zone TXT
	check "$zone NODATA" 'nxrrset.*fully validated' validate $zone www.$zone TXT
	check "$zone empty non-terminal" 'nxrrset.*fully validated' validate $zone ent.$zone A
	check "$zone wildcard NODATA" 'nxrrset' validate $zone foo.wild.$zone SRV
	check "$zone CNAME chain" 'fully validated' validate $zone chain5.$zone AAAA
	check "$zone wildcard CNAME" 'fully validated' validate $zone foo.wcname.$zone A
	check "$zone DNAME" 'fully validated.*DNAME' validate $zone x.dn.$zone A
	check "$zone unknown type" 'fully validated' validate $zone all.$zone TYPE65280
	check "$zone secure delegation" 'fully validated' validate $zone secure.$zone DS
	check "$zone hosted child" 'fully validated' validate $zone www.hosted.$zone A
done
for zone in nsec.test nsec3.test nsec3salt.test; do
	check "$zone wildcard" 'fully validated.*192\.0\.2\.20' validate $zone foo.wild.$zone A
	check "$zone empty wildcard" 'nxrrset.*fully validated' validate $zone foo.wsub.$zone A
	check "$zone wildcard, deep" 'fully validated' validate $zone a.b.c.wild.$zone TXT
	check "$zone NXDOMAIN" 'ncache nxdomain.*fully validated' validate $zone nx.$zone A
	check "$zone NXDOMAIN, deep" 'ncache nxdomain.*fully validated' validate $zone a.b.nx.$zone A
	check "$zone no DS" 'nxrrset.*fully validated' validate $zone insecure.$zone DS
done
# Opt-out leaves the next closer name unproven (RFC 5155 section 9.2): insecure, not bogus.
for zone in optout.test optoutldns.test; do
	check "$zone wildcard" 'unsigned answer.*192\.0\.2\.20' validate $zone foo.wild.$zone A
	check "$zone NXDOMAIN" 'ncache nxdomain' validate $zone nx.$zone A
	check "$zone no DS" 'nxrrset' validate $zone insecure.$zone DS
done

# The same through a validating resolver
start_unbound() {
	local zone
	unbound_port=$((PORT + 1))
	{
		printf 'server:\n interface: 127.0.0.1@%d\n port: %d\n' $unbound_port $unbound_port
		printf ' username: ""\n chroot: ""\n pidfile: ""\n directory: "%s"\n' "$DIR"
		printf ' do-not-query-localhost: no\n use-syslog: no\n logfile: ""\n'
		printf ' val-override-date: "-1"\n num-threads: 1\n do-ip6: no\n'
		printf ' local-zone: "test." nodefault\n module-config: "validator iterator"\n'
		for zone in nsec.test nsec3.test nsec3salt.test optout.test optoutldns.test; do
			printf ' trust-anchor-file: "%s"\n' "$DIR/$zone.ds"
		done
		printf 'remote-control:\n control-enable: no\n'
		for zone in nsec.test nsec3.test nsec3salt.test optout.test optoutldns.test; do
			printf 'stub-zone:\n name: "%s"\n stub-addr: 127.0.0.1@%d\n stub-prime: no\n' \
				$zone "$PORT"
		done
	} >"$DIR/unbound.conf"
	unbound -d -c "$DIR/unbound.conf" >"$DIR/unbound.log" 2>&1 &
	unbound_pid=$!
	for _ in $(seq 50); do
		dig @127.0.0.1 -p $unbound_port +time=1 +tries=1 www.nsec.test A >/dev/null && return 0
		sleep 0.1
	done
	return 1
}
resolve() { dig @127.0.0.1 -p $unbound_port +tries=1 +time=5 +dnssec "$@"; }
if PATH=$PATH:/usr/sbin command -v unbound >/dev/null && PATH=$PATH:/usr/sbin start_unbound; then
	for zone in nsec.test nsec3.test; do
		check "unbound $zone positive" 'NOERROR.*flags:[^;]* ad[; ]' resolve www.$zone A
		check "unbound $zone NODATA" 'NOERROR.*flags:[^;]* ad[; ]' resolve www.$zone TXT
		check "unbound $zone NXDOMAIN" 'NXDOMAIN.*flags:[^;]* ad[; ]' resolve nx.$zone A
		check "unbound $zone wildcard" 'NOERROR.*flags:[^;]* ad[; ]' resolve foo.wild.$zone A
		check "unbound $zone wildcard NODATA" 'NOERROR.*flags:[^;]* ad[; ]' \
			resolve foo.wild.$zone SRV
		check "unbound $zone ENT" 'NOERROR.*flags:[^;]* ad[; ]' resolve ent.$zone A
		check "unbound $zone DNAME" 'NOERROR.*flags:[^;]* ad[; ]' resolve x.dn.$zone A
		check "unbound $zone child" 'NOERROR.*flags:[^;]* ad[; ]' resolve www.hosted.$zone A
		check "unbound $zone insecure child" 'NOERROR.*192\.0\.2\.111' \
			resolve www.hostedplain.$zone A
	done
	for zone in nsec3salt.test optout.test optoutldns.test; do
		check "unbound $zone positive" 'NOERROR.*flags:[^;]* ad[; ]' resolve www.$zone A
		check "unbound $zone NXDOMAIN" 'NXDOMAIN' resolve nx.$zone A
		check "unbound $zone child" 'NOERROR.*flags:[^;]* ad[; ]' resolve www.hosted.$zone A
		check "unbound $zone insecure child" 'NOERROR.*192\.0\.2\.111' \
			resolve www.hostedplain.$zone A
	done
fi

for pid in $PIDS; do
	kill -0 "$pid" 2>/dev/null || { echo "FAILED process $pid has ended"; failed=$((failed + 1)); }
done
echo "$count checks, $failed failed"
[ $failed -eq 0 ] && [ $count -gt 0 ]
