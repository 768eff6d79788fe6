"""Checks that the windows of automations, namespaces and the stack ever open together.

Automations that rebuild one branch must all be open at the same time, because the branch is pushed whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from gocompat.quote import quote
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.model import WINDOW, GitRepository, ImageUpdateAutomation, Namespace
from tagstream.errors import RetryableError
from tagstream.reconcile.apply.located import Located

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar
    from tagstream.ports.bundle import Ports

StoredCalendars = Callable[[str], "Sequence[Calendar]"]
"""The calendars that a stack has for a namespace: the stored Namespace's and the stack's own."""


def no_calendars(namespace: str) -> Sequence[Calendar]:
    """Without a stack there are none."""
    return ()


def stored_calendars(ports: Ports) -> StoredCalendars:
    """Read the calendars of a stack; one that cannot be read is passed over, because the functions tell of it."""

    from tagstream.reconcile.stack_calendar import read_stack_calendar
    from tagstream.reconcile.update.calendars import Calendars, namespace_name

    def read(namespace: str) -> Sequence[Calendar]:
        name = namespace_name(namespace)
        stored = Calendars(documents=ports.objects.documents([name]), stack=ports.stack_calendar)
        found = (
            _readable(lambda: stored.of_namespace(namespace)),
            _readable(lambda: read_stack_calendar(stored.stack)),
        )
        return [one for one in found if one is not None]

    return read


def _readable(read: Callable[[], Calendar | None]) -> Calendar | None:
    try:
        return read()
    except RetryableError:
        return None


def never_open(objects: Sequence[Located], stored: StoredCalendars) -> Sequence[tuple[Located, Problem]]:
    """Return the automations whose windows and those of their namespace or of the stack have no time in common.

    So are those whose windows have no time in common with the windows of others that rebuild the same branch.

    Args:
        objects: the valid objects of the manifests. A Namespace among them counts instead of the stored one.
        stored: reads what the stack has.
    """
    here = {
        one.parsed.key.name: one.parsed.value.calendar for one in objects if isinstance(one.parsed.value, Namespace)
    }
    found = []
    for one in objects:
        value = one.parsed.value
        if not isinstance(value, ImageUpdateAutomation) or value.calendar is None or not value.calendar.windows:
            continue
        # Few automations have windows.
        from tagstream.domain.calendar.calendar import ever_open_together

        others = _others(one.parsed.key.namespace, here, stored)
        if not ever_open_together([value.calendar, *others]):
            owners = " and ".join(other.owner for other in others)
            found.append((one, _problem(value, f"is never open together with the windows of {owners}")))
    told = {id(one) for one, _ in found}
    for group in _rebuilt_together(objects):
        if not any(id(one) in told for one, _ in group):
            found += _never_open_on_one_branch(group, here, stored)
    return found


def _problem(automation: ImageUpdateAutomation, message: str, *, is_warning: bool = False) -> Problem:
    text = automation.metadata.annotations[WINDOW]
    path = f"metadata.annotations[{WINDOW}]"
    return Problem(path=path, message=f"Invalid value: {quote(text)}: {message}", is_warning=is_warning)


Writer = tuple[Located, ImageUpdateAutomation]


def _rebuilt_together(objects: Sequence[Located]) -> Sequence[Sequence[Writer]]:
    """The automations of each push branch that several of them rebuild, which is pushed whole or not at all."""
    values = [one.parsed.value for one in objects]
    if not any(isinstance(one, ImageUpdateAutomation) and one.calendar is not None for one in values):
        return ()
    from tagstream.domain.update.destination import rebuilt_together

    repositories = {one.metadata.key: one for one in values if isinstance(one, GitRepository)}
    located = {id(one.parsed.value): one for one in objects}
    automations = [one for one in values if isinstance(one, ImageUpdateAutomation)]
    return [
        [(located[id(one)], one) for one, _ in group]
        for group in rebuilt_together(automations, repositories)
        # ``lint`` tells of those that check out different references.
        if all(where.checkout == group[0][1].checkout for _, where in group)
    ]


def _never_open_on_one_branch(
    group: Sequence[Writer], here: Mapping[str, Calendar | None], stored: StoredCalendars
) -> Sequence[tuple[Located, Problem]]:
    """Tell of the last automation with a window, if the windows of all automations of a branch have no time in common.

    The branches of a template are each pushed by the automations that change something on it, so that is a warning.
    """
    own = [(one, value) for one, value in group if value.calendar is not None and value.calendar.windows]
    if not own:
        return ()
    from tagstream.domain.calendar.calendar import ever_open_together

    namespaces = sorted({one.parsed.key.namespace for one, _ in group})
    calendars = [value.calendar for _, value in own if value.calendar is not None]
    if ever_open_together([*calendars, *(other for name in namespaces for other in _others(name, here, stored))]):
        return ()
    located, last = own[-1]
    names = " and ".join(one.parsed.name for one, _ in group if one is not located)
    if last.branch_template:
        rest = "a branch of the template to which they all push is never pushed"
        message = f"is never open together with the windows of {names}: {rest}"
    else:
        message = f"is never open together with the windows of {names}, which rebuild the same branch"
    return [(located, _problem(last, message, is_warning=bool(last.branch_template)))]


def _others(namespace: str, here: Mapping[str, Calendar | None], stored: StoredCalendars) -> Sequence[Calendar]:
    listed = list(stored(namespace))
    if namespace in here:
        given = here[namespace]
        listed = [one for one in listed if one.owner != f"namespace {namespace}"] + ([given] if given else [])
    return [one for one in listed if one.windows]
