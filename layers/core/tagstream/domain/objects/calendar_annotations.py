"""The windows and freezes in an object's annotations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from gocompat.quote import quote
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import FREEZE, WINDOW

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar

T = TypeVar("T")


def annotated_calendar(owner: str, annotations: Mapping[str, str], problems: list[Problem]) -> Calendar | None:
    """The calendar of an object; None without the annotations, and when one of them has a problem.

    Args:
        owner: the object, for people: ``the automation``, ``namespace apps``.
        annotations: of the object.
        problems: gets what cannot be read, with the annotation and its value.
    """
    if WINDOW not in annotations and FREEZE not in annotations:
        return None
    from tagstream.domain.calendar.calendar import Calendar
    from tagstream.domain.calendar.freeze import parse_freezes
    from tagstream.domain.calendar.window import parse_windows

    windows = _read(WINDOW, parse_windows, annotations, problems)
    freezes = _read(FREEZE, parse_freezes, annotations, problems)
    if windows is None or freezes is None:
        return None
    return Calendar(owner=owner, windows=windows, freezes=freezes)


def _read(
    name: str,
    parse: Callable[[str], tuple[T, ...]],
    annotations: Mapping[str, str],
    problems: list[Problem],
) -> tuple[T, ...] | None:
    """What an annotation says, nothing if it is missing; None if it cannot be read."""
    from tagstream.domain.calendar.zone import InvalidCalendar

    if name not in annotations:
        return ()
    try:
        return parse(annotations[name])
    except InvalidCalendar as error:
        message = f"Invalid value: {quote(annotations[name])}: {error}"
        problems.append(Problem(path=f"metadata.annotations[{name}]", message=message))
        return None
