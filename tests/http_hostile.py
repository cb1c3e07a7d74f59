#!/usr/bin/python3
"""The HTTP server of anser-control: what curl gets, and what hostile and broken clients get, while
DNS is asked all the time and has to be answered as if nothing was going on.

Starts anser-control of ANSER_BIN_DIR (or of the directory given as argument) with a data plane.
"""

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback

import dns.message
import dns.query
import dns.rcode

from checks import ControlSocket, Failure, Programs, busy_seconds, check, end_process, free_ports, keeps_little, until

TIMEOUT = 1.0   # seconds, as configured
LATE = 1.0      # how much later than that is still in time
PATIENCE = 8.0
CONNECTIONS, PER_CLIENT = 60, 20
MAX_BODY = 65536
KEY = "correct-horse-battery"

ZONE = """$ORIGIN example.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
"""

CONFIG = """server:
  listen: 127.0.0.1@%(dns)d
  io: udp
api:
  listen: 127.0.0.1@%(http)d
  tls-listen: 127.0.0.1@%(https)d
  key-file: key
  max-connections: %(connections)d
  max-per-client: %(per_client)d
  timeout: %(timeout)dms
  max-body: %(max_body)d
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
zones:
  - { name: example., file: example.zone }
"""


class Server(Programs):
    def __init__(self, binary, descriptors=None, connections=CONNECTIONS, per_client=PER_CLIENT):
        super().__init__("anser-http")
        self.dns, self.http, self.https = free_ports(3)
        self.write("example.zone", ZONE)
        self.write("key", KEY + "\n")
        self.write("anser.yaml", CONFIG % {
            "dns": self.dns, "http": self.http, "https": self.https,
            "connections": connections, "per_client": per_client,
            "timeout": TIMEOUT * 1000, "max_body": MAX_BODY})
        limit = ["prlimit", "--nofile=%d" % descriptors] if descriptors else []
        self.process = self.spawn(*limit, binary, "-c", self.path("anser.yaml"), **keeps_little())

    def is_ready(self):
        check(self.process.poll() is None, "anser-control has ended")
        with contextlib.suppress(OSError, Failure):
            return self.ask("GET /readyz")[0] == 200
        return False

    def wait_until_ready(self):
        until("it is ready", self.is_ready, 15)

    def connect(self, source=1, tls=False, receive_buffer=None):
        client = socket.socket()
        client.settimeout(PATIENCE)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.bind(("127.0.0.%d" % source, 0))
        client.connect(("127.0.0.1", self.https if tls else self.http))
        return client

    def connect_unix(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(self.path("api.sock"))
        return client

    def ask(self, request, headers="", body=b"", source=1, unix=False):
        with (self.connect_unix() if unix else self.connect(source)) as client:
            head = "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s" % (request, headers)
            if body:
                head += "Content-Length: %d\r\n" % len(body)
            client.sendall(head.encode() + b"\r\n" + body)
            return answer_of(until_closed(client))

    def busy_seconds(self):
        return busy_seconds(self.process.pid)

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def stop(self):
        return end_process(self.process)


def until_closed(client):
    """What comes until the server hangs up. A reset is as good."""
    octets = b""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            octets += piece
    return octets


def answer_of(octets):
    head, _, body = octets.partition(b"\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 "), "no answer but %r" % octets[:80])
    lines = head.decode().split("\r\n")
    headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}
    return int(lines[0].split()[1]), headers, body


class Watch(threading.Thread):
    """Asks over UDP and TCP all the time, and counts what is not answered well and soon."""

    def __init__(self, port, patience=1):
        super().__init__(daemon=True)
        self.patience = patience
        self.port, self.asked, self.failures, self.slowest = port, 0, [], 0
        self.ended = threading.Event()

    def run(self):
        query = dns.message.make_query("www.example.", "A")
        while not self.ended.wait(0.01):
            for ask in (dns.query.udp, dns.query.tcp):
                start = time.monotonic()
                try:
                    answer = ask(query, "127.0.0.1", timeout=2, port=self.port)
                    if answer.rcode() != dns.rcode.NOERROR or not answer.answer:
                        self.failures.append("%s: wrong" % ask.__name__)
                except Exception as error:
                    self.failures.append("%s: %r" % (ask.__name__, error))
                self.asked += 1
                self.slowest = max(self.slowest, time.monotonic() - start)

    def verdict(self, what):
        end = time.monotonic() + PATIENCE
        while self.asked < 4 and time.monotonic() < end:
            time.sleep(0.01)
        asked, failures, slowest = self.asked, list(self.failures), self.slowest
        self.asked, self.failures, self.slowest = 0, [], 0
        check(asked, "%s: nothing was asked" % what)
        check(not failures, "%s: %d of %d queries failed: %s" %
              (what, len(failures), asked, failures[:1]))
        check(slowest < self.patience, "%s: a query took %.2f s" % (what, slowest))


