"""What a hoster's servers see: hosts h0000000 and on (zonegen hosts), the k-th with weight 1/k.

Names of as many digits are one part, drawn alike: a decade of ranks, each of which has about the
same weight in all.
"""
from dnsmix import DIGIT, DIGIT_FROM_1, LETTER, Mix, Part, fixed


class Hosting(Mix):
    __doc__ = __doc__

    def add_options(self, parser):
        parser.add_argument("--origin", default="example.com.")
        parser.add_argument("--digits", type=int, default=5, choices=range(1, 8),
                            help="10^DIGITS hosts are asked about")
        parser.add_argument("--nxdomain", type=float, default=5, help="percent")

    def parts(self, args):
        origin = fixed(args.origin)
        found = 100 - args.nxdomain
        weights = [sum(1 / rank for rank in range(10 ** (n - 1), 10 ** n))
                   for n in range(1, args.digits + 1)]
        parts = []
        for digits, weight in enumerate(weights, 1):
            name = list("h" + "0" * (7 - digits)) + [DIGIT_FROM_1] + [DIGIT] * (digits - 1)
            share = found * weight / sum(weights)
            parts += [Part(0.75 * share, [name] + origin),
                      Part(0.25 * share, [name] + origin, "AAAA")]
        parts.append(Part(args.nxdomain, [[LETTER] * 10] + origin))
        return [part for part in parts if part.share > 0]


def register():
    return Hosting()
