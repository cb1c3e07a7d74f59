"""anser-control in a directory of its own, and anserctl beside it."""

import json
import os
import signal
import subprocess

from checks import Programs, end_process, until

BIN = os.environ["ANSER_BIN_DIR"]

# What anserctl ends with.
OK, REFUSED, USAGE, NOT_RUNNING, TIMED_OUT = range(5)

ZONE = """@ 60 SOA ns1 hostmaster 1 7200 3600 1209600 60
@ 60 NS ns1
ns1 60 A 192.0.2.1
"""


class ControlPlane(Programs):
    """Its configuration is anser.yaml, which says that its socket is control.sock."""

    process = None

    def launch(self):
        self.process = self.spawn(os.path.join(BIN, "anser-control"), "-c", "anser.yaml")

    def stop(self):
        """Its data plane, if it has one, ends with it."""
        end_process(self.process)

    def kill(self):
        end_process(self.process, signal.SIGKILL)

    def arguments(self, *words, **environment):
        """Of anserctl, as subprocess takes them. By the control socket, unless environment says another
        way."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ANSER_")}
        return {"args": [os.path.join(BIN, "anserctl"), *words], "cwd": self.dir,
                "env": {**kept, "ANSER_SOCKET": self.path("control.sock"), **environment}}

    def anserctl(self, *words, given=None, text=True, patience=60, **environment):
        """given: what it reads, or None for nothing."""
        source = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
        return subprocess.run(**self.arguments(*words, **environment), **source, capture_output=True,
                              text=text, timeout=patience, check=False)

    def wait_until_loaded(self):
        """Zones may have been refused."""
        until("the zones have been read", lambda: "loading" not in (
            json.loads(self.anserctl("--json", "status").stdout or "{}").get("state", "loading")))
