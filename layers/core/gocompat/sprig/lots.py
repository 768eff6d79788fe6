"""The functions of sprig whose result is different at each call: ``shuffle`` and ``randInt``.

They draw from the entropy that the caller passes and from nothing else.

Source: sprig functions.go and numeric.go v3.3.0, Masterminds/goutils v1.1.1 stringutils.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from gocompat.entropy import Entropy, below
from gocompat.template.bounds import check_size
from gocompat.template.faults import CallError
from gocompat.template.signature import function
from gocompat.template.values import Charged, Function, runes

_CALL = 20
_STEPS_A_DRAW = 9


def shuffle(text: str, entropy: Entropy) -> Charged:
    """The characters of a text in an unpredictable order."""
    found = runes(text)
    check_size(len(found) * 20, "characters")
    for last in range(len(found) - 1, 0, -1):
        other = below(last + 1, entropy)
        found[last], found[other] = found[other], found[last]
    return Charged("".join(found), len(found) * _STEPS_A_DRAW)


def random_between(low: int, high: int, entropy: Entropy) -> int:
    """An unpredictable integer from ``low`` up to, but not including, ``high``.

    Raises:
        CallError: there is no such integer; the words are those of Go's rand.Intn.
    """
    if high <= low:
        raise CallError("invalid argument to Intn")
    return low + below(high - low, entropy)


def functions(entropy: Entropy) -> Mapping[str, Function]:
    """``shuffle`` and ``randInt``, drawing from this entropy."""
    return {
        "shuffle": function("string", lambda text: shuffle(text, entropy), _CALL),
        "randInt": function("int, int", lambda low, high: random_between(low, high, entropy), _CALL),
    }
