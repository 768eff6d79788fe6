"""What a run would do about the pull request of a push branch, read from the calls that it would have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tagstream.domain.update.request_course import KeptRequest
from tagstream.domain.update.request_text import is_withdrawn, without_withdrawal
from tagstream.ports.pull_requests import Proposal
from tagstream.reconcile.update.dry_push import NEW, RequestWrite

PlannedAction = Literal["open", "update", "close", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """What would become of a request.

    Attributes:
        action: ``open`` a new one, ``update`` or ``close`` the one that is there; ``none`` leaves it as it is.
        number: by which the host names it; empty for one that is not open yet.
        url: of its page.
        state: ``open``, ``merged`` or ``closed``, as it would be then.
        closed_by: who has closed it without a merge.
        head: its branch.
        title: that would be written; empty if none would.
        body: the same.
        comment: with which it would be closed.
        labels: that would be asked for.
        reviewers: the same.
        draft: whether it would be opened as a draft.
        auto_merge: how the host would be asked to merge; empty if it would not.
    """

    action: PlannedAction
    number: str = ""
    url: str = ""
    state: str = ""
    closed_by: str = ""
    head: str = ""
    title: str = ""
    body: str = ""
    comment: str = ""
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    draft: bool = False
    auto_merge: str = ""


def planned_request(writes: Sequence[RequestWrite], known: KeptRequest | None) -> PlannedRequest | None:
    """What would become of the request of one branch; None if there is none, and none would be opened.

    Args:
        writes: the calls about requests of the branch, in order.
        known: what the status would keep of the request.
    """
    writes = [one for one in writes if one.action != "furnish" or _asks_for_something(one.proposal)]
    opened = next((one.proposal for one in writes if one.action == "open"), None)
    text = opened or next((one.proposal for one in reversed(writes) if _writes_text(one)), None)
    furnished = next((one.proposal for one in writes if one.action == "furnish"), None)
    closing = next((one for one in writes if one.action == "close"), None)
    if opened is None and text is None and furnished is None and closing is None:
        # At most the mark of a withdrawal is written, which nobody sees.
        return _as_it_is(known)
    last = writes[-1].request
    action: PlannedAction = "close" if closing is not None else "open" if opened is not None else "update"
    return PlannedRequest(
        action=action,
        number=last.number if last.number != NEW else "",
        url=last.url,
        state=last.state,
        head=last.head,
        title=text.title if text is not None else "",
        body=without_withdrawal(text.body) if text is not None else "",
        comment=closing.comment if closing is not None else "",
        labels=furnished.labels if furnished is not None else (),
        reviewers=furnished.reviewers if furnished is not None else (),
        draft=opened.draft if opened is not None else False,
        auto_merge=_auto_merge(opened, furnished),
    )


def _as_it_is(known: KeptRequest | None) -> PlannedRequest | None:
    if known is None or not known.number:
        return None
    return PlannedRequest(
        action="none",
        number=known.number,
        url=known.url,
        state=known.state,
        closed_by=known.closed_by,
        head=known.head,
    )


def _asks_for_something(proposal: Proposal | None) -> bool:
    """Whether a request would get labels or reviewers, or be merged by the host."""
    return proposal is not None and bool(proposal.labels or proposal.reviewers or proposal.auto_merge)


def _writes_text(write: RequestWrite) -> bool:
    """Whether a call writes title and body for people, and not only the mark of a withdrawal, which nobody sees."""
    return write.action == "change" and write.proposal is not None and not is_withdrawn(write.proposal.body)


def _auto_merge(opened: Proposal | None, furnished: Proposal | None) -> str:
    """How the host would be asked to merge; some are asked by a later run, when the checks have begun."""
    return (furnished.auto_merge if furnished is not None else "") or (opened.auto_merge if opened is not None else "")
