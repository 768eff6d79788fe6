"""Makes the cells of a table fit a terminal: checksums and names of causes are shortened, wide columns are cut.

Nothing here is used for output that goes to a pipe or a file: programs get whole values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tagstream.domain.steering import harmless

_CHECKSUM = r"\b([0-9a-f]{8})(?:[0-9a-f]{32}|[0-9a-f]{56})\b"
_UUID = r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
_CALLER = r"\barn:[a-z-]+:(?:iam|sts)::[0-9]*:[^\s,:]*?([^\s,:/]+)(?=$|[\s,:])"
STILL_READABLE, LEAST_SOFT, LEAST_END = 28, 12, 14
LEAST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: printed in upper case.
        soft: whether this column is cut before the others, because its end matters least: messages, details.
        keeps_end: whether a cut takes the beginning away, as with image names, whose last words tell them apart.
    """

    title: str
    soft: bool = False
    keeps_end: bool = False


def brief(text: str) -> str:
    """Return a cell as it is shown on a terminal: one line, with short checksums, ids and callers.

    The first eight characters of a checksum or an id are enough to find the whole one with ``-o wide``.
    """
    line = " ".join(harmless(text).split())
    for pattern in (_UUID, _CHECKSUM, _CALLER):
        line = re.sub(pattern, lambda found: found[1], line)
    return line


def cut(line: str, width: int) -> str:
    """Return a line that takes no more than ``width`` characters; what is left out ends in ``…``."""
    return line if len(line) <= width else f"{line[: width - 1]}…"


def fitted(widths: Sequence[int], columns: Sequence[Column], total: int) -> list[int]:
    """Return the widths of columns that together take no more than ``total``.

    Soft columns give way first, then those that keep their end, then soft ones again, then all: the widest of them
    each time, down to a width at which they still say something. On a terminal that is too narrow even for that, the
    sum is more than ``total``.
    """
    found = [min(width, max(total, LEAST)) for width in widths]
    soft = [at for at, one in enumerate(columns) if one.soft]
    long = [at for at, one in enumerate(columns) if one.keeps_end]
    stages = ((soft, STILL_READABLE), (long, LEAST_END), (soft, LEAST_SOFT), (range(len(found)), LEAST))
    for indexes, least in stages:
        while indexes and sum(found) > total:
            widest = max(indexes, key=found.__getitem__)
            if found[widest] <= least:
                break
            found[widest] -= 1
    return found
