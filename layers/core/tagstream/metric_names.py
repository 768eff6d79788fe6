"""The names of all metrics and their units, in one constant table.

A metric exists because an alarm watches it; it is written only when something went wrong, and so costs nothing while
all is well. Everything else is a fact of a log line, which the dashboard queries. Every metric has the dimensions
``service`` (the stack) and ``controller`` (the Flux kind in lower case; ``git`` for ``GitFailed``) and no other,
because each further value of a dimension is a metric that is paid for.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMESPACE = "ImageAutomation"

UNITS: Mapping[str, str] = MappingProxyType(
    {
        "ReconcileFailed": "Count",
        # Of automations and Kustomizations together, so that one alarm watches both: alarms are paid for by the metric.
        "GitFailed": "Count",
        "SelectionsHeld": "Count",
        "HookFailed": "Count",
    }
)
