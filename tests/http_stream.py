#!/usr/bin/python3
"""Batches of transactions as a stream of lines over HTTP: what curl gets, what is told about lines
that are wrong, what is there after a client has gone in the middle, and what clients get that send
slowly, read slowly or send very much, while DNS is asked all the time. And answers that are long:
zones and lists of zones.

Starts anser-control of ANSER_BIN_DIR (or of the directory given as argument) with a data plane.
"""

import contextlib
import json
import os
import random
import socket
import ssl
import sys
import threading
import time

import dns.message
import dns.query

from http_hostile import (KEY, LATE, MAX_BODY, TIMEOUT, Failure, Server, Watch, answer_of, check, go_through,
                          curl, until_closed, wait_for_place)

PATH = "/api/anser/v1/batch"
ZONE = "/api/v1/servers/localhost/zones/example."
MANY = 100000
GROWTH_MAX = 64 << 20   # octets of memory that a batch may take


# ---- lines ----

def rrset(name, address, **more):
    return {"name": "%s.example." % name, "type": "A", "ttl": 60, "changetype": "REPLACE",
            "records": [{"content": address, "disabled": False}], **more}


def line(*rrsets, zone="example."):
    return json.dumps({"zones": [{"name": zone, "rrsets": rrsets}]}).encode() + b"\n"


def pair(number, address):
    """A transaction: two records that come together."""
    return line(*(rrset("%s%d" % (side, number), address) for side in "ab"))


def split(text):
    """The answers, and the last line."""
    lines = [json.loads(each) for each in text.splitlines()]
    check(lines and lines[-1].get("summary"), "no summary: %r" % text[-200:])
    return lines[:-1], lines[-1]


def check_done(answers, count):
    check([a["line"] for a in answers] == list(range(1, count + 1)), "answers out of order")
    check(all(a["status"] == 200 for a in answers), [a for a in answers if a["status"] != 200][:1])


# ---- a client ----

class Stream:
    """Sends chunks, and reads what is answered meanwhile."""

    def __init__(self, server, query="", client=None):
        self.client = client or server.connect_unix()
        self.client.settimeout(60)
        self.client.sendall(("POST %s%s HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\n"
                             "Content-Type: application/x-ndjson\r\n"
                             "Transfer-Encoding: chunked\r\n\r\n" % (PATH, query, KEY)).encode())
        self.octets = b""
        self.head = None
        self.text = bytearray()
        self.over = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def send(self, octets):
        self.client.sendall(b"%x\r\n%s\r\n" % (len(octets), octets))

    def end(self):
        self.client.sendall(b"0\r\n\r\n")

    def take_chunks(self):
        """What of the octets is whole chunks becomes text."""
        if not self.head:
            head, found, rest = self.octets.partition(b"\r\n\r\n")
            if not found:
                return
            self.head, self.octets = head, rest
        at = 0
        while not self.over:
            end = self.octets.find(b"\r\n", at)
            size = int(self.octets[at:end], 16) if end >= 0 else 0
            if end < 0 or len(self.octets) < end + 2 + size + 2:
                break
            self.text += self.octets[end + 2:end + 2 + size]
            at = end + 2 + size + 2
            self.over = size == 0
        self.octets = self.octets[at:]

    def receive(self):
        """False: the server has hung up."""
        octets = self.client.recv(65536)
        self.octets += octets
        self.take_chunks()
        return bool(octets)

    def next_answer(self):
        while b"\n" not in self.text:
            check(self.receive(), "the answer ends: %r" % self.text)
        end = self.text.index(b"\n") + 1
        answer = json.loads(self.text[:end])
        del self.text[:end]
        return answer

    def rest(self):
        while self.receive():
            pass
        check(self.over and not self.octets, "the answer is not whole: %r" % self.octets[-100:])
        return self.text


def batch(server, lines, query=""):
    """Sends all, then reads."""
    with Stream(server, query) as stream:
        if lines:
            stream.send(b"".join(lines))
        stream.end()
        return split(stream.rest())


def contents(server):
    """Owners and their addresses, as the API shows them."""
    status, _, body = server.ask("GET " + ZONE, unix=True)
    check(status == 200, "GET of the zone: %d" % status)
    return {r["name"][:-len(".example.")]: r["records"][0]["content"]
            for r in json.loads(body)["rrsets"] if r["type"] == "A"}


def served(server, name):
    query = dns.message.make_query("%s.example." % name, "A")
    answer = dns.query.udp(query, "127.0.0.1", timeout=2, port=server.dns)
    return answer.answer[0][0].address if answer.answer else None


