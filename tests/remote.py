#!/usr/bin/env python3
"""anserctl by HTTPS, beside the control socket.

* the same commands give the same by both roads, whatever comes of them;
* nobody is trusted who has not the right certificate for the right name, or the pinned key, and a key
  is sent to nobody else; what to pin is said;
* wrong keys, lockout, no server, silent servers and nonsense are told apart, by exit status and words;
* responses are read however they are framed, and connections that the server has closed meanwhile
  are opened anew.
"""

import contextlib
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings

from checks import check, free_ports, say
from control_plane import NOT_RUNNING, OK, REFUSED, TIMED_OUT, USAGE, ZONE, ControlPlane

CONFIG = """
server:
  listen: [127.0.0.1@%(port)d]
control:
  store: store
  control-socket: control.sock
  dataplane-socket: dataplane.sock
  supervise: no
api:
  listen: [127.0.0.1@%(http)d]
  tls-listen: [127.0.0.1@%(https)d]
  socket: no
  timeout: 1s
zones:
  - name: example.com
    file: zone
  - name: broken.example
    file: broken
"""

# What differs from one moment to the next.
PASSING = {"uptime_s", "visible_ms", "store", "table", "audit", "commit", "change", "changed_at",
           "serial", "serial_before", "version", "counters", "types", "burst_sizes", "burst_ns",
           "tcp_connections", "used_at", "attachments", "text", "days_left"}


class Server(ControlPlane):
    def __init__(self):
        super().__init__("remote")
        self.port, self.http, self.https = free_ports(3)
        self.write("zone", ZONE)
        self.write("broken", "@ 60 NS ns1\nwww 60 A 192.0.2.300\n")
        self.write("anser.yaml", CONFIG % vars(self))

    def start(self):
        self.launch()
        self.wait_until_loaded()

    def ctl(self, *args, **environment):
        """anserctl by the control socket."""
        return self.anserctl(*args, **environment)

    def way(self):
        """To it by HTTPS, as the environment has it."""
        return {"ANSER_URL": "https://127.0.0.1:%d" % self.https, "ANSER_KEY_FILE": "key",
                "ANSER_CACERT": "store/tls/cert.pem"}

    def remote(self, *args, **environment):
        return self.ctl(*args, **{**self.way(), **environment})


def lasting(value):
    if isinstance(value, dict):
        return {k: lasting(v) for k, v in value.items() if k not in PASSING}
    return [lasting(v) for v in value] if isinstance(value, list) else value


def same(server, *args):
    """By both roads; gives the exit status."""
    here, there = (road("--json", *args) for road in (server.ctl, server.remote))
    check(here.returncode == there.returncode, args, "gives", here, there)
    if here.stdout.startswith("{"):
        lines = [[lasting(json.loads(line)) for line in done.stdout.splitlines()]
                 for done in (here, there)]
        check(lines[0] == lines[1], args, "gives", lines)
    else:
        check(here.stdout == there.stdout, args, "gives", here, there)
    return here.returncode


def both_roads(server):
    for status, *args in (
            (OK, "status"), (OK, "stats"), (OK, "metrics"), (OK, "version"), (OK, "conf", "show"),
            (OK, "conf", "check"), (OK, "zone", "list"), (OK, "zone", "list", "*.com."),
            (OK, "zone", "show", "example.com"), (REFUSED, "zone", "show", "nowhere.example"),
            (OK, "zone", "check", "example.com"), (REFUSED, "zone", "check", "broken.example"),
            (OK, "zone", "export", "example.com"), (REFUSED, "zone", "export", "nowhere.example"),
            (OK, "zone", "reload", "example.com"), (REFUSED, "zone", "reload", "broken.example"),
            (REFUSED, "zone", "reload", "example.com", "nowhere.example", "broken.example"),
            (OK, "explain", "www.example.com", "AAAA"),
            (OK, "record", "set", "www.example.com", "300", "A", "192.0.2.7", "--dry-run"),
            (OK, "record", "del", "ns1.example.com", "TXT"),
            (OK, "record", "add", "www.example.com", "A", "192.0.2.7", "--dry-run"),
            (REFUSED, "record", "add", "example.com", "CNAME", "www.example.com."),
            (USAGE, "record", "set", "www.example.com", "A", "nonsense"),
            (REFUSED, "record", "set", "www.nowhere.example", "A", "192.0.2.7"),
            (OK, "key", "list"), (REFUSED, "key", "show", "0000000000000000"),
            (OK, "audit", "list", "what=nothing"), (OK, "audit", "verify"),
            (USAGE, "zone", "nothing"), (OK, "help"), (OK, "completion", "bash")):
        found = same(server, *args)
        check(found == status, args, "ends with", found)
    done = server.remote("record", "set", "www.example.com", "300", "A", "192.0.2.7")
    check(done.returncode == OK and "served by every core" in done.stdout, done)
    export = server.ctl("zone", "export", "example.com").stdout
    check(re.search(r"^www\.example\.com\.\s+300\s+(IN\s+)?A\s+192\.0\.2\.7$", export, re.M), export)
    done = server.remote("zone", "add", "new.example", "zone")
    check(done.returncode == REFUSED and "Unix socket" in done.stderr, done)
    say("every command gives the same by both roads")


