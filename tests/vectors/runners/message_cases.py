"""Turns the data sets of gotemplate.json and templates.json into MessageData, and renders templates with them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.identity import ObjectIdentifier
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.message import MessageData, TemplateError, render_message

_PREFIXES = {
    "unable to create commit message template from spec: ": "parse",
    "failed to run template from spec: ": "exec",
}


# tagstream keeps .Updated and .Changed.ImageResult. Where Flux 1.x says that the field is gone, tagstream shows the
# files of the changes, and no objects and images if the data set names no image for its changes.
_REMOVED = re.compile(
    r"can't evaluate field (?:Updated in type source\.TemplateData|ImageResult in type update\.Result)"
)


def is_removed_field(error: str | None) -> bool:
    """Tell whether Flux fails because it has removed a field that tagstream keeps."""
    return error is not None and _REMOVED.search(error) is not None


def renders_all_the_same(template: str, data: MessageData) -> tuple[object, object]:
    """Check that a template with removed fields renders, and names every changed file if it asks for files."""
    stage, text = outcome(template, data)
    named = ".Files" not in template or all(change.file in text for change in data.changes)
    return (stage, named), ("ok", True)


def message_data(row: dict[str, Any]) -> MessageData:
    """Make MessageData from a data set of the vector files, at a fixed time."""
    changes: list[Change] = []
    refs: dict[NamespacedName, ImageRef] = {}
    for file in row["Files"]:
        for one in file["Objects"]:
            key = ObjectIdentifier(one["APIVersion"], one["Kind"], one["Name"], one["Namespace"])
            changes += [_change(file["Path"], key, line, change) for line, change in enumerate(one["Changes"], 1)]
            for image in one.get("Images") or ():
                refs[NamespacedName(image["PolicyNamespace"], image["PolicyName"])] = _ref(image["Ref"])
    automation = row["AutomationObject"]
    return MessageData(
        automation=NamespacedName(automation["Namespace"], automation["Name"]),
        changes=changes,
        refs=refs,
        values=row["Values"] or {},
        now=datetime(2026, 1, 1, tzinfo=UTC),
        entropy=bytes,
    )


def _change(path: str, key: ObjectIdentifier, line: int, row: dict[str, str]) -> Change:
    return Change(
        file=path, object=key, old_value=row["OldValue"], new_value=row["NewValue"], setter=row["Setter"], line=line
    )


def _ref(text: str) -> ImageRef:
    base, _, digest = text.partition("@")
    name, _, tag = base.rpartition(":")
    if "/" in tag or not name:
        name, tag = base, ""
    return ImageRef(name=name, tag=tag, digest=digest)


def outcome(template: str, data: MessageData) -> tuple[str, str]:
    """Return ``ok`` and the message, or the stage that failed (``parse`` or ``exec``) and its error."""
    try:
        return "ok", render_message(template, data).text
    except TemplateError as error:
        prefix = next(one for one in _PREFIXES if str(error).startswith(one))
        return _PREFIXES[prefix], str(error).removeprefix(prefix)


def as_set(text: str) -> Counter[str]:
    """Return the lines without their order, for templates whose output follows Go's random map order."""
    return Counter(text.split("\n"))
