"""Finds the commit that changed something between two commits, by looking at few of those between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tagstream.domain.objects.model import CommitId


def way_back(parents: Mapping[CommitId, Sequence[CommitId]], head: CommitId, seen: CommitId) -> tuple[CommitId, ...]:
    """The shortest way from a commit back to one of its ancestors, both included; empty if there is none.

    Args:
        parents: of every known commit.
        head: where to begin.
        seen: the ancestor.
    """
    came_from: dict[CommitId, CommitId | None] = {head: None}
    waiting = [head]
    for one in waiting:
        if one == seen:
            way = [one]
            while (younger := came_from[way[-1]]) is not None:
                way.append(younger)
            return tuple(reversed(way))
        new = [parent for parent in parents.get(one, ()) if parent not in came_from]
        came_from |= dict.fromkeys(new, one)
        waiting += new
    return ()


def turning_point(way: Sequence[CommitId], was_true: Callable[[CommitId], bool]) -> CommitId | None:
    """The commit at which something that was true of its parent ended; None if it was not true of the oldest commit.

    Args:
        way: from the youngest commit, of which it is not true, back to the oldest; each one's parent follows it.
        was_true: asked for about as many commits as the way's length has binary digits.
    """
    if len(way) < 2 or not was_true(way[-1]):
        return None
    ended, lasted = 0, len(way) - 1
    while lasted - ended > 1:
        middle = (ended + lasted) // 2
        if was_true(way[middle]):
            lasted = middle
        else:
            ended = middle
    return way[ended]