def whole_zones(server):
    """More than one request takes, files that are here, and an editor that takes its time."""
    server.write("large", ZONE + "".join("h%d 60 A 10.0.%d.%d\n" % (i, i >> 8, i & 255)
                                         for i in range(30000)))
    done = server.remote("--json", "zone", "import", "large.example", "large")
    check(done.returncode == OK and json.loads(done.stdout)["records"] == 30003, done)
    done = server.remote("zone", "compare", "large.example", "large")
    check(done.returncode == OK, done)
    server.write("editor", "#!/bin/sh\nsleep 1.5\nsed -i 's/10.0.1.2$/10.0.1.250/' \"$1\"\n", 0o700)
    for command in ("zone", "edit", "large.example"), ("record", "edit", "large.example", "h258"):
        done = server.remote(*command, "--yes", EDITOR=server.path("editor"))
        check(done.returncode == OK, done)
    export = server.ctl("zone", "export", "large.example").stdout
    check("\t10.0.1.250\n" in export and "\t10.0.1.2\n" not in export, "not edited")
    server.ctl("zone", "remove", "large.example")
    say("whole zones by HTTPS")


def settings(server):
    """Options, environment, and the two of them."""
    url = "https://127.0.0.1:%d" % server.https
    done = server.ctl("--url", url, "--key-file", "key", "--cacert", "store/tls/cert.pem", "version")
    check(done.returncode == OK, done)
    done = server.ctl("-u", "http://localhost:%d/" % server.http, "-k", "key", "version")
    check(done.returncode == OK, done)
    done = server.remote("--socket", server.path("control.sock"), "version", ANSER_KEY_FILE="none")
    check(done.returncode == OK, "a socket on the command line counts more:", done)
    done = server.ctl("--url", url, "--socket", "x", "version")
    check(done.returncode == USAGE and "contradict" in done.stderr, done)
    done = server.ctl("--url", "ns1.example", "version")
    check(done.returncode == USAGE and "no address" in done.stderr, done)
    done = server.remote("version", ANSER_URL="http://192.0.2.1:80")
    check(done.returncode == USAGE and "this machine" in done.stderr, done)
    server.write("open", open(server.path("key"), encoding="ascii").read(), 0o644)
    server.write("two", "a" * 20 + "\n" + "b" * 20 + "\n")
    for file, words in (("open", "mode 0644"), ("two", "one line"), ("none", "No such file")):
        done = server.remote("version", ANSER_KEY_FILE=file)
        check(done.returncode == REFUSED and words in done.stderr, done)


def trust(server):
    untrusting = dict(ANSER_CACERT="")
    done = server.remote("version", **untrusting)
    check(done.returncode == REFUSED and "not trusted" in done.stderr, done)
    pin = re.search(r"--pin (sha256//[A-Za-z0-9+/=]{44})", done.stderr).group(1)
    fingerprint = re.search(r"fingerprint is ([0-9A-F:]{95})\.", done.stderr).group(1)
    with open(server.path("log"), encoding="utf-8") as log:
        check(fingerprint in log.read(), "the fingerprint is not the one that is logged")
    check(server.remote("--pin", pin, "version", **untrusting).returncode == OK, pin)
    check(server.remote("--pin", pin, "version", **untrusting,
                        ANSER_URL="https://localhost:%d" % server.https).returncode == OK)
    wrong = pin.replace(pin[10], "A" if pin[10] != "A" else "B")
    for environment in (untrusting, {}):
        done = server.remote("version", ANSER_PIN=wrong, **environment)
        check(done.returncode == REFUSED and "pinned" in done.stderr, done)

    # Another server's certificate, and one for another name.
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other",
                    "-addext", "subjectAltName=DNS:other.example", "-days", "2", "-keyout",
                    server.path("other.key"), "-out", server.path("other.pem")], check=True,
                   timeout=30, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = server.remote("version", ANSER_CACERT="other.pem")
    check(done.returncode == REFUSED and "not trusted" in done.stderr, done)
    done = server.remote("version", ANSER_CACERT="none.pem")
    check(done.returncode == REFUSED and "none.pem" in done.stderr, done)
    with Impostor(server, []) as impostor:
        done = server.remote("version", ANSER_URL="https://127.0.0.1:%d" % impostor.port,
                             ANSER_CACERT="other.pem")
    check(done.returncode == REFUSED and "mismatch" in done.stderr, done)
    check(not impostor.heard, "something was said to a stranger:", impostor.heard)
    with Impostor(server, [], "TLSv1.1") as impostor:
        done = server.remote("version", ANSER_URL="https://127.0.0.1:%d" % impostor.port,
                             ANSER_PIN=pin, **untrusting)
    check(done.returncode in (REFUSED, NOT_RUNNING), done)
    say("nobody is trusted without reason")


