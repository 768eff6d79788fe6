"""The policies behind a preview: evaluates those that may select another tag by then, and says what holds one back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tagstream.domain.objects.annotations import REVERTED, annotations_of
from tagstream.domain.objects.model import (
    MINIMUM_AGE,
    PLATFORMS,
    VERIFY,
    VULNERABILITIES_BELOW,
    ImageUpdateAutomation,
    NamespacedName,
)
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.objects.selector import InvalidSelector, selects
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import SelectionStore
from tagstream.reconcile import status
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.reconcile.shown_status import ready_condition, shown
from tagstream.reconcile.stored_objects import parse_stored

KIND = "ImagePolicy"
GATES = frozenset({MINIMUM_AGE, PLATFORMS, VERIFY, VULNERABILITIES_BELOW})
"""The annotations of gates that let a tag be selected, and do not look at it afterwards."""


class PreviewedPolicies:
    """The policies of the namespaces that are previewed.

    Args:
        given: the policies that the files have.
        namespaces: of the automations.
        selections: the stack's, as they are now.
        deadline_s: on the monotonic clock, of all evaluations.
        ports: of the stack that is only read.
    """

    def __init__(
        self,
        given: Iterable[NamespacedName],
        namespaces: Iterable[str],
        selections: SelectionStore,
        deadline_s: float,
        ports: Ports,
    ) -> None:
        self._given, self._namespaces = frozenset(given), sorted(set(namespaces))
        self._before, self._deadline_s, self._ports = selections, deadline_s, ports

    def evaluate(self) -> None:
        """Evaluate the policies of the files, and those for which a better tag may have waited long enough by then."""
        now = self._ports.clock.now()
        due = {one.key for one in self._all() if (until := status.wait_until(one.status)) is not None and until <= now}
        self._evaluate({*self._given, *due})

    def evaluate_reverted(self) -> None:
        """Evaluate what the preview has found to be reverted by a person, so that its status says so."""
        self._evaluate({one.key for one in self._all() if REVERTED in annotations_of(one.document)})

    def lines(self, automation: StoredObject) -> Sequence[str]:
        """What there is to say of the policies that an automation admits: gates, orders of people, failures."""
        try:
            selector = parse_stored(automation, ImageUpdateAutomation).policy_selector
            namespace = automation.key.namespace
            policies = self._ports.objects.list(KIND, namespace)
            admitted = [one for one in policies if selects(selector, read_metadata(one.document).labels)]
        except (ImageAutomationError, InvalidSelector):
            # The preview has this error too.
            return ()
        return [line for one in admitted for line in self._lines_of(one)]

    def _lines_of(self, policy: StoredObject) -> list[str]:
        ready = ready_condition(policy)
        message, name = shown(ready, "message"), f"ImagePolicy {policy.key.name}"
        is_plain = shown(ready, "reason") == "Succeeded" and status.wait_until(policy.status) is None
        if not message or (is_plain and policy.key not in self._given):
            return []
        lines = [f"{name}: {message}"]
        before, after = self._before.get(policy.key), self._ports.selections.get(policy.key)
        is_gated = bool(GATES & annotations_of(policy.document).keys())
        if is_plain and is_gated and before is not None and after is not None and before.ref.tag == after.ref.tag:
            lines.append(f"{name}: {after.ref.tag} is selected already and stays: its gates judge other tags only")
        return lines

    def _all(self) -> list[StoredObject]:
        return [one for namespace in self._namespaces for one in self._ports.objects.list(KIND, namespace)]

    def _evaluate(self, keys: set[NamespacedName]) -> None:
        if keys:
            evaluate_policies(sorted(keys), Cause(text="preview"), self._deadline_s, self._ports)
