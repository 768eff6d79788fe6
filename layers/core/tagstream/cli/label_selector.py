"""Reads Kubernetes label selectors as they are typed: ``app=web,tier!=test,env in (dev, prod),!legacy``.

Source: apimachinery pkg/labels/selector.go (Parse).
"""

from __future__ import annotations

import re

from tagstream.cli.console import CommandFailed
from tagstream.domain.objects.model import LabelRequirement, LabelSelector

_KEY = r"(?:[A-Za-z0-9][-A-Za-z0-9.]*/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_REQUIREMENT = re.compile(
    rf"\s*(?:!\s*(?P<absent>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<compared>==|=|!=)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,(?=.)|$)",
    re.DOTALL,
)
_OPERATORS = {"=": "In", "==": "In", "!=": "NotIn", "in": "In", "notin": "NotIn"}


def read_label_selector(text: str) -> LabelSelector:
    """Read a selector.

    Raises:
        CommandFailed: it is none.
    """
    found, at = [], 0
    while at < len(text):
        match = _REQUIREMENT.match(text, at)
        if match is None:
            raise CommandFailed(f"--label-selector '{text}': unable to parse '{text[at:]}', expected e.g. app=web,!old")
        found.append(_requirement(match, text))
        at = match.end()
    return LabelSelector(match_labels={}, match_expressions=tuple(found))


def _requirement(match: re.Match[str], text: str) -> LabelRequirement:
    if match["absent"]:
        return LabelRequirement(key=match["absent"], operator="DoesNotExist", values=())
    operator = match["compared"] or match["set"]
    if operator is None:
        return LabelRequirement(key=match["key"], operator="Exists", values=())
    values = (match["value"],) if match["compared"] else tuple(one.strip() for one in match["values"].split(","))
    for one in values:
        if not re.fullmatch(_VALUE, one):
            raise CommandFailed(f"--label-selector '{text}': invalid label value '{one}'")
    return LabelRequirement(key=match["key"], operator=_OPERATORS[operator], values=values)