class Impostor:
    """Answers each connection with the next of some texts, over TLS when it is to have a certificate,
    and keeps what it has heard."""

    def __init__(self, server, answers, tls="TLSv1.2"):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answers = answers
        self.heard = []
        self.context = None
        if server:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(server.path("other.pem"), server.path("other.key"))
            if tls == "TLSv1.1":
                self.context.set_ciphers("ALL:@SECLEVEL=0")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.context.minimum_version = ssl.TLSVersion.TLSv1
                    self.context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.answer, args=(client,), daemon=True).start()

    def answer(self, client):
        with contextlib.suppress(OSError), client:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            client.settimeout(20)
            heard = b""
            while not heard.endswith(b"}\n"):
                part = client.recv(65536)
                if not part:
                    return
                heard += part
            self.heard.append(heard)
            if self.answers:
                client.sendall(self.answers.pop(0))
            else:
                client.recv(1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()


def errors(server):
    plain = "http://127.0.0.1:%d" % server.http
    done = server.remote("version", ANSER_URL="https://127.0.0.1:%d" % free_ports(1)[0])
    check(done.returncode == NOT_RUNNING and "no server on 127.0.0.1" in done.stderr, done)
    done = server.remote("version", ANSER_URL="https://no-such-host.invalid")
    check(done.returncode == NOT_RUNNING and "no-such-host.invalid" in done.stderr, done)
    done = server.remote("version", ANSER_URL="https://127.0.0.1:%d" % server.http)
    check(done.returncode == REFUSED, "TLS to a port without it:", done)
    done = server.remote("version", ANSER_KEY_FILE="")
    check(done.returncode == REFUSED and "--key-file" in done.stderr, done)

    made = server.ctl("--json", "key", "create", "looker", "reader")
    server.write("looker", json.loads(made.stdout)["secret"])
    done = server.remote("--json", "record", "set", "a.example.com", "A", "192.0.2.1",
                         ANSER_KEY_FILE="looker")
    check(done.returncode == REFUSED and "may not" in json.loads(done.stdout)["error"], done)

    head = b"HTTP/1.1 %s\r\n%s\r\n"
    body = b'{"version": "9", "layout": 7}'
    length = b"Content-Length: %d\r\n" % len(body)
    for status, words, answer in (
            (OK, "9", head % (b"200 OK", length) + body),
            (OK, "9", head % (b"200 OK", b"Transfer-Encoding: chunked\r\n") +
             b"5\r\n" + body[:5] + b"\r\n%x\r\n" % (len(body) - 5) + body[5:] + b"\r\n0\r\n\r\n"),
            (OK, "9", head % (b"200 OK", b"") + body),
            (REFUSED, "HTTP 404", head % (b"404 Not Found", length) + body),
            (REFUSED, "HTTP 500", head % (b"500 Oh", length) + body),
            (REFUSED, "not allowed", head % (b"403 Forbidden", b"") + b'{"error": "not allowed"}'),
            (REFUSED, "17 seconds", head % (b"429 Slower", b"Retry-After: 17\r\n" + length) + body),
            (REFUSED, "not understood", head % (b"200 OK", length) + b"x" * len(body)),
            (REFUSED, "not understood", head % (b"200 OK", length) + body[:7]),
            (REFUSED, "not understood", b"220 mail.example ESMTP\r\n"),
            (NOT_RUNNING, "gone away", b""),
            (TIMED_OUT, "in time", None)):
        with Impostor(None, [] if answer is None else [answer]) as impostor:
            done = server.remote("version", "--timeout", "0.2",
                                 ANSER_URL="http://127.0.0.1:%d" % impostor.port)
        check(done.returncode == status and words in done.stdout + done.stderr, answer, done)
        check(impostor.heard and impostor.heard[0].startswith(b"POST /api/anser/v1/run HTTP/1.1\r\n"))

    server.write("wrong", "ans_" + "0" * 16 + "_" + "a" * 43)
    words = set()
    for _ in range(14):
        done = server.remote("version", ANSER_URL=plain, ANSER_KEY_FILE="wrong")
        check(done.returncode == REFUSED, done)
        words.add(re.sub(r"\d+", "N", done.stderr.strip()))
    check(words == {"anserctl: the server does not know this key, or not any more",
                    "anserctl: too many wrong keys came from here: try again in N seconds"}, words)
    say("what goes wrong is told apart")


def reconnecting(server):
    """Names come slower than the server keeps an idle connection."""
    child = subprocess.Popen(
        **server.arguments("--json", "zone", "show", "-", **server.way()), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(2):
        child.stdin.write("example.com\n" * 3)
        child.stdin.flush()
        time.sleep(2.5)
    shown, _ = child.communicate(timeout=20)
    names = [json.loads(line)["name"] for line in shown.splitlines()]
    check(child.returncode == OK and names == ["example.com."] * 6, names)
    say("a connection that was idle too long is opened anew")


def main():
    with Server() as server:
        server.start()
        made = server.ctl("--json", "key", "create", "remote", "admin")
        server.write("key", json.loads(made.stdout)["secret"] + "\n")
        both_roads(server)
        whole_zones(server)
        settings(server)
        trust(server)
        reconnecting(server)
        errors(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
