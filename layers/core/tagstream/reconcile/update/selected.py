"""What an automation's policies have selected, and what statuses and setters are told of it.

Automations that see the same policies share one value, so what is made of it is made once and never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.ports.selections import Selection
from tagstream.reconcile.status import ref_document


class Selected(dict[NamespacedName, Selection]):
    """Selections by policy, all of one namespace; nobody changes it once it is made."""

    @cached_property
    def refs(self) -> Mapping[NamespacedName, ImageRef]:
        """What the setters are set to."""
        return {key: selection.ref for key, selection in self.items()}

    @cached_property
    def observed(self) -> Mapping[str, Mapping[str, str]]:
        """``status.observedPolicies``: every selected policy by name, whether or not a setter uses it."""
        return {key.name: ref_document(one.ref) for key, one in self.items()}
