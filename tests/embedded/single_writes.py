"""Writes a single selection or status, for tests: the ports write many together, and one is a batch of one."""

from __future__ import annotations

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError, raise_first
from tagstream.ports.objects import Document, ObjectStore
from tagstream.ports.selections import Selection, SelectionStore


def put_selection(selections: SelectionStore, selection: Selection, expected: Selection | None) -> bool:
    """Store if the stored one still is ``expected``; False when somebody was faster."""
    (answer,) = selections.put_each([(selection, expected)])
    if isinstance(answer, ImageAutomationError):
        raise answer
    return answer


def put_status(objects: ObjectStore, kind: str, key: NamespacedName, status: Document) -> None:
    """Replace the status of an object, if there is such an object."""
    stored = objects.get(kind, key)
    if stored is not None:
        raise_first(objects.put_statuses([(stored, status)]))
