"""The entry point for templates: parse one with Go's functions and sprig's, and render it.

What depends on the present or on chance comes from the arguments ``now`` and ``entropy``. Nothing here reads a clock,
the environment, a file or the network.
"""

from __future__ import annotations

from datetime import datetime

from gocompat.entropy import Entropy
from gocompat.sprig.functions import REFUSED, load, names
from gocompat.template.bounds import Meter
from gocompat.template.evaluate import execute
from gocompat.template.parser import Tree, parse
from gocompat.template.values import Value


def parse_template(name: str, text: str) -> Tree:
    """Parse a template that may call every function of Go and sprig that tagstream has.

    Args:
        name: the template's name, which errors show.
        text: the template.

    Raises:
        InvalidTemplate: the template is not valid, or it calls one of ``REFUSED``, which the message names.
    """
    return parse(name, text, names(), REFUSED)


def render(tree: Tree, data: Value, *, now: datetime, entropy: Entropy, meter: Meter | None = None) -> str:
    """Render a parsed template.

    Args:
        tree: as ``parse_template`` returns it.
        data: the value of dot, in the form that template/values.py describes.
        now: the aware time that counts as the present for ``ago`` and ``durationRound``.
        entropy: what ``shuffle`` and ``randInt`` draw from, such as ``secrets.token_bytes``.
        meter: the bounds of this run; those of bounds.py if it is None.

    Returns:
        The text. Bytes that are not UTF-8 are surrogate escapes in it.

    Raises:
        ExecutionError: the template failed while it ran, or exceeded a bound.
    """
    return execute(tree, load(tree.text, now=now, entropy=entropy), data, meter or Meter())
