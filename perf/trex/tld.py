"""What a TLD's servers see: referrals, below names d0000000 and on (zonegen tld), and NXDOMAIN."""
from dnsmix import DIGIT, LETTER, Mix, Part, fixed


class Tld(Mix):
    __doc__ = __doc__

    def add_options(self, parser):
        parser.add_argument("--origin", default="tld-example.")
        parser.add_argument("--digits", type=int, default=5, choices=range(1, 8),
                            help="that vary: 10^DIGITS delegations are asked about")
        parser.add_argument("--nxdomain", type=float, default=30, help="percent")

    def parts(self, args):
        origin = fixed(args.origin)
        name = list("d" + "0" * (7 - args.digits)) + [DIGIT] * args.digits
        found = 100 - args.nxdomain
        parts = [Part(0.55 * found, [list("www"), name] + origin),
                 Part(0.25 * found, [list("www"), name] + origin, "AAAA"),
                 Part(0.10 * found, [name] + origin, "NS"),
                 Part(0.10 * found, [name] + origin, "DS")]
        parts += [Part(args.nxdomain / 3, [[LETTER] * length] + origin) for length in (6, 10, 14)]
        return [part for part in parts if part.share > 0]


def register():
    return Tld()
