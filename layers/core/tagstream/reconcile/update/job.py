"""Everything that the run of one automation needs, read before anything is fetched.

``prepare`` checks an automation in Flux's order and raises the error that becomes its condition.

Source: image-automation-controller internal/controller/imageupdateautomation_controller.go (reconcile),
internal/source/source.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tagstream.domain.objects.acl import BLOCKED, may_refer
from tagstream.domain.objects.model import (
    CommitSpec,
    GitRepository,
    GitSpec,
    ImageRef,
    ImageUpdateAutomation,
    NamespacedName,
    SigningKey,
)
from tagstream.domain.update.departure import Joins, PendingPush
from tagstream.domain.update.destination import Destination, NoPushBranch, destination
from tagstream.errors import RetryableError, StalledError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import GitAccess, SigningMaterial
from tagstream.ports.objects import StoredObject
from tagstream.ports.pull_requests import HostAccess
from tagstream.ports.secrets import SecretNotFound
from tagstream.ports.selections import Selection
from tagstream.reconcile import status
from tagstream.reconcile.credentials import git_access
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.requests.request_access import RequestJob, committing_host, request_job
from tagstream.reconcile.update.selected import Selected
from tagstream.reconcile.update.snapshot import Snapshot

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateJob:
    """One automation, ready to run.

    Attributes:
        stored: the automation as it is in the table, with its status.
        automation: the same, parsed.
        commit: ``spec.git.commit``.
        access: how to talk to its Git server.
        destination: where its commits go.
        selections: what the policies that its selector admits have selected.
        snapshot: what it was prepared from.
        began_at: when it was prepared (aware UTC).
        joins: why it is pushed.
        no_later_than: when it is pushed even if selections keep arriving.
        calendars: when its changes may be pushed.
        ignores_calendars: whether a preview shows what would be pushed if nothing held it back.
        sign: makes the signature of a commit object.
        reverted: policies that are left out because a person has reverted what they selected.
        requests: what the pull request of its push branch needs; None where none is kept.
        committer: the Git host that makes its commits; None where they are made here.
    """

    stored: StoredObject
    automation: ImageUpdateAutomation
    commit: CommitSpec
    access: GitAccess
    destination: Destination
    selections: Selected
    snapshot: Snapshot
    began_at: datetime
    joins: Joins = "own run"
    no_later_than: datetime | None = None
    calendars: tuple[Calendar, ...] = ()
    ignores_calendars: bool = False
    sign: Callable[[bytes], bytes] | None = None
    reverted: frozenset[NamespacedName] = frozenset()
    requests: RequestJob | None = None
    committer: HostAccess | None = None

    @property
    def refs(self) -> Mapping[NamespacedName, ImageRef]:
        """What the setters are set to."""
        return self.selections.refs

    @property
    def observed(self) -> Mapping[str, Mapping[str, str]]:
        """``status.observedPolicies``: every selected policy by name, whether or not a setter uses it."""
        return self.selections.observed

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody asked for this run by ``reconcile.fluxcd.io/requestedAt``."""
        return status.is_asked_for(self.stored)

    @property
    def pending(self) -> PendingPush:
        """What decides when its change may be pushed."""
        new = new_selections(self.stored, self.selections)
        return PendingPush(
            debounce_s=self.automation.debounce_s,
            selected_at=tuple(one.selected_at for one in new),
            is_asked_for=self.is_asked_for,
            joins=self.joins,
            no_later_than=self.no_later_than,
            calendars=self.calendars,
        )

    @property
    def cause(self) -> str:
        """What led to this run, for the ledger: ``reconcile`` when somebody asked, and the causes of the new tags."""
        return joined_causes(new_selections(self.stored, self.selections), is_asked_for=self.is_asked_for)

    @property
    def push_options(self) -> Mapping[str, str]:
        """``spec.git.push.options``."""
        push = self.automation.git.push if self.automation.git else None
        return push.options if push else {}


