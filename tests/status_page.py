#!/usr/bin/python3
"""The pages in a real browser. The status page shows what the server has counted, through a
Unix socket forwarded to a port as ssh -L does it; over TCP it asks for the key; and nothing is
loaded but from the server, or refused by the page's own policy. The page of the API's description shows every
operation of it.

Skipped where there is no chromium.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import dns.message
import dns.query

from http_hostile import Server, check

SKIPPED = 77
SECONDS = 5  # of the page's time, which passes faster than ours where nothing is waited for
ASKED = 321
METHODS = {"get", "post", "put", "patch", "delete"}


def forward(path):
    """Gives a port of which every connection leads to the Unix socket."""
    listener = socket.create_server(("127.0.0.1", 0))

    def copy(source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def accept():
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(path)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def ask_dns(port):
    query = dns.message.make_query("www.example.", "A")
    for _ in range(ASKED):
        dns.query.udp(query, "127.0.0.1", timeout=2, port=port)


def browse(browser, directory, url):
    """Gives the document after some seconds of its scripts, and what the browser complained of."""
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
               "--disable-dev-shm-usage", "--no-proxy-server", "--enable-logging=stderr",
               "--user-data-dir=" + os.path.join(directory, "profile"),
               "--virtual-time-budget=%d" % (SECONDS * 1000), "--dump-dom", url]
    result = subprocess.run(command, capture_output=True, timeout=60)
    complaints = [line for line in result.stderr.decode(errors="replace").splitlines()
                  if ":CONSOLE" in line]
    return result.stdout.decode(), complaints


def value_of(document, name):
    found = re.search("<dt>%s</dt><dd>([^<]*)</dd>" % re.escape(name), document)
    check(found, "no %s on the page" % name)
    return float(found.group(1).replace(",", ""))


def shows_what_is_counted(browser, server):
    ask_dns(server.dns)
    document, complaints = browse(browser, server.dir,
                                  "http://127.0.0.1:%d/" % forward(server.path("api.sock")))
    check(not complaints, "the browser complains: %s" % complaints)
    check('class="badge ok">ok<' in document, "the state is not ok: %s" % document[:800])
    noerror = re.search("<td>NOERROR</td><td>([0-9,]+)</td>", document)
    check(noerror and int(noerror.group(1).replace(",", "")) >= ASKED, "NOERROR responses: %s" %
          (noerror and noerror.group(1)))
    check(value_of(document, "queries/s") >= 0, "queries/s")
    check(value_of(document, "served") == 1, "zones")
    check("at work" in document, "data planes")
    check(re.search('points="[0-9]', document), "no graph")


def asks_for_the_key(browser, server):
    document, _ = browse(browser, server.dir, "http://127.0.0.1:%d/" % server.http)
    check("key wanted" in document, "does not ask for the key: %s" % document[:800])
    check('id="login" hidden' not in document, "the form is hidden")


def describes_every_operation(browser, server):
    document, complaints = browse(browser, server.dir, "http://127.0.0.1:%d/docs" % server.http)
    check(not complaints, "the browser complains: %s" % complaints)
    said = json.loads(server.ask("GET /api/anser/v1/openapi.json")[2])
    for path, item in said["paths"].items():
        for method in METHODS & set(item):
            check('id="%s"' % item[method]["operationId"] in document, "%s %s is not shown" % (method, path))
    for name in said["components"]["schemas"]:
        check('id="schema-%s"' % name in document, "the schema %s is not shown" % name)


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.environ["ANSER_BIN_DIR"]
    browser = shutil.which("chromium")
    if not browser:
        print("skipped: no chromium")
        return SKIPPED
    with Server(os.path.abspath(os.path.join(directory, "anser-control"))) as server:
        server.wait_until_ready()
        for case in (shows_what_is_counted, asks_for_the_key, describes_every_operation):
            case(browser, server)
            print("ok    %s" % case.__name__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
