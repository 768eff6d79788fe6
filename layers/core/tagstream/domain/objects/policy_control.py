"""What annotations ask of an ImagePolicy beyond what Flux knows; a value that cannot be meant is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gocompat.duration import InvalidDuration
from gocompat.quote import quote
from tagstream.domain.objects.annotations import INTERVENTION, REVERTED
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.long_duration import parse_long_duration
from tagstream.domain.objects.model import (
    HOLD,
    MINIMUM_AGE,
    ON_REVERT,
    ORDER_BY,
    PIN,
    PLATFORMS,
    SEVERITIES,
    SKIP_TAGS,
    UNTIL,
    VERIFY,
    VERIFY_IDENTITY,
    VERIFY_ISSUER,
    VERIFY_SECRET,
    VULNERABILITIES_BELOW,
    WHY,
    Metadata,
    OrderBy,
    PolicyControl,
    Severity,
)
from tagstream.domain.objects.object_name import is_object_name
from tagstream.domain.scan.tag_grammar import TAG
from tagstream.domain.select.platforms import PLATFORM

if TYPE_CHECKING:
    from datetime import datetime

    from tagstream.domain.objects.intervention import Intervention, Revert

NO_KEYLESS = (
    "keyless verification is not supported, because it would need nineteen more packages: sign with a key and"
    f" give its public half in {VERIFY_SECRET}"
)
NO_TAG = "is no tag"
NO_PLATFORM = "is no platform, such as linux/arm64 or linux/arm/v7"


def read_policy_control(metadata: Metadata, problems: list[Problem]) -> PolicyControl:
    """Read the annotations that gates of a policy act on; what is wrong with them is added to ``problems``."""
    notes = metadata.annotations
    return PolicyControl(
        minimum_age_s=_minimum_age_s(metadata, problems),
        platforms=_listed(metadata, PLATFORMS, PLATFORM, NO_PLATFORM, problems),
        order_by=_order_by(metadata, problems),
        vulnerabilities_below=_vulnerabilities_below(metadata, problems),
        verify_secret=_verify_secret(metadata, problems),
        ordered=_ordered(notes),
        annotated=_annotated(metadata, problems),
        skip_tags=_listed(metadata, SKIP_TAGS, TAG, NO_TAG, problems),
        revert=_reverted(notes),
        honours_reverts=honours_reverts(metadata, problems),
    )


def honours_reverts(metadata: Metadata, problems: list[Problem]) -> bool:
    """Whether an ImagePolicy or an ImageUpdateAutomation honours what a person reverts in Git."""
    found = _one_of(metadata, ON_REVERT, ("hold", "ignore"), problems)
    return found != "ignore"


def _ordered(notes: Mapping[str, str]) -> Intervention | None:
    """The order of the last command."""
    if INTERVENTION not in notes:
        return None
    # Few policies have orders, and the command line starts sooner without what reads them.
    from tagstream.domain.objects.intervention import read_intervention

    return read_intervention(notes)


def _reverted(notes: Mapping[str, str]) -> Revert | None:
    """The revert that a run has noticed."""
    if REVERTED not in notes:
        return None
    # As in _ordered.
    from tagstream.domain.objects.intervention import read_revert

    return read_revert(notes)


def _minimum_age_s(metadata: Metadata, problems: list[Problem]) -> float:
    text = metadata.annotations.get(MINIMUM_AGE)
    if text is None:
        return 0.0
    try:
        return parse_long_duration(text)
    except InvalidDuration as error:
        problems.append(_invalid(MINIMUM_AGE, text, error))
        return 0.0


def _order_by(metadata: Metadata, problems: list[Problem]) -> OrderBy:
    found = _one_of(metadata, ORDER_BY, ("first-seen", "created"), problems)
    return "first-seen" if found == "first-seen" else "created" if found == "created" else ""


def _vulnerabilities_below(metadata: Metadata, problems: list[Problem]) -> Severity | None:
    found = _one_of(metadata, VULNERABILITIES_BELOW, SEVERITIES, problems)
    return next((one for one in SEVERITIES if one == found), None)


def _verify_secret(metadata: Metadata, problems: list[Problem]) -> str:
    """The secret with the public keys; empty if no signature is asked for."""
    notes = metadata.annotations
    wanted, secret = _one_of(metadata, VERIFY, ("cosign",), problems), notes.get(VERIFY_SECRET)
    problems += [_invalid(one, notes[one], NO_KEYLESS) for one in (VERIFY_IDENTITY, VERIFY_ISSUER) if one in notes]
    if wanted is None:
        if secret is not None:
            problems.append(_invalid(VERIFY_SECRET, secret, f"means nothing without {VERIFY}"))
        return ""
    if secret is None:
        problems.append(_invalid(VERIFY, wanted, f"needs {VERIFY_SECRET}, the Secret with the public keys"))
    elif not is_object_name(secret):
        problems.append(_invalid(VERIFY_SECRET, secret, "is no name of a Secret"))
    return secret or ""


def _annotated(metadata: Metadata, problems: list[Problem]) -> Intervention | None:
    """The pin or the hold of the manifest."""
    notes = metadata.annotations
    tag = notes.get(PIN)
    is_held = _one_of(metadata, HOLD, ("true", "false"), problems) == "true"
    until = _until(metadata, problems)
    if tag is None and not is_held:
        for name in (UNTIL, WHY):
            if name in notes:
                problems.append(_invalid(name, notes[name], f"means nothing without {PIN} or {HOLD}"))
        return None
    if tag is not None and is_held:
        problems.append(_invalid(HOLD, notes[HOLD], f"{PIN} and {HOLD} exclude each other"))
    if tag is not None and not TAG.fullmatch(tag):
        problems.append(_invalid(PIN, tag, NO_TAG))
    # As in _ordered.
    from tagstream.domain.objects.intervention import Intervention

    name = HOLD if tag is None else PIN
    reason = notes.get(WHY, "")
    author = f"the annotation {name}"
    if tag is None:
        return Intervention(kind="hold", author=author, reason=reason, until=until)
    return Intervention(kind="pin", tag=tag, author=author, reason=reason, until=until)


def _until(metadata: Metadata, problems: list[Problem]) -> datetime | None:
    text = metadata.annotations.get(UNTIL)
    if text is None:
        return None
    # Few policies have a pin or a hold that ends.
    from tagstream.domain.instant import read_instant

    try:
        return read_instant(text)
    except ValueError:
        problems.append(_invalid(UNTIL, text, "must be a time with its zone, such as 2026-12-01T08:00:00Z"))
        return None


def _listed(
    metadata: Metadata, annotation: str, grammar: re.Pattern[str], cause: str, problems: list[Problem]
) -> frozenset[str]:
    """The texts of an annotation that are separated by commas; empty without the annotation."""
    text = metadata.annotations.get(annotation)
    if text is None:
        return frozenset()
    found = [one.strip() for one in text.split(",")]
    problems += [_invalid(annotation, one, cause) for one in found if not grammar.fullmatch(one)]
    return frozenset(found)


def _one_of(metadata: Metadata, annotation: str, allowed: tuple[str, ...], problems: list[Problem]) -> str | None:
    text = metadata.annotations.get(annotation)
    if text is not None and text not in allowed:
        listed = ", ".join(quote(one) for one in allowed)
        path = f"metadata.annotations[{annotation}]"
        problems.append(Problem(path=path, message=f"Unsupported value: {quote(text)}: supported values: {listed}"))
    return text


def _invalid(annotation: str, value: str, cause: object) -> Problem:
    return Problem(path=f"metadata.annotations[{annotation}]", message=f"Invalid value: {quote(value)}: {cause}")
