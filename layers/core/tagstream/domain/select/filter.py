"""``spec.filterTags``: which tags a policy sees, and which value of each it compares.

Source: image-reflector-controller internal/policy/filter.go; vectors policy.json, reflector_reconcile.json
``filter_items``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gocompat.regexp import Expansion, InvalidPattern, Pattern, abridged, compile_pattern
from tagstream.domain.objects.model import TagFilter


class InvalidFilter(ValueError):
    """The pattern does not compile; the message is Flux's, with a long pattern cut."""


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A filter ready to use. An empty pattern matches every tag; without an expansion the value is the tag itself."""

    pattern: Pattern
    expansion: Expansion | None

    def value(self, tag: str) -> str | None:
        """The value that the policy compares; None when the tag does not match."""
        if self.expansion is not None:
            return self.expansion.value(tag)
        return tag if self.matches(tag) else None

    def matches(self, tag: str) -> bool:
        """Whether the policy sees this tag."""
        return not self.pattern.text or self.pattern.matches(tag)

    def values(self, tags: Iterable[str]) -> list[tuple[str, str]]:
        """``(tag, value)`` of every matching tag, in order."""
        if self.expansion is not None:
            return list(zip(*self.expansion.matched(tags), strict=True))
        return [(tag, tag) for tag in (self.pattern.matching(tags) if self.pattern.text else tags)]


def compile_filter(filter_tags: TagFilter) -> CompiledFilter:
    """Compile a filter.

    Raises:
        InvalidFilter: ``failed to filter tags: invalid regular expression pattern 'P': error parsing regexp: …``.
    """
    try:
        pattern = compile_pattern(filter_tags.pattern)
    except InvalidPattern as error:
        raise InvalidFilter(
            f"failed to filter tags: invalid regular expression pattern '{abridged(filter_tags.pattern)}': {error}"
        ) from error
    return CompiledFilter(pattern, pattern.expansion(filter_tags.extract) if filter_tags.extract else None)
