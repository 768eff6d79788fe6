"""From what a delivery names to the ImageRepositories that watch it.

In: hints of a verified delivery. Out: names; a hint that nobody watches leads nowhere and is never called.

Source: registries-and-webhooks: a webhook is a hint; the body never chooses a host to call.
"""

from __future__ import annotations

from collections.abc import Iterable

from tagstream.domain.image import InvalidImage, parse_image_name
from tagstream.domain.model import NamespacedName
from tagstream.events.requests import PushHint
from tagstream.ports import HookStore


def canonical_names(hint: PushHint, registry_override: str = "") -> tuple[str, ...]:
    """The canonical image name of a hint; empty when it is no image name.

    Args:
        hint: in the sender's spelling.
        registry_override: ``host[:port]`` that replaces the sender's, from the Receiver's annotation.
    """
    registry = registry_override or hint.registry
    if not registry:
        return ()
    try:
        return (str(parse_image_name(f"{registry}/{hint.repository}").canonical),)
    except InvalidImage:
        return ()


def pushed_tags(hints: Iterable[PushHint]) -> tuple[str, ...]:
    """The tags that were pushed, each once: what a scan should find."""
    return tuple(sorted({hint.tag for hint in hints if hint.tag and hint.action == "push"}))


def repositories_of(
    hints: Iterable[PushHint], hooks: HookStore, registry_override: str = ""
) -> frozenset[NamespacedName]:
    """Every ImageRepository whose canonical image name a hint has."""
    names = {name for hint in hints for name in canonical_names(hint, registry_override)}
    return frozenset(key for name in sorted(names) for key in hooks.repositories(name))
