"""A random-subdomain attack: nothing but names that do not exist, of many lengths."""
from dnsmix import LETTER, Mix, Part, fixed


class RandomSubdomain(Mix):
    __doc__ = __doc__

    def add_options(self, parser):
        parser.add_argument("--origin", default="example.com.")

    def parts(self, args):
        origin = fixed(args.origin)
        return [Part(1, [[LETTER] * length] + origin) for length in (5, 8, 12, 16, 24)] + \
            [Part(1, [[LETTER] * 6, [LETTER] * 6] + origin)]


def register():
    return RandomSubdomain()
