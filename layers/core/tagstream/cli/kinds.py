"""The words by which the command line names the kinds: ``image policy``, ``source git``, ``receiver``.

Source: flux2 cmd/flux/image.go, source.go, receiver.go.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tagstream.cli.console import CommandFailed
from tagstream.domain.objects.kinds import GROUPS, RECONCILED_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A kind and its names.

    ``human`` is the name in messages. ``group`` and ``word`` are typed on the command line; ``word`` is empty for a
    kind that has only a group, such as ``receiver``; ``aliases`` are other words for it.
    """

    group: str
    word: str
    kind: str
    human: str
    aliases: tuple[str, ...] = ()


REPOSITORY = Target(group="image", word="repository", kind="ImageRepository", human="image repository")
POLICY = Target(group="image", word="policy", kind="ImagePolicy", human="image policy")
UPDATE = Target(group="image", word="update", kind="ImageUpdateAutomation", human="image update automation")
GIT = Target(group="source", word="git", kind="GitRepository", human="source git")
RECEIVER = Target(group="receiver", word="", kind="Receiver", human="receiver", aliases=("receivers",))
KUSTOMIZATION = Target(
    group="kustomization", word="", kind="Kustomization", human="kustomization", aliases=("ks", "kustomizations")
)
IMAGES = (REPOSITORY, POLICY, UPDATE)
ALERT = Target(group="alert", word="", kind="Alert", human="alert", aliases=("alerts",))
PROVIDER = Target(
    group="alert-provider", word="", kind="Provider", human="alert provider", aliases=("alert-providers",)
)
TARGETS = (*IMAGES, GIT, RECEIVER, KUSTOMIZATION, ALERT, PROVIDER)
NAMESPACE = Target(group="namespace", word="", kind="Namespace", human="namespace", aliases=("ns", "namespaces"))
STORED = (*TARGETS, NAMESPACE)
"""Every kind that is stored: a Namespace has no spec, and is neither suspended nor reconciled."""
WAITED = (*IMAGES, KUSTOMIZATION)
"""The kinds that are reconciled when they change, which a command waits for."""
RECONCILED = tuple(one for one in TARGETS if one.kind in RECONCILED_KINDS)
ASKED = (*RECONCILED, GIT)
"""The kinds that a reconcile can be asked for: that of a GitRepository is one of all that read it."""


def resource_name(kind: str, name: str) -> str:
    """Return ``imagerepository.image.toolkit.fluxcd.io/NAME``, the form in which kubectl prints what it applied."""
    group = GROUPS.get(kind, ("", ()))[0]
    return f"{kind.lower()}{'.' if group else ''}{group}/{name}"


def checked_kind(text: str, known: Collection[str]) -> str:
    """Return a kind in its proper spelling, whatever the case in which it was typed.

    Raises:
        CommandFailed: the kind is not among ``known``.
    """
    for kind in known:
        if kind.casefold() == text.casefold():
            return kind
    raise CommandFailed(f"kind '{text}' not supported, can be one of: {', '.join(known)}")
