"""Where an automation's commits go: the one place that decides it (``departure`` decides when).

Source: image-automation-controller internal/source/source.go (newPushConfig, newCheckoutRef), pkg/git repository
defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tagstream.domain.objects.branch_template import SCRATCH, fixed_beginning
from tagstream.domain.objects.commit_by import CommitBy
from tagstream.domain.objects.model import GitRef, GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.ref_name import PEELED

DEFAULT_BRANCH = "master"
_PORTS = {"http": 80, "https": 443, "ssh": 22}


class NoPushBranch(ValueError):
    """Neither the automation nor the source says which branch to push to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One push target.

    ``rebuilds_branch`` is true when the push branch is not the checkout branch: every run rebuilds that branch from the
    checkout's head and may replace it. The checkout branch itself is only added to. ``configured`` is the checkout of
    the spec where the commits start from another one. ``commit_by`` says who makes the commits. ``is_template`` says
    that ``push_branch`` is a template, from which each policy's branch gets its name.
    """

    url: str
    checkout: GitRef
    push_branch: str
    refspec: str
    rebuilds_branch: bool
    configured: GitRef | None = None
    commit_by: CommitBy = "push"
    is_template: bool = False

    @property
    def scratch_branch(self) -> str:
        """The branch on which the Git host makes the commits first; empty if they are made here."""
        return SCRATCH + self.push_branch if self.commit_by == "api" else ""

    def named(self, branch: str) -> Destination:
        """The branch of this name, of those of a template."""
        return replace(self, push_branch=branch, is_template=False)

    @property
    def target(self) -> str:
        """The name of the lease that guards this destination, the same however its URL is spelled."""
        return f"{repository_name(self.url)}#{self.push_branch}"

    @property
    def on_top(self) -> Destination:
        """The same branch, added to instead of rebuilt, because others write to it too."""
        return replace(
            self,
            checkout=GitRef(branch=self.push_branch),
            rebuilds_branch=False,
            configured=self.configured or self.checkout,
        )

    @property
    def required(self) -> tuple[GitRef, ...]:
        """References that must exist although no commit starts from them.

        A checkout branch that does not exist is an error whatever the push branch is; with a commit, the branch that
        Flux clones is one too.
        """
        found = [one for one in (self.checkout, self.configured) if one is not None]
        branches = [GitRef(branch=one.branch) for one in found if one.commit and one.branch]
        return (*([self.configured] if self.configured else []), *branches)

    @property
    def refs(self) -> frozenset[bytes]:
        """Beginnings of the names of all refs that an update of this destination looks at."""
        ours = (self.push_branch, self.scratch_branch)
        if self.is_template:
            ours = (fixed_beginning(ours[0]), fixed_beginning(ours[1]))
        names = {f"refs/heads/{ours[0]}".encode(), *checkout_refs(self.checkout)}
        names |= {name for ref in self.required for name in checkout_refs(ref)}
        if self.scratch_branch:
            names.add(f"refs/heads/{ours[1]}".encode())
        if self.refspec:
            refspec = parse_refspec(self.refspec)
            names |= {refspec.source, refspec.target}
        return frozenset(names)


def repository_name(url: str) -> str:
    """``host[:port]/path``: what all spellings of one repository's URL have in common.

    The scheme, the user, the scheme's own port, a slash or ``.git`` at the end, and the case of the host do not count.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Nobody can be asked by such a URL; it is a name like any other.
        return url
    host = (parts.hostname or "") + (f":{port}" if port not in (None, _PORTS.get(parts.scheme)) else "")
    return f"{host}/{parts.path.strip('/').removesuffix('.git').rstrip('/')}"


def destination(automation: ImageUpdateAutomation, repository: GitRepository) -> Destination:
    """Where the commits of an automation go.

    Raises:
        NoPushBranch: Flux's text.
    """
    git = automation.git
    checkout = (git.checkout if git else None) or default_checkout(repository)
    push = git.push if git else None
    own = own_branch(automation)
    branch = checkout.branch if own is None else own
    if not branch:
        raise NoPushBranch(
            "push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref"
        )
    return Destination(
        url=repository.url,
        checkout=checkout,
        push_branch=branch,
        refspec=push.refspec if push else "",
        # Flux compares with .branch alone: with `name: refs/heads/main` and a push to main it would force-push main.
        # Here a name that is the push branch counts as that branch (docs/differences.md).
        rebuilds_branch=branch != checkout.branch and checkout.name != f"refs/heads/{branch}",
        commit_by=automation.commit_by,
        is_template=bool(automation.branch_template),
    )


def default_checkout(repository: GitRepository) -> GitRef:
    """What an automation checks out that names no reference itself."""
    return repository.ref or GitRef(branch=DEFAULT_BRANCH)


def own_branch(automation: ImageUpdateAutomation) -> str | None:
    """The branch, or the template, that an automation names as the one to push to.

    Returns:
        None if it pushes to the branch of its GitRepository; empty if nobody names one.
    """
    git = automation.git
    push = git.push if git else None
    named = automation.branch_template or (push.branch if push else "")
    if named or git is None or git.checkout is None:
        return named or None
    return git.checkout.branch


def rebuilt_together(
    automations: Iterable[ImageUpdateAutomation], repositories: Mapping[NamespacedName, GitRepository]
) -> Sequence[Sequence[tuple[ImageUpdateAutomation, Destination]]]:
    """The automations of each push branch that several of them rebuild, with where their commits go.

    One that adds to the branch keeps all others from rebuilding it, and suspended automations push nothing.

    Args:
        automations: in the order in which they are wanted.
        repositories: by name; an automation whose repository is missing here is ignored.
    """
    writers: dict[str, list[tuple[ImageUpdateAutomation, Destination]]] = {}
    for one in automations:
        repository = repositories.get(one.source.key)
        if repository is None or one.suspend:
            continue
        with suppress(NoPushBranch):
            where = destination(one, repository)
            writers.setdefault(where.target, []).append((one, where))
    return [group for group in writers.values() if len(group) > 1 and all(where.rebuilds_branch for _, where in group)]


def checkout_refs(ref: GitRef) -> tuple[bytes, ...]:
    """Beginnings of the names of the refs that a checkout reference is found by."""
    if ref.commit:
        return ()
    if ref.name:
        # Servers list what a tag stands for with the tag.
        return (ref.name.removesuffix(PEELED).encode(),)
    if ref.tag or ref.semver:
        return (b"refs/tags/" + ref.tag.encode(),)
    return (f"refs/heads/{ref.branch or DEFAULT_BRANCH}".encode(),)


class InvalidRefspec(ValueError):
    """A refspec that Git would refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refspec:
    """``[+]source:target``; both are full ref names, or ``HEAD`` for the source."""

    source: bytes
    target: bytes
    force: bool


def parse_refspec(text: str) -> Refspec:
    """Read ``spec.git.push.refspec``.

    Raises:
        InvalidRefspec: no source, no target, or a wildcard (Flux's Git library refuses the same).
    """
    body = text.removeprefix("+")
    source, _, target = body.partition(":")
    target = target or source
    if not source or not target or "*" in body or ":" in target:
        raise InvalidRefspec(f"malformed refspec {text!r}: want [+]<source>:<target>")
    return Refspec(source=_full(source), target=_full(target), force=text.startswith("+"))


def _full(name: str) -> bytes:
    return (name if name == "HEAD" or name.startswith("refs/") else f"refs/heads/{name}").encode()