# ---- cases ----

def curl_over_everything(server):
    count = 3000
    trust = ("--cacert", "store/tls/cert.pem", "-H", "X-API-Key: " + KEY)
    ways = [("--unix-socket", "api.sock", "http://localhost"),
            ("-H", "X-API-Key: " + KEY, "http://127.0.0.1:%d" % server.http),
            (*trust, "https://localhost:%d" % server.https)]
    for number, way in enumerate(ways):
        address = "192.0.2.%d" % (number + 1)
        server.write("lines", "".join(pair(i, address).decode() for i in range(count)))
        for how in (("--data-binary", "@lines"), ("-T", "lines", "-X", "POST")):
            code, text, error = curl(server, *way[:-1], "-H", "Content-Type: application/x-ndjson",
                                     *how, way[-1] + PATH + "?wait=visible")
            check(code == 0, "curl %s: %s" % (way, error))
            answers, summary = split(text)
            check_done(answers, count)
            check(summary["done"] == count and summary["refused"] == 0 and
                  summary["lines"] == count and summary["visible_ms"] >= 0, summary)
        check(summary["changed"] == 0, "done twice: %s" % summary)
        for i in random.sample(range(count), 50):
            check(served(server, "a%d" % i) == address, "a%d is not served" % i)


def answers_while_more_comes(server):
    with Stream(server) as stream:
        before = 0
        for i in range(20):
            stream.send(pair(i, "192.0.2.77"))
            answer = stream.next_answer()
            check(answer["line"] == i + 1 and answer["status"] == 200, answer)
            check(answer["change"] > before, "changes do not rise")
            zone, = answer["zones"]
            check(zone["name"] == "example." and zone["changed"] and
                  zone["new_serial"] > zone["old_serial"], answer)
            before = answer["change"]
        stream.end()
        _, summary = split(stream.rest())
        check(summary["last_change"] == before and summary["changed"] == 20, summary)


