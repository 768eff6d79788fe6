"""Parses stored objects into values of their classes.

A stored object that this version cannot read is an error of that object only, and never stops the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import FluxObject
from tagstream.errors import ImageAutomationError, StalledError
from tagstream.ports.objects import StoredObject
from tagstream.ports.runtime import Log
from tagstream.reconcile.isolated import isolated

T = TypeVar("T", bound=FluxObject)


def parse_stored(stored: StoredObject, kind: type[T]) -> T:
    """Parse a stored object.

    Raises:
        StalledError: InvalidObject, this version would not store the document.
    """
    parsed = parse_object(stored.document, stored.key.namespace)
    if not isinstance(parsed.value, kind):
        cause = "; ".join(parsed.errors) or parsed.note or f"not a {kind.__name__}"
        raise StalledError(f"invalid object: {cause}", reason="InvalidObject")
    return parsed.value


def parsed_objects(stored: Iterable[StoredObject], kind: type[T], log: Log) -> Iterator[tuple[StoredObject, T]]:
    """Yield every stored object that this version can read; the others are logged and skipped."""
    for one in stored:
        try:
            with isolated():
                parsed = parse_stored(one, kind)
        except ImageAutomationError as error:
            log.error("object passed over", kind=one.kind, key=str(one.key), error=error.message)
        else:
            yield one, parsed
