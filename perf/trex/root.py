"""What a root server sees: half random single labels that do not exist, the rest referrals."""
from dnsmix import LETTER, Mix, Part, fixed

TLDS = ("com", "net", "org", "de", "uk", "fr", "nl", "jp", "io", "arpa")


class Root(Mix):
    __doc__ = __doc__

    def add_options(self, parser):
        parser.add_argument("--tlds", default=",".join(TLDS), help="that the zone delegates")
        parser.add_argument("--nxdomain", type=float, default=50, help="percent")

    def parts(self, args):
        tlds = args.tlds.split(",")
        parts = [Part(args.nxdomain / 4, [[LETTER] * length]) for length in (7, 9, 11, 13)]
        rest = (100 - args.nxdomain) / len(tlds)
        for tld in tlds:
            # Mostly names far below the cut, some that a minimising resolver asks at it.
            below = [[LETTER] * 8] + fixed(tld)
            parts += [Part(0.6 * rest, below), Part(0.2 * rest, below, "AAAA"),
                      Part(0.1 * rest, fixed(tld), "NS"), Part(0.1 * rest, fixed(tld), "DS")]
        return [part for part in parts if part.share > 0]


def register():
    return Root()
