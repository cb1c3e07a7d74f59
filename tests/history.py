#!/usr/bin/env python3
"""What a zone has been, and bringing it back, with real processes: anserctl and HTTP ask, kdig sees what
came of it.

* after each of many random changes (records, TTLs, comments, disabled records, files read again) the
  difference to the state before is what the two exports differ in, and so between any two states;
* a revert to any of them gives that state but for the serial, which goes up; a revert is reverted;
* a single change is undone, or refused by the names that later changes touched;
* all of it is there after a restart; reverts beside other writers are whole;
* what the log does not hold is said, and nothing made up.
"""

import json
import random
import sys
import threading

from checks import HttpSocket, check, say
from records import prove

STEPS = 150
SEED = 20261121
NAMES = ["a", "b", "c", "d.e", "*.w"]
LOGGED = 100000        # RRsets of one load that the log holds


def ask(server, method, path, body=None, headers=None):
    """Gives status, headers and what the body says."""
    client = HttpSocket(server.path("api.sock"))
    status, given, text = client.ask(method, path, body, **headers or {})
    client.close()
    return status, given, json.loads(text) if text else None


def own(server, method, rest, body=None, headers=None):
    return ask(server, method, "/api/anser/v1/zones/example.com/" + rest, body, headers)


def patch(server, *rrsets):
    status, _, body = ask(server, "PATCH", "/api/v1/servers/localhost/zones/example.com.",
                          {"rrsets": list(rrsets)})
    check(status == 204, status, body)


# ---- states ----

class State:
    """The zone as it is: its export, and all RRsets with what is not served."""

    def __init__(self, server):
        self.lines = set()
        for line in server.ctl("zone", "export", "example.com").splitlines():
            name, ttl, _, kind, rdata = line.split("\t")
            self.lines.add((name, int(ttl), kind, rdata))
        status, _, zone = ask(server, "GET", "/api/v1/servers/localhost/zones/example.com.")
        check(status == 200, zone)
        self.serial = zone["serial"]
        self.sets = {}
        for rrset in zone["rrsets"]:
            self.put(rrset)
        found = server.ctl_json("zone", "history", "example.com", "limit=1")
        self.change = found["changes"][0]["change"]
        self.time = found["changes"][0]["time"]
        check(found["serial"] == self.serial == found["changes"][0]["serial"], found)

    def put(self, rrset):
        key = (rrset["name"], rrset["type"])
        served = sorted(r["content"] for r in rrset["records"] if not r["disabled"])
        hidden = sorted(r["content"] for r in rrset["records"] if r["disabled"])
        if rrset["type"] == "SOA":
            served = [" ".join(served[0].split()[:2] + served[0].split()[3:])]
        if served:
            self.sets[key + ("records",)] = (rrset["ttl"], served)
        if hidden or rrset["comments"]:
            self.sets[key + ("extra",)] = (hidden, sorted((c["account"], c["content"])
                                                          for c in rrset["comments"]))


def same(state, other, *what):
    """But for the serial."""
    for key in set(state.sets) | set(other.sets):
        check(state.sets.get(key) == other.sets.get(key), *what, key, state.sets.get(key),
              other.sets.get(key))


def lines_of(answer):
    gone = {(line["name"], line["ttl"], line["type"], line["rdata"]) for line in answer["lines"]
            if line["op"] == "-" and "comment" not in line and "disabled" not in line}
    came = {(line["name"], line["ttl"], line["type"], line["rdata"]) for line in answer["lines"]
            if line["op"] == "+" and "comment" not in line and "disabled" not in line}
    check(len(gone) == answer["removed"] and len(came) == answer["added"], answer)
    return gone, came


def differs(server, before, after, by_http):
    """The difference between two states leads from one to the other."""
    names = ["change:%d" % before.change, "change:%d" % after.change]
    if by_http:
        status, _, answer = own(server, "GET", "diff?from=%s&to=%s" % tuple(names))
        check(status == 200, answer)
    else:
        answer = server.ctl_json("zone", "diff", "example.com", *names)
    gone, came = lines_of(answer)
    check(gone == before.lines - after.lines, "gone", gone, before.lines - after.lines)
    check(came == after.lines - before.lines, "came", came, after.lines - before.lines)
    check(answer["from"]["serial"] == before.serial and answer["to"]["serial"] == after.serial)


# ---- random changes ----

