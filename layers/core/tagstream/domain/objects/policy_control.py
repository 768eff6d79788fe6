"""What annotations ask of an ImagePolicy beyond what Flux knows; a value that cannot be meant is refused."""

from __future__ import annotations

from gocompat.duration import InvalidDuration
from gocompat.quote import quote
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.long_duration import parse_long_duration
from tagstream.domain.objects.model import MINIMUM_AGE, Metadata, PolicyControl


def read_policy_control(metadata: Metadata, problems: list[Problem]) -> PolicyControl:
    """Read the annotations that gates of a policy act on; what is wrong with them is added to ``problems``."""
    return PolicyControl(minimum_age_s=_minimum_age_s(metadata, problems))


def _minimum_age_s(metadata: Metadata, problems: list[Problem]) -> float:
    text = metadata.annotations.get(MINIMUM_AGE)
    if text is None:
        return 0.0
    try:
        return parse_long_duration(text)
    except InvalidDuration as error:
        problems.append(_invalid(MINIMUM_AGE, text, error))
        return 0.0


def _invalid(annotation: str, value: str, cause: object) -> Problem:
    return Problem(path=f"metadata.annotations[{annotation}]", message=f"Invalid value: {quote(value)}: {cause}")
