"""What people did to a policy: a pin, a hold, a rollback, or a revert of our commit in Git.

What a command orders, and a revert that a run has noticed, are kept with the object as JSON in annotations that no
manifest sets: applying a manifest leaves them alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tagstream.domain.instant import instant_text, read_instant
from tagstream.domain.objects.annotations import INTERVENTION, REVERTED

Kind = Literal["pin", "hold", "rollback"]
KINDS: tuple[Kind, ...] = ("pin", "hold", "rollback")
UNREADABLE = (KeyError, TypeError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a tag stood in the order of its policy. It is kept, because the tag may leave the registry or the filter.

    ``value`` is what the filter made of the tag. ``made_at`` (aware UTC) is known if the policy orders tags by time.
    """

    value: str
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """An order of a person.

    Attributes:
        kind: ``pin`` selects ``tag``; ``hold`` keeps the current selection; ``rollback`` selects ``tag`` until a tag
            comes that is newer than ``rejected``.
        author: who gave the order, e.g. the ARN of the caller.
        rejected_place: where ``rejected`` stood when the order was given; None if that is not known.
        digest: what ``tag`` contained when it was selected before; empty if that is not known.
        image: the image of that digest.
        reason: why, in the author's words; may be empty.
        at: when (aware UTC); None for an order in a manifest.
        until: when it ends by itself; None for not before somebody ends it.
    """

    kind: Kind
    author: str
    tag: str = ""
    rejected: str = ""
    rejected_place: Place | None = None
    digest: str = ""
    image: str = ""
    reason: str = ""
    at: datetime | None = None
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether its time is up."""
        return self.until is not None and self.until <= now

    def __str__(self) -> str:
        """By whom, why and until when, for people."""
        why = f": {self.reason}" if self.reason else ""
        until = f", until {instant_text(self.until)}" if self.until else ""
        return f"by {self.author}{until}{why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """A person's commit that set a value back to an older tag.

    Attributes:
        rejected: the tag that was in Git.
        rejected_place: where it stood in the policy's order then; None if that is not known.
        found: the older tag that is there now.
        file: where.
        commit: the commit that did it; empty if it is not known.
        author: of that commit; empty if it is not known.
        at: when it was noticed (aware UTC).
    """

    rejected: str
    found: str
    file: str
    at: datetime
    rejected_place: Place | None = None
    commit: str = ""
    author: str = ""

    def __str__(self) -> str:
        """Who did what where, for people."""
        commit = f"commit {self.commit[:7]}" if self.commit else "an unknown commit"
        who = f" of {self.author}" if self.author else ""
        return f"{commit}{who} set {self.rejected} back to {self.found} in {self.file}"


def intervention_text(intervention: Intervention) -> str:
    """The value of the annotation INTERVENTION."""
    names = ("kind", "author", "tag", "rejected", "digest", "image", "reason")
    members = {name: getattr(intervention, name) for name in names} | _place_members(intervention.rejected_place)
    times = {"at": intervention.at, "until": intervention.until}
    return _text(members | {name: instant_text(value) for name, value in times.items() if value is not None})


def read_intervention(annotations: Mapping[str, str]) -> Intervention | None:
    """The order in the annotation INTERVENTION; None when there is none, or none that can be read."""
    try:
        stored = _members(annotations.get(INTERVENTION))
        kind = next((one for one in KINDS if stored is not None and one == stored["kind"]), None)
        if stored is None or kind is None:
            return None
        return Intervention(
            kind=kind,
            author=str(stored["author"]),
            tag=str(stored.get("tag", "")),
            rejected=str(stored.get("rejected", "")),
            rejected_place=_place(stored),
            digest=str(stored.get("digest", "")),
            image=str(stored.get("image", "")),
            reason=str(stored.get("reason", "")),
            at=_time(stored.get("at")),
            until=_time(stored.get("until")),
        )
    except UNREADABLE:
        return None


def revert_text(revert: Revert) -> str:
    """The value of the annotation REVERTED."""
    members = {name: getattr(revert, name) for name in ("rejected", "found", "file", "commit", "author")}
    return _text(members | _place_members(revert.rejected_place) | {"at": instant_text(revert.at)})


def read_revert(annotations: Mapping[str, str]) -> Revert | None:
    """The revert in the annotation REVERTED; None when there is none, or none that can be read."""
    try:
        stored = _members(annotations.get(REVERTED))
        if stored is None:
            return None
        at = _time(stored["at"])
        if at is None:
            return None
        return Revert(
            rejected=str(stored["rejected"]),
            found=str(stored["found"]),
            file=str(stored.get("file", "")),
            at=at,
            rejected_place=_place(stored),
            commit=str(stored.get("commit", "")),
            author=str(stored.get("author", "")),
        )
    except UNREADABLE:
        return None


def _text(members: Mapping[str, object]) -> str:
    return json.dumps({name: value for name, value in members.items() if value != ""}, sort_keys=True)


def _place_members(place: Place | None) -> dict[str, object]:
    if place is None:
        return {}
    # Whole seconds would put a tag of the same second behind it.
    made_at = {} if place.made_at is None else {"rejectedMadeAt": place.made_at.isoformat()}
    return {"rejectedValue": place.value, **made_at}


def _place(stored: Mapping[str, object]) -> Place | None:
    value, made_at = stored.get("rejectedValue"), _time(stored.get("rejectedMadeAt"))
    return None if value is None and made_at is None else Place(value=str(value or ""), made_at=made_at)


def _members(text: str | None) -> Mapping[str, object] | None:
    found = json.loads(text) if text else None
    return found if isinstance(found, dict) else None


def _time(value: object) -> datetime | None:
    return None if value is None else read_instant(str(value))