# ---- curl ----

def curl(server, *arguments):
    result = subprocess.run(["curl", "-sS", "--max-time", "5", "--noproxy", "*", *arguments],
                            capture_output=True, cwd=server.dir)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def curl_over_everything(server):
    http = "http://127.0.0.1:%d" % server.http
    https = "https://localhost:%d" % server.https
    trust = ("--cacert", "store/tls/cert.pem")
    key = ("-H", "X-API-Key: " + KEY)
    bearer = ("-H", "Authorization: Bearer " + KEY)
    unix = ("--unix-socket", "api.sock")
    for arguments in ((http + "/healthz",), (*trust, https + "/healthz"),
                      (*unix, "http://localhost/healthz")):
        check(curl(server, *arguments) == (0, "ok\n", ""), "curl %s" % (arguments,))
    for arguments in ((*key, http + "/api"), (*bearer, http + "/api"), (*trust, *key, https + "/api"),
                      (*unix, "http://localhost/api"), (*unix, "http://anser/api")):
        check(curl(server, *arguments)[1] == '[{"url": "/api/v1", "version": 1}]',
              "curl %s: %s" % (arguments, curl(server, *arguments)))
    code, _, _ = curl(server, https + "/healthz")
    check(code == 60, "an unknown certificate is trusted (%d)" % code)
    body = '{"command": "zone show", "args": {"zone": "example"}}'
    for arguments in ((*unix, "http://localhost"), (*key, http)):
        code, text, _ = curl(server, *arguments[:-1], "--json", body,
                             arguments[-1] + "/api/anser/v1/run")
        check(code == 0 and json.loads(text)["serial"] == 1, "run: %s" % text)
    code, text, _ = curl(server, *unix, "http://localhost/")
    check(code == 0 and "page.js" in text and "://" not in text, "the page: %s" % text)


def shapes_of_powerdns(server):
    base = "/api/v1/servers/localhost"
    get = lambda path: json.loads(server.ask("GET " + path, unix=True)[2])
    one = get(base)
    check(get("/api/v1/servers") == [one], "servers")
    check(one["type"] == "Server" and one["id"] == "localhost" and one["url"] == base, "server")
    check([int(part) for part in one["version"].split("-")[0].split(".")] >= [4, 5, 0], "version")
    settings = get(base + "/config")
    check(all(set(s) == {"name", "type", "value"} and isinstance(s["value"], str)
              for s in settings), "config")
    check({"name": "api-key", "type": "ConfigSetting", "value": "***"} in settings, "api-key")
    before = int(get(base + "/statistics?statistic=tcp-queries")[0]["value"])
    query = dns.message.make_query("www.example.", "A")
    for _ in range(10):
        dns.query.tcp(query, "127.0.0.1", timeout=2, port=server.dns)
    check(int(get(base + "/statistics?statistic=tcp-queries")[0]["value"]) >= before + 10,
          "ten queries over TCP are not counted")
    names = [item["name"] for item in get(base + "/statistics")]
    check("uptime" in names and "udp-queries" in names and "response-by-rcode" in names, "names")
    status, _, body = server.ask("GET %s/statistics?statistic=nonsense" % base, unix=True)
    check((status, body) == (422, b'{"error": "Unknown statistic name"}'), "unknown statistic")
    check(server.ask("GET /api/v1/servers/other", unix=True)[0] == 404, "another server")
    check(get("/api/anser/v1/status")["zones"]["served"] == 1, "status")
    check(get("/api/anser/v1/stats")["attachments"][0]["workers"] == 1, "stats")