def what_is_wrong_is_said_and_the_rest_is_done(server):
    good = [pair(i, "192.0.2.88") for i in range(3)]
    alias = rrset("www", "x", type="CNAME", records=[{"content": "ns.example.", "disabled": False}])
    wrong = [
        (b"{\"zones\": \n", 400, None, None),
        (b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", 400, None, None),
        (b"\xff\xfe\n", 400, None, None),
        (b"{}\n", 422, "zones", None),
        (b"\"" + b"x" * MAX_BODY + b"\"\n", 413, None, None),
        (line(rrset("c", "192.0.2.1"), zone="absent."), 404, "zones[0].name", "absent."),
        (line(rrset("c", "192.0.2.1"), rrset("d", "192.0.2")), 422,
         "zones[0].rrsets[1].records[0].content", "example."),
        (line(rrset("c", "192.0.2.1", ttl=-1)), 422, "zones[0].rrsets[0].ttl", "example."),
        (line(rrset("c", "192.0.2.1", changetype="X")), 422, "zones[0].rrsets[0].changetype", "example."),
        (line(rrset("c", "192.0.2.1"), alias), 422, "zones[0].rrsets[1]", "example."),
    ]
    lines = [b"\n", good[0], b" \r\n"]
    expected = [(2, 200, None, None)]
    for text, status, field, zone in wrong:
        lines.append(text)
        expected.append((len(lines), status, field, zone))
    lines += [good[1], good[2].rstrip(b"\n")]
    expected += [(len(lines) - 1, 200, None, None), (len(lines), 200, None, None)]
    answers, summary = batch(server, lines)
    got = [(a["line"], a["status"], a.get("field"), a.get("zone")) for a in answers]
    check(got == expected, "\n%s\nnot\n%s" % (got, expected))
    check(all(("error" in a) == (a["status"] != 200) for a in answers), answers)
    check((summary["done"], summary["refused"], summary["lines"], summary["stopped"]) ==
          (3, len(wrong), len(lines), False), summary)
    there = contents(server)
    check([there.get("a%d" % i) for i in range(3)] == ["192.0.2.88"] * 3, "good ones are missing")
    check("c" not in there, "a part of a refused line was done")


def one_batch_says_where_it_is_wrong(server):
    """Without lines: all of it or nothing."""
    alias = rrset("www", "x", type="CNAME", records=[{"content": "ns.example.", "disabled": False}])
    for wrong, field in ((rrset("one", "192.0.2"), "zones[0].rrsets[1].records[0].content"),
                         (alias, "zones[0].rrsets[1]")):
        body = {"zones": [{"name": "example.", "rrsets": [rrset("two", "192.0.2.1"), wrong]}]}
        status, _, text = server.ask("POST " + PATH, "Content-Type: application/json\r\n",
                                     json.dumps(body).encode(), unix=True)
        check(status == 422 and json.loads(text)["field"] == field, "%d %s" % (status, text))
    check("two" not in contents(server), "a part of it was done")


def nothing_is_done_after_an_error(server):
    alias = rrset("www", "x", type="CNAME", records=[{"content": "ns.example.", "disabled": False}])
    for number, bad in enumerate((b"nonsense\n", line(alias), line(rrset("z", "1.2.3")))):
        names = ["stop%d-%d" % (number, i) for i in range(2000)]
        lines = [line(rrset(name, "192.0.2.9")) for name in names]
        lines.insert(500, bad)
        lines.insert(1500, bad)
        answers, summary = batch(server, lines, "?stop-on-error")
        check(len(answers) == 501 and answers[-1]["line"] == 501 and answers[-1]["status"] >= 400,
              "%d answers, %s" % (len(answers), answers[-1:]))
        check_done(answers[:-1], 500)
        check(summary["stopped"] and summary["refused"] == 1 and summary["done"] == 500, summary)
        there = contents(server)
        check([name in there for name in names] == [True] * 500 + [False] * 1500,
              "other lines than those before the error were done")


def trials_and_nothings(server):
    before = contents(server)
    answers, summary = batch(server, [pair(1, "192.0.2.200")], "?dry-run=true&wait=visible")
    check(answers[0]["dry_run"] and answers[0]["change"] is None and
          answers[0]["zones"][0]["changed"], answers)
    check(contents(server) == before and summary["changed"] == 0, "a trial has changed something")
    check(batch(server, [])[1]["lines"] == 0, "no lines")
    check(batch(server, [b"\n\n  \n"])[0] == [], "blank lines")
    for query, headers, status in (("?wait=never", "X-API-Key: %s\r\n" % KEY, 422), ("", "", 401)):
        headers += "Content-Type: application/x-ndjson\r\n"
        got = server.ask("POST " + PATH + query, headers, pair(1, "192.0.2.1"))[0]
        check(got == status, "%r: %d" % (query, got))


def many_streams_at_once(server):
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Stream(server)) for _ in range(8)]
        for i, stream in enumerate(streams):
            stream.send(pair(i, "192.0.2.11"))
            check(stream.next_answer()["status"] == 200, "stream %d" % i)
        with Stream(server) as one_more:
            check(one_more.client.recv(65536).startswith(b"HTTP/1.1 503 "), "a ninth stream")
        for stream in streams:
            stream.end()
            split(stream.rest())


# ---- slow ones, and those who go ----

def cut_after(stream, octets, pause):
    """Sends one at a time until the server hangs up; gives after how long it did."""
    start = time.monotonic()
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        for octet in octets:
            stream.send(bytes([octet]))
            time.sleep(pause)
        raise Failure("not cut after %.1f s" % (time.monotonic() - start))
    return time.monotonic() - start


def slow_senders(server):
    with Stream(server) as stream:
        seconds = cut_after(stream, b" " * 200, 0.05)
        check(TIMEOUT * 0.9 <= seconds <= TIMEOUT + LATE, "a slow line cut after %.2f s" % seconds)
    with Stream(server) as stream:
        start = time.monotonic()
        while time.monotonic() < start + 2.5 * TIMEOUT:
            stream.send(pair(1, "192.0.2.44"))
            check(stream.next_answer()["status"] == 200, "a line in time")
            time.sleep(TIMEOUT / 4)
        start = time.monotonic()
        until_closed(stream.client)
        seconds = time.monotonic() - start
        check(seconds <= TIMEOUT + LATE, "a silent one cut after %.2f s" % seconds)


def send_without_reading(stream, octets):
    """Gives whether the server hangs up before all is sent."""
    end = time.monotonic() + 60
    stream.client.settimeout(0.1)
    at = memoryview(octets)
    while at and time.monotonic() < end:
        try:
            at = at[stream.client.send(at):]
        except socket.timeout:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return True
    return False


def readers_that_never_read(server):
    """Answers of more than is kept for a client: it is not read from any more, and then cut."""
    lines = b"x\n" * 2000000
    with Memory(server) as memory, Stream(server) as stream:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(lines), lines)
        cut = send_without_reading(stream, body)
        check(cut, "a client that never reads is not cut")
    memory.check()