def joined_causes(selections: Iterable[Selection], *, is_asked_for: bool) -> str:
    """The causes of selections in one text, each once, sorted and separated by commas."""
    found = {one.cause for one in selections} | ({"reconcile"} if is_asked_for else set())
    return ",".join(sorted(found - {""}))


def new_selections(stored: StoredObject, selections: Selected) -> tuple[Selection, ...]:
    """The selections that the automation's last successful run has not seen."""
    known = stored.status.get("observedPolicies")
    if known == selections.observed:
        # Many automations may each see the many policies of a namespace, most of which are known to all.
        return ()
    ran_at = status.read_time(stored.status.get("lastAutomationRunTime"))
    if known is None and ran_at is not None and status.is_ready(stored.status):
        # The list was too large for the table: what was selected since the run has not been seen.
        new = {key: one for key, one in selections.items() if one.selected_at >= ran_at}
    else:
        observed = known if isinstance(known, Mapping) else {}
        now = selections.observed
        new = {key: one for key, one in selections.items() if observed.get(key.name) != now[key.name]}
    # Most selections are known. To sort all of them would cost more than to compare them.
    return tuple(one for _, one in sorted(new.items()))


def prepare(
    stored: StoredObject,
    automation: ImageUpdateAutomation,
    selections: Selected,
    snapshot: Snapshot,
    ports: Ports,
) -> UpdateJob:
    """Check the automation and read what it refers to, in Flux's order, which begins with its selector.

    Args:
        stored: as it is in the table.
        automation: the same, parsed.
        selections: what ``Snapshot.admitted`` found.
        snapshot: read for this automation, perhaps for others too.
        ports: secrets are read from.

    Raises:
        StalledError: InvalidUpdateStrategy, InvalidSourceConfiguration, AccessDenied, InvalidPullRequest.
        RetryableError: SourceManagerFailed, the GitRepository, its secret or a push branch is missing; InvalidWindow;
            as ``request_job``.
    """
    git = _checked_git(automation)
    own, source = automation.metadata.key.namespace, automation.source.key
    if not may_refer(own, source, no_cross_namespace_refs=ports.no_cross_namespace_refs):
        raise StalledError(f"can't access 'GitRepository/{source}', {BLOCKED}", reason="AccessDenied")
    repository = _git_repository(source, snapshot)
    try:
        where = destination(automation, repository)
    except NoPushBranch as error:
        raise RetryableError(f"failed configuring source manager: {error}", reason="SourceManagerFailed") from error
    access = git_access(repository, ports.secrets)
    requests = request_job(automation, repository, where, access, ports.secrets)
    committer = committing_host(automation, repository, access, ports.secrets)
    sign = _signer(automation, git.commit.signing_key, ports)
    return UpdateJob(
        stored=stored,
        automation=automation,
        began_at=ports.clock.now(),
        calendars=snapshot.calendars(automation),
        commit=git.commit,
        access=access,
        requests=requests,
        committer=committer,
        sign=sign,
        destination=where,
        selections=selections,
        snapshot=snapshot,
    )


def _checked_git(automation: ImageUpdateAutomation) -> GitSpec:
    """``spec.git`` of an automation whose strategy and source are those that there are.

    Raises:
        StalledError: InvalidUpdateStrategy, InvalidSourceConfiguration.
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
    return automation.git


def _git_repository(key: NamespacedName, snapshot: Snapshot) -> GitRepository:
    stored = snapshot.repository(key)
    if stored is None:
        raise RetryableError(
            "failed configuring source manager: referenced git repository does not exist:"
            f' gitrepositories.source.toolkit.fluxcd.io "{key.name}" not found',
            reason="SourceManagerFailed",
        )
    return parse_stored(stored, GitRepository)


def _signer(automation: ImageUpdateAutomation, key: SigningKey | None, ports: Ports) -> Callable[[bytes], bytes] | None:
    """What signs the commits. If a signature is asked for and cannot be made, the run fails."""
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
