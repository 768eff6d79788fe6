"""A push branch of a branch template as an automation's status keeps it, with its pull request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tagstream.domain.objects.model import CommitId
from tagstream.domain.update.request_course import KeptRequest, kept_request


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBranch:
    """One branch.

    Attributes:
        branch: without ``refs/heads/``.
        policies: the names of the policies whose changes it has.
        commit: the last commit that was pushed to it; None if that is not known.
        revision: ``branch@sha1:<id>`` of its head after the last run.
        request: from this branch; None where none is kept.
    """

    branch: str
    policies: tuple[str, ...] = ()
    commit: CommitId | None = None
    revision: str = ""
    request: KeptRequest | None = None

    @property
    def head(self) -> CommitId | None:
        """The commit of the branch after the last run: the same for all automations that push to it."""
        return CommitId(self.revision.rpartition(":")[2]) if self.revision else self.commit

    def document(self) -> Mapping[str, object]:
        """The branch for a status."""
        found: dict[str, object] = {"branch": self.branch, "policies": list(self.policies)}
        found |= {name: text for name, text in (("commit", self.commit), ("revision", self.revision)) if text}
        return found | ({"pullRequest": self.request.document()} if self.request is not None else {})


def kept_branches(stored: object) -> tuple[KeptBranch, ...]:
    """Read a list of what ``document`` has written; anything else in it is passed over."""
    found = (_kept_branch(one) for one in stored) if isinstance(stored, list) else ()
    return tuple(one for one in found if one is not None)


def _kept_branch(stored: object) -> KeptBranch | None:
    if not isinstance(stored, Mapping):
        return None
    branch, policies = stored.get("branch"), stored.get("policies")
    if not isinstance(branch, str) or not branch:
        return None
    return KeptBranch(
        branch=branch,
        policies=tuple(map(str, policies)) if isinstance(policies, list) else (),
        commit=CommitId(str(stored["commit"])) if stored.get("commit") else None,
        revision=str(stored.get("revision", "")),
        request=kept_request(stored.get("pullRequest")),
    )
