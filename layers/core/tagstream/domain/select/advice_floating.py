"""Advice on floating tags: names such as ``latest`` that are moved from image to image.

A policy that selects one never selects anything else, so nothing changes when the tag is moved, unless the digest is
read again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import ImagePolicy
from tagstream.domain.select.filter import CompiledFilter
from tagstream.domain.select.pattern_words import finite_words
from tagstream.domain.select.policy import CompiledPolicy, NoSelection

PATTERN = "spec.filterTags.pattern"
FLOATING = frozenset(
    {
        *(
            "latest",
            "current",
            "stable",
            "unstable",
            "lts",
            "rolling",
            "edge",
            "nightly",
            "canary",
            "snapshot",
            "preview",
        ),
        *("main", "master", "mainline", "trunk", "head", "tip", "dev", "devel", "develop", "alpha", "beta"),
        *("prod", "production", "staging", "testing"),
    }
)
_PLATFORM = re.compile(
    r"(?:alpine|slim|bookworm|bullseye|buster|debian|ubuntu|jammy|noble|focal|windows|linux|nanoserver|amd64|arm64|arm|"
    r"armv[0-9]|arm32v[0-9]|arm64v[0-9]|x86|386|s390x|ppc64le|riscv64|musl|glibc|distroless|rootless|fpm|apache)[0-9.]*",
    re.ASCII,
)
_PARTS = re.compile(r"[-_.]")
_REMEDY = "set spec.digestReflectionPolicy: Always to follow the image that it points to"


def is_floating(tag: str) -> bool:
    """Whether a tag's name says that it is moved: a word such as ``latest``, perhaps with a platform."""
    parts = [part for part in _PARTS.split(tag.lower()) if not _PLATFORM.fullmatch(part)]
    return bool(parts) and all(part in FLOATING for part in parts)


def floating_advice(policy: ImagePolicy, compiled: CompiledPolicy, tags: Sequence[str]) -> Iterator[Problem]:
    """Whether a policy selects a floating tag and does not follow its digest.

    Args:
        policy: without errors.
        compiled: the same policy.
        tags: after exclusion; without them only the policy itself is looked at.
    """
    if policy.digest_reflection == "Always":
        return
    words = finite_words(policy.filter_tags.pattern) if policy.filter_tags else None
    anchored = words is not None and all(one.is_whole for one in words)
    if words is not None and anchored:
        yield from _anchored(policy, sorted({one.text for one in words}))
        return
    if words is not None and compiled.filter is not None:
        yield from _unanchored(policy, compiled.filter, [one.text for one in words], tags)
    if not tags:
        yield from _unfiltered(policy)
        return
    try:
        selected = compiled.latest(tags).tag or ""
    except NoSelection:
        return
    if is_floating(selected):
        where = PATTERN if policy.filter_tags else "spec.policy"
        text = f"selects '{selected}', a tag that is moved from image to image: nothing changes when it is moved"
        yield Problem(path=where, message=f"{text}; keep it out with {PATTERN}, or {_REMEDY}", is_warning=True)


def _anchored(policy: ImagePolicy, words: Sequence[str]) -> Iterator[Problem]:
    """A pattern that only these words match."""
    assert policy.filter_tags is not None
    if len(words) == 1:
        text = f"always selects the tag '{words[0]}', so nothing ever changes"
    elif all(map(is_floating, words)):
        names = ", ".join(f"'{word}'" for word in words)
        text = f"only admits {names}, tags that are moved from image to image: nothing changes when one is moved"
    else:
        return
    yield Problem(path=PATTERN, message=f"'{policy.filter_tags.pattern}' {text}: {_REMEDY}", is_warning=True)


def _unfiltered(policy: ImagePolicy) -> Iterator[Problem]:
    choice = policy.policy
    ascending = (choice.alphabetical or "asc").lower() == "asc"
    filtered = policy.filter_tags is not None and policy.filter_tags.pattern
    if choice.semver is None and choice.alphabetical is not None and ascending and not filtered:
        text = "letters sort above digits, so a tag such as 'latest' is selected before every date and number"
        yield Problem(path="spec.policy.alphabetical", message=f"{text}; keep it out with {PATTERN}", is_warning=True)


def _unanchored(
    policy: ImagePolicy, compiled: CompiledFilter, words: Sequence[str], tags: Sequence[str]
) -> Iterator[Problem]:
    """A word that is found in other tags, too, where one tag was probably meant."""
    assert policy.filter_tags is not None
    text = policy.filter_tags.pattern
    if text.startswith("^") or text.endswith("$") or not all(map(is_floating, words)):
        return
    if not tags:
        message = f"'{text}' is searched anywhere in a tag: anchor it with ^ and $ if one tag is meant"
        yield Problem(path=PATTERN, message=message, is_warning=True)
        return
    others = [tag for tag in tags if tag not in words and compiled.matches(tag)]
    if others and any(word in tags for word in words):
        message = f"'{text}' is searched anywhere in a tag and found in '{others[0]}', too: anchor it with ^ and $"
        yield Problem(path=PATTERN, message=message, is_warning=True)
