"""What is stored of an object that is applied, and in which order objects are stored.

Source: kubectl apply, whose words for outcomes these are; flux suspend, whose effect survives an apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from tagstream.domain.objects.annotations import INTERVENTION, REASON, REVERTED, SUSPENDED, SUSPENDED_BY
from tagstream.domain.objects.kinds import STORED
from tagstream.domain.objects.model import REQUESTED_AT
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.apply.located import Located

Outcome = Literal["created", "configured", "unchanged"]
BY_SUSPEND = (SUSPENDED, SUSPENDED_BY, REASON)
NOT_APPLIED = (REQUESTED_AT, INTERVENTION, REVERTED)
SERVER_SIDE = ("generation", "creationTimestamp", "resourceVersion", "uid", "managedFields", "selfLink")


def in_order(objects: Sequence[Located]) -> Sequence[Located]:
    """Sort the objects so that secrets come first, and each kind after the kinds it refers to."""
    order = {kind: index for index, kind in enumerate(("Secret", "ServiceAccount", *STORED))}
    return sorted(objects, key=lambda one: order[one.parsed.kind])


def prepared(document: Mapping[str, object], stored: StoredObject | None) -> dict[str, object]:
    """Return the document as it will be stored, without its status and without members that a server adds.

    An object that was suspended with ``tagstream suspend`` stays suspended, unless the document sets ``spec.suspend``.

    Args:
        document: a valid object.
        stored: the object that is stored now.
    """
    metadata = {name: value for name, value in _mapping(document, "metadata").items() if name not in SERVER_SIDE}
    wanted = {name: value for name, value in document.items() if name != "status"} | {"metadata": metadata}
    if stored is None:
        return wanted
    notes = _mapping(_mapping(stored.document, "metadata"), "annotations")
    if SUSPENDED in notes and "suspend" not in _mapping(document, "spec"):
        wanted["spec"] = {**_mapping(document, "spec"), "suspend": True}
        kept = {name: notes[name] for name in BY_SUSPEND if name in notes}
        metadata["annotations"] = {**_mapping(metadata, "annotations"), **kept}
    return wanted


def by_person(document: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a manifest says of a stored object: without what tagstream's commands have set in it."""
    found = dict(compared(document))
    metadata = _mapping(found, "metadata")
    notes = _mapping(metadata, "annotations")
    if SUSPENDED in notes:
        kept = {name: value for name, value in notes.items() if name not in BY_SUSPEND}
        others = {name: value for name, value in metadata.items() if name != "annotations"}
        found["metadata"] = others | ({"annotations": kept} if kept else {})
        found["spec"] = {name: value for name, value in _mapping(found, "spec").items() if name != "suspend"}
    return found


def outcome_of(document: Mapping[str, object], stored: StoredObject | None) -> Outcome:
    """Return what storing a document means, in kubectl's words.

    Args:
        document: what ``prepared`` returned.
        stored: the object that is stored now.
    """
    if stored is None:
        return "created"
    return "unchanged" if compared(document) == compared(stored.document) else "configured"


def compared(document: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a person wrote of an object: without what a server and the commands of tagstream keep in it."""
    metadata = {name: value for name, value in _mapping(document, "metadata").items() if name not in SERVER_SIDE}
    annotations = {name: value for name, value in _mapping(metadata, "annotations").items() if name not in NOT_APPLIED}
    metadata.pop("annotations", None)
    return {**document, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def _mapping(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = document.get(name)
    return cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {}