def gone_in_the_middle(server):
    """What was acknowledged is there; of the others each is there as a whole or not at all; and
    they were begun in order."""
    for attempt in range(6):
        address = "198.51.100.%d" % (attempt + 1)
        acknowledged = 0
        with Stream(server, client=server.connect() if attempt % 2 else None) as stream:
            lines = b"".join(pair(i, address) for i in range(5000))
            stream.client.settimeout(0.02)
            at = memoryview(b"%x\r\n%s\r\n" % (len(lines), lines))
            end = time.monotonic() + random.uniform(0.05, 0.6)
            while time.monotonic() < end:
                with contextlib.suppress(socket.timeout):
                    if at:
                        at = at[stream.client.send(at):]
                with contextlib.suppress(socket.timeout):
                    stream.receive()
            answers = [json.loads(each) for each in stream.text.splitlines(True) if each[-1:] == b"\n"]
            check_done(answers, len(answers))
            acknowledged = len(answers)
            if attempt % 3 == 2:
                stream.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         b"\x01\0\0\0\0\0\0\0")
        time.sleep(0.5)
        there = contents(server)
        done = [[there.get("%s%d" % (side, i)) == address for side in "ab"] for i in range(5000)]
        check(all(a == b for a, b in done), "half a transaction was done")
        count = sum(a for a, _ in done)
        check(all(a for a, _ in done[:count]), "a later one was done before an earlier one")
        check(acknowledged <= count, "%d acknowledged, %d there" % (acknowledged, count))
        for i in random.sample(range(count), min(count, 30)):
            check(served(server, "b%d" % i) == address, "b%d is not served" % i)
    wait_for_place(server)


# ---- much ----

class Memory(threading.Thread):
    """How much more of it the control plane has at most, files aside."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.path = "/proc/%d/status" % server.process.pid
        self.before = self.most = self.now()
        self.ended = threading.Event()

    def now(self):
        with open(self.path) as file:
            return next(int(each.split()[1]) << 10 for each in file if each.startswith("RssAnon"))

    def run(self):
        while not self.ended.wait(0.02):
            self.most = max(self.most, self.now())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def check(self, most=GROWTH_MAX):
        grown = self.most - self.before
        check(grown < most, "%d MiB more" % (grown >> 20))
        return grown >> 20


def hundred_thousand_lines(server):
    """From a client that sends all before it reads anything."""
    lines = [line(rrset("m%d" % (i % 20000), "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)))
             for i in range(MANY)]
    batch(server, lines[:20000])  # the names are there
    start = time.monotonic()
    with Memory(server) as memory, Stream(server, "?wait=visible") as stream:
        for at in range(0, MANY, 1000):
            stream.send(b"".join(lines[at:at + 1000]))
        stream.end()
        answers, summary = split(stream.rest())
    seconds = time.monotonic() - start
    check_done(answers, MANY)
    check(summary["done"] == MANY, summary)
    print("      %d lines in %.1f s, %d MiB more" % (MANY, seconds, memory.check()))
    there = contents(server)
    for i in range(MANY - 20000, MANY):
        check(there["m%d" % (i % 20000)] == "10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255),
              "m%d is %s" % (i % 20000, there["m%d" % (i % 20000)]))


# ---- long answers ----

def read_slowly(client, rate):
    """All until the server hangs up, so many octets a second; gives it and how long it took."""
    start = time.monotonic()
    octets = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while True:
            piece = client.recv(16384)
            if not piece:
                break
            octets += piece
            time.sleep(max(0, start + len(octets) / rate - time.monotonic()))
    return bytes(octets), time.monotonic() - start


def ask_slowly(server, path, rate):
    with server.connect(receive_buffer=16384) as client:
        client.sendall(("GET %s HTTP/1.1\r\nHost: h\r\nX-API-Key: %s\r\nConnection: close\r\n\r\n"
                        % (path, KEY)).encode())
        octets, seconds = read_slowly(client, rate)
    status, headers, body = answer_of(octets)
    check(status == 200, "%s: %d" % (path, status))
    return headers, body, seconds


class Changing(threading.Thread):
    """Changes pairs of records, each in a transaction, until it is ended."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended, self.rounds = server, threading.Event(), 0

    def run(self):
        while not self.ended.wait(0.01):
            batch(self.server, [pair(i, "203.0.113.%d" % (self.rounds % 250 + 1))
                                for i in range(0, 3000, 7)])
            self.rounds += 1


