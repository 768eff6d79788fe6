"""When the tags of a policy were made, for a policy that selects the newest tag by time.

First sightings are read from the stored list. Times of creation are asked from the registry once for each tag, a few
tags at an evaluation, and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from tagstream.domain.objects.image_name import ImageName, canonical_name
from tagstream.domain.objects.model import Digest, ImagePolicy
from tagstream.domain.select.policy import CompiledPolicy, TimeOf
from tagstream.errors import StalledError
from tagstream.ports.tags import TagStore
from tagstream.reconcile.select.contents import Contents
from tagstream.reconcile.select.first_seen import FirstSeen

# Of more tags, most are of no interest: a filter has to leave them out.
MOST_TAGS = 1_000
MOST_LOOKED_AT = 20
AskCreated = Callable[[Digest], "datetime | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A policy that knows when tags were made, if it orders them by time.

    Attributes:
        policy: ready to select.
        left: the tags that nobody has looked at yet; only for a policy that orders by creation.
    """

    policy: CompiledPolicy
    left: tuple[str, ...] = ()


def with_stored_times(
    policy: ImagePolicy, compiled: CompiledPolicy, image: str, listed: Iterable[str], tags: TagStore
) -> Timed:
    """The policy with the times that are stored; the registry is not asked.

    Args:
        policy: says what counts.
        compiled: the same, ready to select.
        image: of the repository; empty if it is not known.
        listed: all tags of the repository.
        tags: stored sightings and times of creation; sightings are read when the first tag is asked about.

    Raises:
        ImageAutomationError: the table failed.
    """
    if policy.control.order_by != "created":
        return Timed(policy=replace(compiled, time_of=stored_times(policy, image, tags)))
    known = tags.creation_times(policy.repository, canonical_name(image))
    left = tuple(tag for tag in _matching(compiled, listed) if tag not in known)
    return Timed(policy=replace(compiled, time_of=known.get), left=left)


def stored_times(policy: ImagePolicy, image: str, tags: TagStore) -> TimeOf | None:
    """When an image's tags were made, as far as it is stored; None for a policy that does not order by time."""
    if policy.control.order_by == "first-seen":
        return FirstSeen(policy.repository, tags)
    if policy.control.order_by != "created":
        return None
    return tags.creation_times(policy.repository, canonical_name(image)).get


def with_times(
    policy: ImagePolicy,
    compiled: CompiledPolicy,
    image: ImageName,
    listed: Collection[str],
    contents: Contents,
    ask: AskCreated,
) -> Timed:
    """The policy with the times of its tags, after a look at a few of those that are new.

    Args:
        policy: says what counts.
        compiled: the same, ready to select.
        image: of the repository.
        listed: all tags of the repository.
        contents: tells the digest of a tag, and where times are kept.
        ask: asks the registry when the image of a digest was created.

    Raises:
        StalledError: TooManyTags, the filter lets too many tags through.
        ImageAutomationError: the registry does not answer, or the table failed.
    """
    if policy.control.order_by != "created":
        return Timed(policy=replace(compiled, time_of=stored_times(policy, image.canonical, contents.first_seen.tags)))
    count = len(_matching(compiled, listed))
    if count > MOST_TAGS:
        text = f"{count} tags match, and at most {MOST_TAGS} can be ordered by when they were created"
        raise StalledError(f"{text}: narrow spec.filterTags, or order by first-seen", reason="TooManyTags")
    tags = contents.first_seen.tags
    known = tags.creation_times(policy.repository, image.canonical)
    new = [tag for tag in _matching(compiled, listed) if tag not in known]
    looked_at: dict[str, datetime | None] = {}
    try:
        for tag in new[:MOST_LOOKED_AT]:
            looked_at[tag] = ask(contents.digest(tag))
    finally:
        # What was answered before a failure is not asked for again.
        there = set(listed)
        times = {tag: at for tag, at in known.items() if tag in there} | looked_at
        if looked_at:
            tags.put_creation_times(policy.repository, image.canonical, times, contents.now)
    return Timed(policy=replace(compiled, time_of=times.get), left=tuple(new[MOST_LOOKED_AT:]))


def _matching(compiled: CompiledPolicy, listed: Iterable[str]) -> list[str]:
    found = compiled.filter
    return [tag for tag, _ in found.values(listed)] if found else list(listed)
