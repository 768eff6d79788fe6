"""The names of all metrics and their units, in one constant table.

The metrics adapter, the dashboard, the alarms and the docs agree on ``UNITS``.
Every metric has the dimensions ``service`` (the stack) and ``controller`` (the Flux kind in lower case) and no
other: each further value of a dimension is a metric that is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMESPACE = "ImageAutomation"

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "ReconcileDuration": "Milliseconds",
        "ReconcileFailed": "Count",
        "ScanTags": "Count",
        "ScanUnchanged": "Count",
        "SelectionsHeld": "Count",
        "RegistryRequests": "Count",
        "RegistryThrottled": "Count",
        "HookAccepted": "Count",
        "HookRejected": "Count",
        "HookFailed": "Count",
        "FilesEdited": "Count",
        "CommitsPushed": "Count",
        "PushConflicts": "Count",
        "LagTagToCommit": "Seconds",
    }
)
