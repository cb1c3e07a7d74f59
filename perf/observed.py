"""What the bars of observing are made of: whether every query is counted, and what the log of a sample
of them costs.
"""
import json
import statistics

import data
import servers
from servers import Failed

MIX = "positive"
SAMPLE = 100  # one in so many


class Logging(servers.Anser):
    """With a log of a sample of its queries."""

    def contents(self):
        return ["query-log:", f"  sample: {SAMPLE}", f"  file: {self.dir}/queries",
                *super().contents()]

    def logged(self):
        with open(f"{self.dir}/queries", "rb") as f:
            return sum(1 for _ in f)


# ---- counting ----

def counted(server):
    """Queries, by what the server counts."""
    answer = servers.run_tool([servers.tool("anserctl"), "-s", f"{server.dir}/control", "--json",
                               "stats"], 20)
    return json.loads(answer)["counters"]["queries"]


def miscounted(names, seconds):
    """{protocol: by how much the server's count differs from what dnsperf sent}, and how much that
    was."""
    zones, queries, *_ = data.mix(MIX, names)
    wrong, sent = {}, 0
    with servers.Anser(zones) as server:
        server.wait_until_serving()
        for protocol in ("udp", "tcp"):
            before = counted(server)
            # So few at once that all fit into the smallest buffer: what the kernel drops is not seen.
            asked = servers.ask_by_dnsperf(server, queries + ".txt", seconds, "-e", "-m", protocol,
                                           "-q", "100")
            if not asked["sent"] or asked["lost"]:
                raise Failed(f"dnsperf over {protocol} lost some: {asked}")
            wrong[protocol] = counted(server) - before - asked["sent"]
            sent += asked["sent"]
    return wrong, sent


# ---- logging ----

def in_turns(names, pairs, seconds):
    """Two servers, one of which logs, that are asked in turns. Gives the answers a second of each
    turn, of the one without first, and how many lines were logged."""
    zones, queries, *_ = data.mix(MIX, names)
    with servers.Anser(zones) as plain, Logging(zones) as logging:
        both = (plain, logging)
        for server in both:
            server.wait_until_serving()
        rates = []
        for turn in range(pairs):
            rate = {server: servers.ask_by_dnsperf(server, queries + ".txt", seconds, "-e",
                                                   client_cpus=servers.BOTH_CPUS)["qps"]
                    for server in (both if turn % 2 else both[::-1])}
            rates.append((rate[plain], rate[logging]))
        answered = sum(rate for _, rate in rates) * seconds
        lines = logging.logged()
    if not 0.5 < lines * SAMPLE / answered < 2:
        raise Failed(f"{lines} lines were logged of {answered:.0f} queries")
    return rates, lines


def log_cost(names, pairs, seconds):
    """Percent of throughput: the median of the pairs. And what it is made of."""
    rates, lines = in_turns(names, pairs, seconds)
    cost = statistics.median(100 * (1 - logging / plain) for plain, logging in rates)
    without, with_log = (statistics.median(column) for column in zip(*rates))
    return cost, (f"% of throughput, median of {pairs} pairs; {without:.0f}/s without, "
                  f"{with_log:.0f}/s with one of {SAMPLE}; {lines} lines")