def random_set(server, dice):
    name = dice.choice(NAMES) + ".example.com"
    server.ctl("record", "set", name, str(dice.choice([60, 300])), dice.choice(["A"]),
               *{"192.0.2.%d" % dice.randrange(4) for _ in range(3)})


def random_add(server, dice):
    server.ctl_run("record", "add", dice.choice(NAMES) + ".example.com", "TXT",
                   '"%d"' % dice.randrange(3))


def random_delete(server, dice):
    server.ctl_run("record", "del", dice.choice(NAMES) + ".example.com", dice.choice(["A", "TXT"]))


def random_comment(server, dice):
    texts = [str(dice.randrange(3)) for _ in range(dice.randrange(3))]
    patch(server, {"name": dice.choice(NAMES[:3]) + ".example.com.", "type": "A",
                   "changetype": "REPLACE",
                   "comments": [{"account": "me", "content": t} for t in texts]})


def random_disabled(server, dice):
    records = [{"content": '"%d"' % n, "disabled": dice.random() < .5} for n in range(2)]
    patch(server, {"name": "hidden%d.example.com." % dice.randrange(2), "type": "TXT", "ttl": 60,
                   "changetype": "REPLACE", "records": records[:dice.randrange(3)]})


def random_file(server, dice):
    lines = ["@ 60 SOA ns1 hostmaster %d 7200 3600 1209600 60" % (server.serial() + 1),
             "@ 60 NS ns1", "ns1 60 A 192.0.2.1"]
    for name in NAMES:
        if dice.random() < .7:
            lines.append("%s %d A 192.0.2.%d" % (name, dice.choice([60, 300]), dice.randrange(4)))
    if dice.random() < .5:
        lines.append("@ 60 MX 10 mail.example.net.")
    server.write("zone", "\n".join(lines) + "\n")
    server.ctl("zone", "reload", "example.com")


def random_soa(server, dice):
    server.ctl("record", "set", "example.com", "60", "SOA", "ns1.example.com. hostmaster.example.com. "
               "%d %d 3600 1209600 60" % (server.serial() + 1, dice.choice([7200, 7201])))


CHANGES = [random_set] * 5 + [random_add] * 3 + [random_delete] * 3 + \
    [random_comment, random_disabled, random_file, random_soa]


# ---- reverts ----

def revert(server, what, by_http):
    """Gives whether it was done, and else what was said."""
    if by_http:
        status, _, answer = own(server, "POST", "revert", what)
        check(status in (200, 409, 422), status, answer)
        return status == 200, answer.get("error", ""), status
    words = ["--change", str(what["change"])] if "change" in what else [what["to"]]
    done = server.ctl_run("zone", "revert", "example.com", *words)
    check(done.returncode in (0, 1), done.stderr)
    return done.returncode == 0, done.stderr, done.returncode


def back_to(server, states, index, by_http):
    """To the state after a change: nothing but the serial tells the two apart."""
    before = states[-1]
    state = states[index]
    names = ["change:%d" % state.change, "serial:%d" % state.serial, state.time]
    done, said, _ = revert(server, {"to": names[index % 3]}, by_http)
    check(done, said)
    after = State(server)
    same(after, states[index], "revert to", states[index].change)
    unchanged = before.sets == after.sets
    check(after.serial == before.serial if unchanged else after.serial > before.serial,
          before.serial, after.serial)
    check(server.serial() == after.serial, "kdig sees another serial")
    return after


def undo(server, states, index, by_http):
    """What one change did; refused where something has changed since."""
    now, before, after = states[-1], states[index - 1], states[index]
    keys = {k for k in set(before.sets) | set(after.sets)
            if before.sets.get(k) != after.sets.get(k)}
    conflicts = {k for k in keys if now.sets.get(k) != after.sets.get(k)}
    done, said, status = revert(server, {"change": after.change}, by_http)
    result = State(server)
    if conflicts:
        check(not done and status in (1, 409), "a conflict is not refused", conflicts)
        name, kind = sorted(conflicts)[0][:2]
        check(any("%s %s was changed again" % key[:2] in said for key in conflicts), said, name, kind)
        check(result.serial == now.serial, "a refused revert has changed something")
        return result
    wanted = dict(now.sets)
    for key in keys:
        wanted.pop(key, None)
        if key in before.sets:
            wanted[key] = before.sets[key]
    if done:
        check(result.sets == wanted, "undo of", after.change, result.sets, wanted)
    return result


