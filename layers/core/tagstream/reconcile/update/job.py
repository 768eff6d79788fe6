"""Everything one automation's run needs, read before anything is fetched.

In: a stored ImageUpdateAutomation. Out: an UpdateJob, or the error that becomes its condition.

Source: image-automation-controller internal/controller/imageupdateautomation_controller.go (reconcile),
internal/source/source.go.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tagstream.domain.objects.model import (
    REQUESTED_AT,
    CommitSpec,
    GitRepository,
    ImagePolicy,
    ImageRef,
    ImageUpdateAutomation,
    NamespacedName,
    SigningKey,
)
from tagstream.domain.objects.selector import InvalidSelector, check_selector, selects
from tagstream.domain.update.departure import Departure, departure
from tagstream.domain.update.destination import Destination, NoPushBranch, destination
from tagstream.errors import RetryableError, StalledError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import GitAccess, SigningMaterial
from tagstream.ports.objects import StoredObject
from tagstream.ports.secrets import SecretNotFound
from tagstream.ports.selections import Selection
from tagstream.reconcile.credentials import git_access
from tagstream.reconcile.stored_objects import parse_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateJob:
    """One automation, ready to run. ``selections`` are the policies its selector admits that have chosen a tag."""

    stored: StoredObject
    automation: ImageUpdateAutomation
    commit: CommitSpec
    access: GitAccess
    destination: Destination
    selections: Mapping[NamespacedName, Selection]
    known_policies: frozenset[NamespacedName]
    began_at: datetime
    sign: Callable[[bytes], bytes] | None = None

    @property
    def refs(self) -> Mapping[NamespacedName, ImageRef]:
        """What the setters are set to."""
        return {key: selection.ref for key, selection in self.selections.items()}

    @property
    def observed(self) -> Mapping[str, Mapping[str, str]]:
        """``status.observedPolicies``: every selected policy by name, whether or not a setter uses it."""
        return {key.name: _observed(ref) for key, ref in sorted(self.refs.items())}

    @property
    def departure(self) -> Departure:
        """Whether its change may go now."""
        new = [one.selected_at for one in new_selections(self.stored, self.selections)]
        asked = self.automation.metadata.annotations.get(REQUESTED_AT, "")
        is_asked_for = asked not in ("", self.stored.status.get("lastHandledReconcileAt"))
        return departure(self.automation.debounce_s, new, is_asked_for=is_asked_for)

    @property
    def push_options(self) -> Mapping[str, str]:
        """``spec.git.push.options``."""
        push = self.automation.git.push if self.automation.git else None
        return push.options if push else {}


def _observed(ref: ImageRef) -> Mapping[str, str]:
    return {"name": ref.name, "tag": ref.tag} | ({"digest": ref.digest} if ref.digest else {})


def new_selections(stored: StoredObject, selections: Mapping[NamespacedName, Selection]) -> tuple[Selection, ...]:
    """Those that the automation's last successful run has not seen."""
    known = stored.status.get("observedPolicies")
    observed = known if isinstance(known, Mapping) else {}
    return tuple(one for key, one in sorted(selections.items()) if observed.get(key.name) != _observed(one.ref))


class Policies:
    """All ImagePolicies and what they have selected, read once for automations that are prepared together.

    Args:
        ports: what is read is read when it is first asked for.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._selections: dict[str, Mapping[NamespacedName, Selection]] = {}

    @functools.cached_property
    def stored(self) -> tuple[StoredObject, ...]:
        """Of all namespaces."""
        return self._ports.objects.list("ImagePolicy")

    def selections(self, namespace: str) -> Mapping[NamespacedName, Selection]:
        """Of one namespace."""
        if namespace not in self._selections:
            self._selections[namespace] = self._ports.selections.list(namespace)
        return self._selections[namespace]


def prepare(
    stored: StoredObject,
    automation: ImageUpdateAutomation,
    selections: Mapping[NamespacedName, Selection],
    policies: Policies,
    ports: Ports,
) -> UpdateJob:
    """Check the automation and read what it refers to, in Flux's order, which begins with ``admitted``.

    Args:
        stored: as it is in the table.
        automation: the same, parsed.
        selections: what ``admitted`` found.
        policies: read for this automation, perhaps for others too.
        ports: all the rest is read from.

    Raises:
        StalledError: InvalidUpdateStrategy, InvalidSourceConfiguration.
        RetryableError: SourceManagerFailed, the GitRepository, its secret or a push branch is missing.
    """
    strategy = automation.update
    if strategy is None:
        raise StalledError("no update strategy", reason="InvalidUpdateStrategy")
    if strategy.strategy != "Setters":
        raise StalledError(f"unsupported update strategy: {strategy.strategy}", reason="InvalidUpdateStrategy")
    if automation.source.kind != "GitRepository":
        raise StalledError(
            f"source kind '{automation.source.kind}' not supported: invalid source configuration",
            reason="InvalidSourceConfiguration",
        )
    if automation.git is None:
        raise StalledError(
            "source kind 'GitRepository' necessitates field .spec.git: invalid source configuration",
            reason="InvalidSourceConfiguration",
        )
    repository = _git_repository(automation.source.key, ports)
    try:
        where = destination(automation, repository)
    except NoPushBranch as error:
        raise RetryableError(f"failed configuring source manager: {error}", reason="SourceManagerFailed") from error
    access = git_access(repository, ports.secrets)
    sign = _signer(automation, automation.git.commit.signing_key, ports)
    return UpdateJob(
        stored=stored,
        automation=automation,
        began_at=ports.clock.now(),
        commit=automation.git.commit,
        access=access,
        sign=sign,
        destination=where,
        selections=selections,
        known_policies=frozenset(policy.key for policy in policies.stored),
    )


def _git_repository(key: NamespacedName, ports: Ports) -> GitRepository:
    stored = ports.objects.get("GitRepository", key)
    if stored is None:
        raise RetryableError(
            "failed configuring source manager: referenced git repository does not exist:"
            f' gitrepositories.source.toolkit.fluxcd.io "{key.name}" not found',
            reason="SourceManagerFailed",
        )
    return parse_stored(stored, GitRepository)


def _signer(automation: ImageUpdateAutomation, key: SigningKey | None, ports: Ports) -> Callable[[bytes], bytes] | None:
    """What signs the commits; a signature that was asked for and cannot be made ends the run, never the signature."""
    if key is None:
        return None
    name = NamespacedName(automation.metadata.key.namespace, key.secret_ref)
    try:
        data = ports.secrets.get(name)
    except SecretNotFound as error:
        raise RetryableError(
            f"failed configuring source manager: could not find signing key secret '{name}': {error}",
            reason="SourceManagerFailed",
        ) from error
    return ports.git.signer(SigningMaterial(type=key.type or "gpg", secret=str(name), data=data))


def admitted(automation: ImageUpdateAutomation, policies: Policies) -> Mapping[NamespacedName, Selection]:
    """What the policies that its selector admits have chosen.

    Raises:
        StalledError: InvalidPolicySelector.
    """
    namespace = automation.metadata.key.namespace
    selected = policies.selections(namespace)
    if automation.policy_selector is None:
        return selected
    try:
        check_selector(automation.policy_selector)
    except InvalidSelector as error:
        raise StalledError(f"failed to parse policy selector: {error}", reason="InvalidPolicySelector") from error
    found = {}
    for stored in policies.stored:
        if stored.key.namespace != namespace:
            continue
        is_admitted = selects(automation.policy_selector, parse_stored(stored, ImagePolicy).metadata.labels)
        if is_admitted and stored.key in selected:
            found[stored.key] = selected[stored.key]
    return found
