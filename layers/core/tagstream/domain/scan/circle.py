"""In which order the policies of a repository have their turns, if one run has no time for all of them.

The policies are a circle in the order of their names. A run goes on behind the policy at which the one before it ended,
even if another list of tags has come meanwhile. So every policy has its turn, however often the list changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationMark:
    """How far the policies of a repository have been evaluated.

    Attributes:
        of: names the list of tags, and what was reported of the repository by then.
        begun_behind: the first policy that was evaluated on that list is the one behind this one.
        done_to: the last policy that was. If this is ``begun_behind``, none has been evaluated on the list yet. Both
            policies may be gone by now.
        has_failed: whether one of them could not be stored since the circle began.
    """

    of: str
    begun_behind: NamespacedName
    done_to: NamespacedName
    has_failed: bool = False

    def is_open(self, of: str) -> bool:
        """Whether some policies have been evaluated on a list, and nothing keeps the others from it."""
        return self.of == of and self.done_to != self.begun_behind and not self.has_failed


START = NamespacedName("", "")
"""No object has this name: every policy is behind it."""


def begun(mark: EvaluationMark | None, of: str) -> EvaluationMark:
    """Where a run on a list begins: where the one before it ended, with all policies to do if that was another list."""
    if mark is None:
        return EvaluationMark(of=of, begun_behind=START, done_to=START)
    if mark.of == of:
        return mark
    return EvaluationMark(of=of, begun_behind=mark.done_to, done_to=mark.done_to)


def turns(policies: Iterable[NamespacedName], mark: EvaluationMark) -> list[NamespacedName]:
    """The policies that are still to be evaluated, in order."""

    def place(key: NamespacedName) -> tuple[bool, NamespacedName]:
        return key <= mark.begun_behind, key

    in_order = sorted(policies, key=place)
    if mark.done_to == mark.begun_behind:
        return in_order
    return [key for key in in_order if place(key) > place(mark.done_to)]