def same_by_dns(server, state):
    for (name, kind, what), value in state.sets.items():
        if what == "records" and kind == "A" and "*" not in name:
            check(server.short(name, kind) == sorted(value[1]), name, server.short(name, kind), value)


def step(server, states, dice):
    choice = dice.random()
    http_too = dice.random() < .5
    if choice < .7 or len(states) < 5:
        dice.choice(CHANGES)(server, dice)
        return State(server)
    index = dice.randrange(1, len(states))
    if choice < .85:
        return back_to(server, states, index, http_too)
    return undo(server, states, index, http_too)


def random_steps(server, dice):
    states = [State(server)]
    for number in range(STEPS):
        now = step(server, states, dice)
        if now.change == states[-1].change:
            same(now, states[-1], "no change")
            continue
        differs(server, states[-1], now, dice.random() < .5)
        states.append(now)
        differs(server, *[dice.choice(states) for _ in "ab"], dice.random() < .5)
        if number % 50 == 25:
            same_by_dns(server, now)
            server.kill()
            server.start()
    say("%d states" % len(states))
    return states


# ---- one after the other ----

def again(server, states):
    say("a revert of a revert")
    before = State(server)
    after = back_to(server, states + [before], 3, False)
    check(after.sets != before.sets, "nothing to revert")
    done, said, _ = revert(server, {"change": after.change}, False)
    check(done, said)
    same(State(server), before, "revert of a revert")
    check(server.ctl_json("zone", "history", "example.com", "limit=1")["changes"][0]["why"] ==
          "revert of change %d" % after.change)


def trials(server):
    say("dry runs, conditions, force, wrong usage")
    server.ctl("record", "set", "try.example.com", "60", "A", "192.0.2.1")
    first = State(server)
    server.ctl("record", "set", "try.example.com", "60", "A", "192.0.2.2")
    second = State(server)
    out = server.ctl("zone", "revert", "example.com", "change:%d" % first.change, "--dry-run")
    check("-try.example.com. 60 IN A 192.0.2.2\n+try.example.com. 60 IN A 192.0.2.1\n" in out, out)
    check("would change, serial %d" % (second.serial + 1) in out, out)
    status, headers, answer = own(server, "POST", "revert?dry-run=true", {"to": first.serial})
    check(status == 200 and answer["dry_run"] and answer["changed"], answer)
    tag = headers["ETag"]
    same(State(server), second, "a dry run")
    check(own(server, "POST", "revert", {"to": first.serial}, {"If-Match": '"0-0"'})[0] == 412)
    said = server.refused("zone", "revert", "example.com", "--change", str(first.change))
    check("try.example.com. A was changed again by change %d [changed-since]" % second.change in said,
          said)
    answer = server.command("zone revert", {"zone": "example.com", "change": first.change})
    check(answer["result"]["problems"][0]["change"] == second.change, answer)
    answer = server.command("zone revert", {"zone": "example.com", "to": first.serial,
                                            "if_version": first.change})
    check(answer["outcome"] == 1 and answer["result"]["stale"], answer)
    status, _, answer = own(server, "POST", "revert?wait=stored",
                            {"change": first.change, "force": True}, {"If-Match": tag})
    check(status == 200 and answer["changed"], answer)
    check("try.example.com." not in [key[0] for key in State(server).sets], "force does not")
    for words in (["zone", "revert", "example.com"], ["zone", "revert", "example.com", "1", "-g", "1"],
                  ["zone", "revert", "example.com", "yesterday"], ["zone", "history"]):
        check(server.ctl_run(*words).returncode == 2, words)
    for words in (["zone", "revert", "other.example", "now"], ["zone", "history", "other.example"],
                  ["zone", "revert", "example.com", "change:99999"],
                  ["zone", "revert", "example.com", "serial:4000000000"],
                  ["zone", "revert", "example.com", "-g", "1"]):
        check(server.ctl_run(*words).returncode == 1, words)
    for path in ("history?limit=x", "diff?from=x"):
        check(own(server, "GET", path)[0] == 400, path)
    check(own(server, "POST", "revert", {})[0] == 400)
    check(ask(server, "GET", "/api/anser/v1/zones/other.example/history")[0] == 404)


