"""Where an automation's change goes, and whether it may go now: one decision each, in one place.

In: an automation and its GitRepository. Out: a Destination, or the reason why there is none.

Source: image-automation-controller internal/source/source.go (newPushConfig, newCheckoutRef), pkg/git repository
defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

from tagstream.domain.model import GitRef, GitRepository, ImageUpdateAutomation

DEFAULT_BRANCH = "master"


class NoPushBranch(ValueError):
    """Neither the automation nor the source says which branch to push to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One push target.

    ``switches`` is true when the push branch is not the checkout branch: that branch is rebuilt from the checkout's
    head and may be replaced; the checkout branch itself never is.
    """

    url: str
    checkout: GitRef
    push_branch: str
    refspec: str
    switches: bool

    @property
    def target(self) -> str:
        """The name of the lease that guards this destination; it is stored, so a login in the URL is no part of it."""
        scheme, mark, rest = self.url.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}#{self.push_branch}"


def destination(automation: ImageUpdateAutomation, repository: GitRepository) -> Destination:
    """Where the commits of an automation go.

    Raises:
        NoPushBranch: Flux's text.
    """
    git = automation.git
    checkout = (git.checkout if git else None) or repository.ref or GitRef(branch=DEFAULT_BRANCH)
    push = git.push if git else None
    branch = (push.branch if push else "") or checkout.branch
    if not branch:
        raise NoPushBranch(
            "push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref"
        )
    return Destination(
        url=repository.url,
        checkout=checkout,
        push_branch=branch,
        refspec=push.refspec if push else "",
        # Flux compares with .branch alone, so `name: refs/heads/main` and a push to main count as a switch and are
        # force pushed there; a name that is that very branch is no switch here (docs/differences.md).
        switches=branch != checkout.branch and checkout.name != f"refs/heads/{branch}",
    )


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
