"""Reads what policies are evaluated with for many of them at once, shortly before they are evaluated.

What has become old meanwhile, because a registry was slow, is read again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from tagstream.domain.objects.acl import may_refer
from tagstream.domain.objects.model import ImagePolicy, NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Selection
from tagstream.ports.tags import TagState

# For this many policies, the selections are one call, the tag lists another and the repositories a third.
GROUP = 50
# Older inputs are read again. Another worker may select within this time, but it may do so during an evaluation too.
FRESH_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a policy is evaluated with; None for what the table does not have.

    Attributes:
        current: what is selected.
        repository: the ImageRepository that the policy refers to.
        tags: the stored tag list of the repository.
    """

    current: Selection | None
    repository: StoredObject | None
    tags: TagState | None


@dataclass(slots=True, eq=False)
class _Group:
    """Policies whose inputs are read together; each input is handed out once and dropped, which saves memory."""

    policies: Sequence[ImagePolicy]
    lock: threading.Lock = field(default_factory=threading.Lock)
    inputs: dict[NamespacedName, Inputs] | None = None
    read_at_s: float = 0.0


class ReadAhead:
    """The inputs of many policies; safe to share between threads.

    Args:
        policies: in the order in which they are evaluated.
        ports: the table and the clock.
    """

    def __init__(self, policies: Sequence[ImagePolicy], ports: Ports) -> None:
        self._ports = ports
        groups = [_Group(policies[start : start + GROUP]) for start in range(0, len(policies), GROUP)]
        self._groups = {policy.metadata.key: group for group in groups for policy in group.policies}

    def inputs(self, policy: ImagePolicy) -> Inputs:
        """What the table holds for a policy, read at most ``FRESH_S`` ago; to be called once for each policy.

        Raises:
            ImageAutomationError: the table failed.
        """
        key, group = policy.metadata.key, self._groups[policy.metadata.key]
        with group.lock:
            if group.inputs is None:
                group.read_at_s = self._ports.clock.monotonic_s()
                group.inputs = _read(group.policies, self._ports)
            found = group.inputs.pop(key)
        if self._ports.clock.monotonic_s() - group.read_at_s <= FRESH_S:
            return found
        return _read([policy], self._ports)[key]


def _read(policies: Sequence[ImagePolicy], ports: Ports) -> dict[NamespacedName, Inputs]:
    current = ports.selections.get_many([policy.metadata.key for policy in policies])
    named = {policy.metadata.key: policy.repository for policy in policies if _may_refer(policy, ports)}
    repositories = {one.key: one for one in ports.objects.get_many("ImageRepository", set(named.values()))}
    tags = ports.tags.states(set(named.values()))
    return {
        key: Inputs(
            current=current.get(key),
            repository=repositories.get(named[key]) if key in named else None,
            tags=tags.get(named[key]) if key in named else None,
        )
        for key in (policy.metadata.key for policy in policies)
    }


def _may_refer(policy: ImagePolicy, ports: Ports) -> bool:
    own, blocks = policy.metadata.key.namespace, ports.no_cross_namespace_refs
    return may_refer(own, policy.repository, no_cross_namespace_refs=blocks)