def pages(server):
    say("pages and filters")
    whole = server.ctl_json("zone", "history", "example.com", "limit=1000")["changes"]
    check(whole[-1]["kind"] == "create" and whole[-1]["why"] == "zone sync", whole[-1])
    seen, start = [], None
    while True:
        status, _, page = own(server, "GET", "history?limit=7" + ("&from=%d" % start if start else ""))
        check(status == 200 and len(page["changes"]) <= 7, page)
        seen += page["changes"]
        start = page["next"]
        if not start:
            break
    check(seen == whole, "pages are not the whole")
    check(page["complete"] and page["oldest"] == whole[-1]["change"], page)
    middle = whole[len(whole) // 2]
    since = own(server, "GET", "history?limit=1000&since=" + middle["time"])[2]["changes"]
    check(since == whole[:len(whole) // 2 + 1], "since")
    mine = own(server, "GET", "history?limit=1000&actor=anser")[2]["changes"]
    check(mine == [c for c in whole if c["actor"]["name"] == "anser"], "actor")
    full = server.ctl_json("zone", "history", "example.com", "--full", "limit=3")["changes"]
    check([c["rows"] != [] for c in full] == [True] * 3 and full[0]["rows"][0]["of"] == "rrset", full)
    diff = server.command("zone diff", {"zone": "example.com", "from": "change:1"})["result"]
    parts, after = [], 0
    while after is not None:
        part = server.command("zone diff", {"zone": "example.com", "from": "change:1", "limit": 2,
                                            "after": after})["result"]
        parts += part["lines"]
        after = part["next"]
    check(parts == diff["lines"] and len(parts) > 2, "pages of a difference")


def beside_writers(server):
    say("reverts beside other writers")
    target = State(server)
    stop = threading.Event()
    failures = []

    def write(number):
        count = 0
        while not stop.is_set():
            done = server.command("record set", {"name": "busy%d.example.com." % number, "type": "A",
                                                 "rdata": ["192.0.2.%d" % (count % 200)]})
            count += 1
            if done["outcome"] != 0:
                failures.append(done)
            stop.wait(0.02)  # without a pause no revert need ever come in time

    threads = [threading.Thread(target=write, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    outcomes = [revert(server, {"to": "change:%d" % target.change}, n % 2) for n in range(20)]
    stop.set()
    for thread in threads:
        thread.join()
    check(not failures, failures[:1])
    done = sum(outcome[0] for outcome in outcomes)
    say("%d of %d reverts came in time" % (done, len(outcomes)))
    check(done > 0, outcomes)
    check(all(o[0] or "changed meanwhile" in o[1].lower() for o in outcomes), outcomes)
    check(revert(server, {"to": "change:%d" % target.change}, False)[0])
    same(State(server), target, "after the writers")


def too_large(server):
    say("a load that the log does not hold")

    def write(serial, last):
        lines = ["@ 60 SOA ns1 hostmaster %d 7200 3600 1209600 60" % serial, "@ 60 NS ns1",
                 "ns1 60 A 192.0.2.1"]
        lines += ["h%d 60 A 192.0.2.%d" % (n, last) for n in range(LOGGED + 1)]
        server.write("large", "\n".join(lines) + "\n")

    write(1, 1)
    server.ctl("zone", "add", "large.example", server.path("large"))
    server.ctl("record", "set", "x.large.example", "A", "192.0.2.1")
    write(10, 2)
    server.ctl("zone", "reload", "large.example")
    server.ctl("record", "set", "x.large.example", "A", "192.0.2.2")
    server.ctl("record", "set", "x.large.example", "A", "192.0.2.3")
    changes = server.ctl_json("zone", "history", "large.example")["changes"]
    check(["incomplete" in c for c in changes] == [False, False, True, False, True], changes)
    load = changes[2]["change"]
    for words in (["diff", "large.example", "serial:2"], ["revert", "large.example", "serial:2"],
                  ["revert", "large.example", "--change", str(load)]):
        done = server.ctl_run("zone", *words)
        check(done.returncode == 1 and "change %d loaded zone large.example." % load in done.stderr,
              words, done.stderr)
    server.ctl("zone", "revert", "large.example", "change:%d" % changes[1]["change"])
    check(server.short("x.large.example", "A") == ["192.0.2.2"])
    server.ctl("zone", "revert", "large.example", "change:%d" % load)
    check(server.short("x.large.example", "A") == [])
    check(server.short("h7.large.example", "A") == ["192.0.2.2"])


def run(server):
    states = random_steps(server, random.Random(SEED))
    same_by_dns(server, states[-1])
    again(server, states)
    trials(server)
    pages(server)
    beside_writers(server)
    too_large(server)


if __name__ == "__main__":
    sys.exit(prove(run))