def long_answers_at_leisure(server):
    """Of one moment, whole, however slowly they are read, and not kept in memory."""
    batch(server, [pair(i, "203.0.113.1") for i in range(20000)])
    changing = Changing(server)
    changing.start()
    with Memory(server) as memory:
        headers, body, seconds = ask_slowly(server, ZONE, 1500000)
    changing.ended.set()
    changing.join()
    print("      %d octets in %.1f s, %d MiB more" % (len(body), seconds, memory.check(24 << 20)))
    check(changing.rounds > 2 and seconds > 2 * TIMEOUT, "was too fast: %.2f s" % seconds)
    check(len(body) == int(headers["content-length"]) > 4 << 20, "%d octets" % len(body))
    zone = json.loads(body)
    there = {r["name"]: r["records"][0]["content"] for r in zone["rrsets"]}
    for i in range(20000):
        check(there["a%d.example." % i] == there["b%d.example." % i], "pair %d of two moments" % i)
    soa = there["example."].split()[2]
    check(int(soa) == zone["serial"], "serial %s, but %d" % (soa, zone["serial"]))
    text = server.ask("GET %s/export" % ZONE, unix=True)[2].decode()
    wrapped = json.loads(server.ask("GET %s/export" % ZONE, "Accept: application/json\r\n",
                                    unix=True)[2])
    check(wrapped == {"zone": text} and len(text) > 1 << 20, "exports differ")


def long_answers_that_nobody_reads(server):
    for tls in (False, True):
        with server.connect(tls=tls, receive_buffer=16384) as client:
            if tls:
                context = ssl.create_default_context(cafile=server.path("store/tls/cert.pem"))
                client = context.wrap_socket(client, server_hostname="localhost")
            client.sendall(("GET %s HTTP/1.1\r\nHost: h\r\nX-API-Key: %s\r\n\r\n"
                            % (ZONE, KEY)).encode())
            time.sleep(2 * TIMEOUT + LATE)
            octets = bytearray()
            with contextlib.suppress(OSError):
                while piece := client.recv(65536):
                    octets += piece
            head, _, body = bytes(octets).partition(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].split()[0])
            check(0 < len(body) < size, "all of it came: %d octets" % size)
    check(deleted_files(server) == 0, "%d files are left" % deleted_files(server))


def deleted_files(server):
    """Files without a name that it has open, those of its memory aside."""
    where = "/proc/%d/fd" % server.process.pid
    links = []
    for fd in os.listdir(where):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(os.path.join(where, fd)))
    return sum(1 for link in links if link.startswith(server.dir) and "(deleted)" in link)


def pages_of_zones(server):
    path = "/api/v1/servers/localhost/zones"
    get = lambda query: server.ask("GET %s%s" % (path, query), unix=True)
    for i in range(60):
        body = json.dumps({"name": "z%d.%s." % (i, random.choice(["a", "b.a", "test"])), "kind": "Native",
                           "nameservers": ["ns.example."], "account": "odd" if i % 2 else "even"})
        check(server.ask("POST " + path, body=body.encode(), unix=True)[0] == 201, body)
    everything = json.loads(get("")[2])
    check(len(everything) == 61, "%d zones" % len(everything))
    for limit in (1, 7, 61, 100):
        zones, cursor = [], ""
        while cursor is not None:
            status, headers, body = get("?limit=%d%s" % (limit, cursor))
            page = json.loads(body)
            check(status == 200 and len(page) <= limit, "a page of %d" % limit)
            zones += page
            link = headers.get("link", "")
            cursor = "&cursor=" + link.split("cursor=")[1].split(">")[0] if link else None
        check(zones == everything, "pages of %d are not the list" % limit)
    odd = json.loads(get("?account=odd")[2])
    check(odd == [z for z in everything if z["account"] == "odd"] and len(odd) == 30, "filter")
    check(json.loads(get("?cursor=zzzz.")[2]) == [], "behind the last one")


CASES = [curl_over_everything, answers_while_more_comes, what_is_wrong_is_said_and_the_rest_is_done,
         one_batch_says_where_it_is_wrong, nothing_is_done_after_an_error, trials_and_nothings,
         many_streams_at_once, slow_senders, readers_that_never_read, gone_in_the_middle,
         hundred_thousand_lines, long_answers_at_leisure, long_answers_that_nobody_reads, pages_of_zones]


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.environ["ANSER_BIN_DIR"]
    binary = os.path.abspath(os.path.join(directory, "anser-control"))
    with Server(binary) as server:
        server.wait_until_ready()
        failed = go_through(CASES, server, Watch(server.dns, 3))
        if failed:
            print(server.log())
        with Stream(server) as open_one:
            open_one.send(pair(1, "192.0.2.1"))
            check(server.stop() == 0, "does not end well with a stream open")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
