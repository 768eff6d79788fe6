"""The metadata that a Kubernetes API server keeps with an object, and the table keeps here.

Nothing is read or written; the time is an argument.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import cast

from tagstream.adapters.store import keys
from tagstream.domain.objects.annotations import OWN, annotations_of
from tagstream.domain.objects.model import REQUESTED_AT
from tagstream.ports.objects import Document


def with_server_metadata(document: Document, before: Document | None, now: str) -> dict[str, object]:
    """A document as it is stored: with its generation, its creation time, and the annotations that outlive an apply.

    Args:
        document: as it is applied; its status is left out.
        before: the stored document; None for a new object.
        now: RFC 3339, the creation time of a new object.
    """
    wanted = copy.deepcopy(dict(document))
    wanted.pop("status", None)
    metadata = cast("dict[str, object]", wanted["metadata"])
    given = annotations_of(document)
    annotations = _kept(given, annotations_of(before) if before is not None else {})
    if annotations != given:
        metadata["annotations"] = annotations
    if before is None:
        metadata |= {"generation": 1, "creationTimestamp": now}
        return wanted
    stored = cast("Mapping[str, object]", before.get("metadata") or {})
    grown = int(not keys.is_same({"spec": wanted.get("spec")}, {"spec": before.get("spec")}))
    metadata["generation"] = int(cast("int", stored.get("generation", 1))) + grown
    metadata["creationTimestamp"] = stored.get("creationTimestamp", now)
    return wanted


def _kept(given: Mapping[str, str], before: Mapping[str, str]) -> Mapping[str, str]:
    """The annotations of a document, with a pending reconcile request and those that only tagstream itself sets."""
    own = {name: value for name, value in given.items() if name not in OWN}
    stored = {name: value for name, value in before.items() if name in OWN}
    requested = {REQUESTED_AT: before[REQUESTED_AT]} if before.get(REQUESTED_AT) else {}
    return {**requested, **own, **stored}