def who_may_ask(server):
    key, wrong = "X-API-Key: %s\r\n" % KEY, "X-API-Key: %sx\r\n" % KEY
    for path in ("/api", "/api/v1/servers", "/api/anser/v1/stats", "/api/nothing"):
        for header in ("", wrong, "X-API-Key:\r\n", "Authorization: Basic %s\r\n" % KEY):
            status, headers, _ = server.ask("GET " + path, header)
            check(status == 401 and "www-authenticate" in headers, "%s %r: %d" % (path, header, status))
    check(server.ask("GET /api/nothing", key)[0] == 404, "unknown path")
    check(server.ask("GET /", "")[0] == 200, "the page")
    check("default-src 'none'; script-src 'self'" in
          server.ask("GET /", "")[1]["content-security-policy"], "policy of the page")
    file = b'{"command": "conf check", "args": {"file": "/etc/passwd"}}'
    check(server.ask("POST /api/anser/v1/run", key, file)[0] == 403, "a file by TCP")
    check(server.ask("POST /api/anser/v1/run", "", file, unix=True)[0] == 422, "a file by socket")
    for header in ("Origin: http://evil.example\r\n", "Origin: null\r\n"):
        check(server.ask("GET /api", header, unix=True)[0] == 403, header)
    with server.connect_unix() as client:
        client.sendall(b"GET /api HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        check(answer_of(until_closed(client))[0] == 403, "a name of the DNS leads to the socket")


def wrong_requests(server):
    key = "X-API-Key: %s\r\n" % KEY
    run = "POST /api/anser/v1/run"
    deep = b"[" * 1000
    cases = [
        ("BREW /healthz", "", b"", 405), ("DELETE /healthz", "", b"", 405),
        ("GET /api/anser/v1/run", key, b"", 405), ("GET /healthz/x", "", b"", 404),
        ("GET /%", "", b"", 400), ("GET /" + "a/" * 50, "", b"", 404),
        (run, key, b"", 400), (run, key, b"{", 400), (run, key, deep, 400),
        (run, key, b'{"command": 1}', 400), (run, key, b'{"command": "nonsense"}', 400),
        (run, key, b'{"command": "zone show", "args": {"zone": "absent."}}', 422),
        (run, key + "Content-Type: text/plain\r\n", b'{"command": "version"}', 200),
        (run, key + "Content-Type: multipart/form-data; boundary=x\r\n", b"--x\r\n", 400),
        (run, key, b" " * (MAX_BODY + 1), 413), (run, "", b" " * (MAX_BODY + 1), 413),
        (run, key + "Content-Length: 99999999999999999999\r\n", b"", 413),
        ("GET /api", key, b"{}", 200),
    ]
    for request, headers, body, want in cases:
        try:
            status = server.ask(request, headers, body)[0]
        except (BrokenPipeError, ConnectionResetError):
            status = 413 if len(body) > MAX_BODY else None
        check(status == want, "%s %r: %s, not %d" % (request, body[:20], status, want))
    for octets in (b"\x00" * 100, b"\r\n" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                   b"GET / HTTP/1.1\r\nHost\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", os.urandom(2000),
                   b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(300)):
        with server.connect() as client:
            client.sendall(octets)
            client.shutdown(socket.SHUT_WR)
            answer = until_closed(client)
            check(not answer or answer.startswith(b"HTTP/1.") and b" 200 " not in answer[:20],
                  "%r: %r" % (octets[:20], answer[:40]))


def long_heads(server):
    for head in ("X-Long: " + "x" * 20000, "\r\n".join("X-%d: y" % i for i in range(4000))):
        with server.connect() as client:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(("GET /healthz HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n" % head).encode())
            answer = until_closed(client)
            check(not answer or b" 431 " in answer[:20], "long head: %r" % answer[:40])
    with server.connect() as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = until_closed(client)
        check(not answer or b" 414 " in answer[:20] or b" 431 " in answer[:20],
              "long target: %r" % answer[:40])


def statuses(octets):
    """Of all answers on a connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", octets)]


def asked_raw(server, octets):
    """The statuses of what comes back for octets that are sent as they are."""
    with server.connect() as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(octets)
            client.shutdown(socket.SHUT_WR)
        return statuses(until_closed(client))


INNER = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"


def bodies_of_two_ends(server):
    """Where a body ends must not be a matter of taste: what one reads as the body of the first
    request is to another a request of its own, which a proxy in front has never seen. libmicrohttpd sends the head of its
    own refusals twice."""
    chunked = b"0\r\n\r\n" + INNER
    length = b"Content-Length: %d\r\n" % len(chunked)
    coding = b"Transfer-Encoding: chunked\r\n"
    heads = [
        length + coding, coding + length, coding + b"Content-Length: 0\r\n",
        b"Content-Length: 5\r\n" + length, length + b"Content-Length: 5\r\n",
        b"Content-Length: +5\r\n", b"Content-Length: -5\r\n", b"Content-Length: 0x5\r\n",
        b"Content-Length: 5, 5\r\n", b"Content-Length: 5 5\r\n", b"Content-Length:\r\n",
        b"Content-Length : 5\r\n", b"Content-Length\r\n",
        b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n", b"Transfer-Encoding: identity, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n", b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: y\n" + coding + length,
        b"Host: other\r\n", b"X Y: z\r\n",
    ]
    for head in heads:
        for method in (b"POST /api/anser/v1/run", b"GET /readyz"):
            got = asked_raw(server, method + b" HTTP/1.1\r\nHost: h\r\nX-API-Key: %s\r\n" % KEY.encode() +
                            head + b"\r\n" + chunked)
            check(all(400 <= status <= 501 for status in got), "%r with %r: %s" % (method, head, got))


def chunks(server):
    """By this road come bodies whose length nobody has said."""
    head = ("POST /api/anser/v1/run HTTP/1.1\r\nHost: h\r\nX-API-Key: %s\r\n"
            "Transfer-Encoding: chunked\r\n\r\n" % KEY).encode()
    good = b'{"command": "version"}'
    octet_by_octet = b"".join(b"1\r\n%c\r\n" % octet for octet in good)
    for body in (octet_by_octet, b"%X\r\n%s\r\n" % (len(good), good),
                 b"%x;name=value\r\n%s\r\n" % (len(good), good), b"000000%x\r\n%s\r\n" % (len(good), good)):
        got = asked_raw(server, head + body + b"0\r\n\r\n")
        check(got == [200], "%r: %s" % (body[:30], got))
    got = asked_raw(server, head + octet_by_octet + b"0\r\nContent-Length: 5\r\n\r\n")
    check(got in ([200], [400], []), "a trailer: %s" % got)
    for body in (b"zz\r\n", b"-1\r\n", b"0x5\r\nhello\r\n", b"+5\r\nhello\r\n", b" 5\r\nhello\r\n",
                 b"fffffffffffffffff\r\n", b"10000000000000005\r\nhello\r\n", b"5\r\nhello!0\r\n\r\n",
                 b"5\r\nhel", b"\r\n\r\n", b"5" + b"0" * 5000, b"5;" + b"x" * 40000 + b"\r\nhello\r\n",
                 b"\x00\r\n", b"5\x00\r\nhello\r\n"):
        got = asked_raw(server, head + body + b"0\r\n\r\n" + INNER)
        check(all(400 <= status <= 501 for status in got), "%r: %s" % (body[:30], got))
    piece = b"1000\r\n" + b" " * 4096 + b"\r\n"
    got = asked_raw(server, head + piece * (MAX_BODY // 4096 + 2) + b"0\r\n\r\n")
    check(got in ([413], []), "too much in chunks: %s" % got)


def pipelined_behind_bad(server):
    """What stands behind a request that ends the connection is not answered."""
    got = asked_raw(server, INNER + b"GET / HTTP/1.1\r\nHost\r\n\r\n" + INNER * 3)
    check(got in ([200, 400], [200]), "behind a bad one: %s" % got)
    got = asked_raw(server, INNER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + INNER * 3)
    check(got == [200], "behind a last one: %s" % got)


BAD_JSON = [
    b'{"a": 1, "a": 2}', b'{"command": "version", "command": "status"}', b'{"a": "\xff"}',
    b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}', b'{"a": "\\ud800"}', b'{"a": "\\udc00\\ud800"}',
    b'{"a\\u0000b": 1}', b'{"a": "\x00"}', b'\x00', b'\xef\xbb\xbf{}', b"\xff\xfe{\x00}\x00", b"{}{}", b"{} x",
    b"[" * 40 + b"]" * 40, b'{"a":' * 40 + b"1" + b"}" * 40, b'{"a":[' * 20 + b"]}" * 20, b'{"a": 1e999}',
    b'{"a": 99999999999999999999999}', b'{"a": 01}', b'{"a": .5}', b'{"a": NaN}', b"{'a': 1}", b'{"a": 1,}',
    b'{"a"', b'"', b'{"a": tru}', b'{"a": "\n"}', b"nul", b"[" * 60000,
]
ODD_TEXTS = ["\\u0000", "a\\u0000b", "\\u202e", "../../etc/passwd", "/", "\\n", "\\u0007", "'", "%00", "$(x)", "*",
             "a" * 64, "a." * 128, "a..b", ".", "", "\\u00e9", "\\ud83d\\ude00", "\\\\000", "\\\\999"]


def files_of(server):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(server.dir) for name in names)


def odd_json(server):
    """Wherever JSON is taken: refused in JSON, and nothing else comes of it."""
    key = "X-API-Key: %s\r\n" % KEY
    zones = "/api/v1/servers/localhost/zones"
    places = ["POST /api/anser/v1/run", "POST " + zones, "PATCH %s/example." % zones,
              "PUT %s/example." % zones, "POST /api/anser/v1/batch", "POST %s/example./metadata" % zones]
    before = server.ask("GET %s/example." % zones, key)[2]
    for place in places:
        for body in BAD_JSON:
            status, _, answer = server.ask(place, key, body)
            check(status == 400 and "error" in json.loads(answer), "%s %r: %s" % (place, body[:30], status))
        for body in (b"[]", b"null", b'""', b"1", b"{}", b'{"rrsets": 1}', b'{"rrsets": [1]}',
                     b'{"zones": [1]}', b'{"zones": {}}', b'{"command": []}', b'{"name": {}, "kind": []}'):
            status, _, answer = server.ask(place, key, body)
            check(status in (200, 204, 400, 404, 422), "%s %r: %s" % (place, body, status))
    for text in ODD_TEXTS:
        for name, rrtype, content in ((text + ".example.", "A", "192.0.2.1"), ("www.example.", text, "x"),
                                      ("www.example.", "A", text), ("www.example.", "NS", text)):
            body = ('{"rrsets": [{"name": "%s", "type": "%s", "ttl": 60, "changetype": "REPLACE", '
                    '"records": [{"content": "%s"}]}]}' % (name, rrtype, content))
            status, _, answer = server.ask("PATCH %s/example.?dry-run=true" % zones, key, body.encode())
            check(status in (200, 400, 422), "%r: %d %r" % (text, status, answer))
        files = files_of(server)
        body = '{"name": "%s.", "kind": "Native", "nameservers": ["ns.x."]}' % text
        status, _, answer = server.ask("POST " + zones, key, body.encode())
        check(status in (201, 400, 422), "a zone %r: %d %r" % (text, status, answer))
        if status == 201:
            where = json.loads(answer)["url"]
            check(server.ask("GET %s/export" % where, key)[0] == 200, "%r is not exported" % text)
            check(server.ask("DELETE " + where, key)[0] == 204, "%r is not removed" % text)
        check(files_of(server) == files, "a file has come of %r" % text)
    check(server.ask("GET %s/example." % zones, key)[2] == before, "the zone has changed")


def ctl_answers(server):
    control = ControlSocket(server.path("control.sock"), PATIENCE)
    with contextlib.closing(control):
        start = time.monotonic()
        control.done("status")
        check(time.monotonic() - start < 1, "anserctl waits for %.2f s" % (time.monotonic() - start))


def odd_json_lines(server):
    """The same on the control socket: each is refused, and the next command of that client done."""
    for body in BAD_JSON:
        line = body.replace(b"\n", b"\t")
        with contextlib.closing(ControlSocket(server.path("control.sock"), PATIENCE)) as control:
            control.socket.sendall(line + b"\n")
            check(json.loads(control.lines.readline())["outcome"] == 2, "%r is taken" % line[:30])
            control.done("version")


def floods_of_connections(server):
    """Whoever takes all that HTTP has, by TCP and by the socket, takes nothing from anserctl, and the
    other way round."""
    with contextlib.ExitStack() as stack:
        for i in range(CONNECTIONS * 2):
            stack.enter_context(server.connect(source=i % 10 + 2))
        for _ in range(100):
            stack.enter_context(server.connect_unix())
        ctl_answers(server)
    wait_for_place(server)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(contextlib.closing(ControlSocket(server.path("control.sock"))))
                for _ in range(64)]
        late = stack.enter_context(contextlib.closing(ControlSocket(server.path("control.sock"))))
        check(b"too many clients" in late.lines.readline(), "the 65th client is let in")
        check(server.ask("GET /healthz", unix=True)[0] == 200, "anserctl crowds HTTP out")
        for client in idle:
            client.socket.sendall(b'{"command": "status"')
        check(server.ask("GET /healthz", unix=True)[0] == 200, "half commands hold HTTP up")
    ctl_answers(server)


# ---- slow ones ----

def trickle(client, octets, pause):
    """Sends one at a time until the server hangs up; gives after how long it did."""
    start = time.monotonic()
    client.settimeout(pause)
    for octet in octets:
        try:
            client.send(bytes([octet]))
            if not client.recv(1000):
                return time.monotonic() - start
        except socket.timeout:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return time.monotonic() - start
    raise Failure("not cut after %.1f s" % (time.monotonic() - start))


def slow_heads_and_bodies(server):
    with server.connect() as client:
        seconds = trickle(client, b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 500, 0.05)
        check(TIMEOUT * 0.9 <= seconds <= TIMEOUT + LATE, "slow head cut after %.2f s" % seconds)
    with server.connect() as client:
        client.sendall(("POST /api/anser/v1/run HTTP/1.1\r\nHost: h\r\nX-API-Key: %s\r\n"
                        "Content-Length: 5000\r\n\r\n" % KEY).encode())
        seconds = trickle(client, b" " * 500, 0.05)
        check(TIMEOUT * 0.9 <= seconds <= TIMEOUT + LATE, "slow body cut after %.2f s" % seconds)
    with server.connect() as client:
        client.sendall(("POST /api/anser/v1/run HTTP/1.1\r\nHost: h\r\nX-API-Key: %s\r\n"
                        "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" % KEY).encode())
        seconds = trickle(client, b" " * 500, 0.05)
        check(TIMEOUT * 0.9 <= seconds <= TIMEOUT + LATE, "slow chunk cut after %.2f s" % seconds)


def silent_ones(server):
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect(tls=tls)) for tls in (False, True) * 5]
        for client in clients:
            until_closed(client)
        seconds = time.monotonic() - start
        check(TIMEOUT * 0.9 <= seconds <= TIMEOUT + LATE, "silent ones cut after %.2f s" % seconds)


def answers_that_nobody_reads(server):
    with server.connect(receive_buffer=2048) as client:
        start = time.monotonic()
        client.setblocking(False)
        requests = b"GET /page.js HTTP/1.1\r\nHost: h\r\n\r\n" * 20000
        end = start + TIMEOUT * 2 + LATE
        while time.monotonic() < end:
            try:
                sent = client.send(requests)
                requests = requests[sent:]
            except BlockingIOError:
                time.sleep(0.02)
            except (ConnectionResetError, BrokenPipeError):
                return
    raise Failure("not cut after %.1f s" % (time.monotonic() - start))


def pipelined(server):
    with server.connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 500 +
                       b"GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        octets = until_closed(client)
        check(octets.count(b"HTTP/1.1 200 OK") == 501 and octets.count(b"ok\n") == 500,
              "%d answers" % octets.count(b"HTTP/1.1 200 OK"))


def early_goodbyes(server):
    pieces = [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: h\r\n", b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n",
              b"POST /api/anser/v1/run HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n{",
              ("GET /api/anser/v1/status HTTP/1.1\r\nHost: h\r\nX-API-Key: %s\r\n\r\n" % KEY).encode()]
    for i in range(300):
        tls = i % 7 == 6
        client = server.connect(source=i % 200 + 1, tls=tls)
        client.sendall(pieces[i % len(pieces)] if not tls else b"\x16\x03\x01")
        if i % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.close()
    wait_for_place(server)


def goodbye_in_the_handshake(server):
    context = ssl.create_default_context(cafile=server.path("store/tls/cert.pem"))
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(server.connect(tls=True))
            with context.wrap_socket(client, server_hostname="localhost",
                                     do_handshake_on_connect=False) as half:
                half.setblocking(False)
                with contextlib.suppress(ssl.SSLWantReadError):
                    half.do_handshake()
    check(ask_over_tls(server) == 200, "over TLS")


def ask_over_tls(server):
    context = ssl.create_default_context(cafile=server.path("store/tls/cert.pem"))
    with context.wrap_socket(server.connect(tls=True), server_hostname="localhost") as client:
        check(client.version() in ("TLSv1.2", "TLSv1.3"), "speaks %s" % client.version())
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        return answer_of(until_closed(client))[0]


# ---- many ----

def thousand_connections(server):
    """One address gets its share, all together get theirs, and the socket has its own."""
    before = server.descriptors()
    clients = []
    try:
        for i in range(1000):
            clients.append(server.connect(source=i % 10 + 2, tls=i % 3 == 0))
        time.sleep(0.2)
        grown = server.descriptors() - before
        check(grown <= CONNECTIONS + 10, "%d descriptors more" % grown)
        check(server.ask("GET /healthz", unix=True)[0] == 200, "the socket is crowded out")
    finally:
        for client in clients:
            client.close()
    wait_for_place(server)
    clients = [server.connect(source=3) for _ in range(PER_CLIENT + 5)]
    time.sleep(0.1)
    check(server.ask("GET /healthz", source=4)[0] == 200, "one client crowds out another")
    for client in clients:
        client.close()
    wait_for_place(server)


def wait_for_place(server):
    """Until both listeners have come to those who connected last."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError, Failure):
            if server.ask("GET /healthz")[0] == 200 and ask_over_tls(server) == 200:
                time.sleep(TIMEOUT / 4)  # the places of those who went unnoticed
                return
        time.sleep(0.05)
    raise Failure("HTTP is not answered any more")


def nothing_to_do_costs_nothing(server):
    time.sleep(TIMEOUT + 0.5)
    before = server.busy_seconds()
    time.sleep(1)
    # The watch's queries over TCP are served by the same process.
    check(server.busy_seconds() - before < 0.6, "busy for %.2f s of one" %
          (server.busy_seconds() - before))


CASES = [curl_over_everything, shapes_of_powerdns, who_may_ask, wrong_requests, long_heads,
         bodies_of_two_ends, chunks, pipelined_behind_bad, odd_json, odd_json_lines,
         floods_of_connections, slow_heads_and_bodies, silent_ones, answers_that_nobody_reads,
         pipelined, early_goodbyes, goodbye_in_the_handshake, thousand_connections,
         nothing_to_do_costs_nothing]


def no_descriptors_left(binary):
    """Whoever takes all that the process may have waits in the queue: nothing spins, UDP is answered
    by the data plane, and all is well when they have gone. TCP shares the descriptors, so it
    is not asked meanwhile."""
    with Server(binary, descriptors=100, connections=1000, per_client=1000) as server:
        server.wait_until_ready()
        query = dns.message.make_query("www.example.", "A")
        clients = [server.connect(source=i % 10 + 1) for i in range(200)]
        time.sleep(0.3)
        check(server.descriptors() >= 95, "%d descriptors only" % server.descriptors())
        before = server.busy_seconds()
        for _ in range(20):
            answer = dns.query.udp(query, "127.0.0.1", timeout=2, port=server.dns)
            check(answer.rcode() == dns.rcode.NOERROR, "UDP without descriptors")
            time.sleep(0.02)
        check(server.busy_seconds() - before < 0.3, "spins without descriptors")
        for client in clients:
            client.close()
        wait_for_place(server)
        answer = dns.query.tcp(query, "127.0.0.1", timeout=5, port=server.dns)
        check(answer.rcode() == dns.rcode.NOERROR, "TCP afterwards")
        check(server.stop() == 0, "does not end well")


def go_through(cases, server, watch):
    """Gives how many of them fail."""
    failed = 0
    watch.start()
    for case in cases:
        start = time.monotonic()
        try:
            case(server)
            watch.verdict(case.__name__)
            check(server.process.poll() is None, "anser-control has ended")
            print("ok    %s (%.1f s)" % (case.__name__, time.monotonic() - start))
        except (Failure, OSError) as error:
            failed += 1
            print("FAIL  %s: %r" % (case.__name__, error))
            traceback.print_exc(file=sys.stdout)
    watch.ended.set()
    watch.join()
    return failed


def run_cases(binary):
    with Server(binary) as server:
        server.wait_until_ready()
        failed = go_through(CASES, server, Watch(server.dns))
        with server.connect(), server.connect_unix(), server.connect(tls=True):
            status = server.stop()
        if failed:
            print(server.log())
        check(status == 0, "ends with %s" % status)
        check(not os.path.exists(server.path("api.sock")), "the socket is left")
    return failed


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.environ["ANSER_BIN_DIR"]
    binary = os.path.abspath(os.path.join(directory, "anser-control"))
    failed = run_cases(binary)
    no_descriptors_left(binary)
    print("ok    no_descriptors_left")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
