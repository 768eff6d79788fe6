"""Reads and changes the annotations of an object's document; the document itself is left as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

SUSPENDED = "tagstream.dev/suspended"
SUSPENDED_BY = "tagstream.dev/suspended-by"
REASON = "suspend.toolkit.fluxcd.io/reason"
"""Annotations of an object that the command line has suspended: when, by whom and why.

Applying a manifest that does not speak of ``suspend`` keeps it so.
"""
INTERVENTION = "tagstream.dev/intervention"
"""Annotation of an ImagePolicy: the order of the last ``pin``, ``hold`` or ``rollback`` command."""
REVERTED = "tagstream.dev/reverted"
"""Annotation of an ImagePolicy: the revert that a run has noticed."""
OWN = (INTERVENTION, REVERTED)
"""The annotations that a manifest neither sets nor removes."""
Text = Mapping[str, str]
Document = Mapping[str, object]


def annotations_of(document: Document) -> Text:
    """The annotations in ``metadata.annotations``; empty if there are none."""
    metadata = cast("Document", document.get("metadata") or {})
    return cast("Text", metadata.get("annotations") or {})


def annotated(document: Document, annotations: Mapping[str, str | None]) -> Document:
    """The document with these annotations; those whose value is None are removed, and an empty member with them."""
    merged = {**annotations_of(document), **annotations}
    kept = {name: value for name, value in merged.items() if value is not None}
    metadata = dict(cast("Document", document.get("metadata") or {}))
    metadata.pop("annotations", None)
    return {**document, "metadata": {**metadata, "annotations": kept} if kept else metadata}
