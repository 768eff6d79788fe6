"""Reads the notices that ``adapters/aws/notices.py`` writes: what the notify function is asked to tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.notices import QueuedNotice


def parse_notice(found: Mapping[str, Any]) -> QueuedNotice | None:
    """The notice in a JSON object; None if it is none.

    Reverses ``adapters.aws.notices.notice_body``.
    """
    entries, attempt, alert = found.get("entries"), found.get("attempt", 1), found.get("alert")
    if found.get("tagstream") != "notice" or not isinstance(entries, list) or not entries:
        return None
    if not all(isinstance(one, str) for one in entries) or not isinstance(attempt, int) or attempt < 1:
        return None
    hops, only_bus = found.get("hops", 0), found.get("onlyBus", False)
    if not isinstance(hops, int) or hops < 0 or not isinstance(only_bus, bool):
        return None
    if alert is None:
        return QueuedNotice(entries=tuple(entries), only_bus=only_bus, attempt=attempt, hops=hops)
    namespace, slash, name = alert.partition("/") if isinstance(alert, str) else ("", "", "")
    if not (namespace and slash and name) or only_bus:
        return None
    return QueuedNotice(entries=tuple(entries), alert=NamespacedName(namespace, name), attempt=attempt, hops=hops)
