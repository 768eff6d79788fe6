"""Keeps the pull request of a push branch: opens it, keeps it current, closes it, and notices what people do with it.

It runs after the push and before the statuses are written, so every step finds out by itself whether it was done
before: a worker may have died in between. It asks the host for nothing when no automation of the branch wants a
request, and once an interval while a request is open and nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tagstream.domain.update.kept_branch import kept_branches
from tagstream.domain.update.message import MessageData, TemplateError
from tagstream.domain.update.request_course import (
    ClosedBy,
    Found,
    KeptRequest,
    next_step,
    refused_elsewhere,
    with_refused,
)
from tagstream.domain.update.request_text import (
    ChangeSet,
    TextTemplates,
    identity_in,
    is_withdrawn,
    request_text,
    text_identity,
    without_withdrawal,
)
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import ONCE, LedgerEntry
from tagstream.ports.pull_requests import FAILED, INVALID, Proposal, PullRequest, PullRequests
from tagstream.reconcile.cool_downs import digest
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.kept_requests import BRANCHES, known_requests
from tagstream.reconcile.update.branch_commits import as_named_by_flux
from tagstream.reconcile.update.branch_writers import KIND
from tagstream.reconcile.update.host_apis import AskedLater
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.requests.request_access import RequestJob
from tagstream.reconcile.update.requests.source_ranges import source_ranges
from tagstream.reconcile.update.requests.withdrawal import mark_withdrawn, rewritten
from tagstream.reconcile.update.run_result import RunResult

NOTHING_LEFT = "tagstream closed this request: its base branch needs none of these changes any more."
MOVED = "tagstream closed this request: its automation now pushes to another branch, or proposes to another one."


def with_requests(results: Sequence[RunResult], deadline_s: float, ports: Ports) -> tuple[RunResult, ...]:
    """The results of a branch's run, with what became of the branch's request.

    Args:
        results: of all automations of the branch; the first of those that want a request says how it shall look.
        deadline_s: on the monotonic clock; no call is begun after it.
        ports: the host is asked through.
    """
    asking = [one for one in results if one.job.requests is not None and one.error is None]
    if not asking or asking[0].job.requests is None:
        return tuple(results)
    course = _Course(results=results, leader=asking[0].job, wants=asking[0].job.requests, ports=ports)
    error: ImageAutomationError | None = None
    try:
        with isolated():
            if ports.clock.monotonic_s() >= deadline_s:
                raise RetryableError("no time is left to ask for the pull request", reason=FAILED)
            course.run()
    except AskedLater as found:
        # The next run looks at the request of a branch to which nothing has happened.
        error = None if all(one.skipped for one in results) else found
    except ImageAutomationError as found:
        error = found
    events = {id(asking[0]): tuple(course.events)}
    return tuple(
        replace(one, request=course.kept, request_events=events.get(id(one), ()), request_error=error)
        if one.job.requests is not None and one.error is None
        else one
        for one in results
    )


def withdrawn(result: RunResult, why: str, ports: Ports, *, is_ours: bool) -> RunResult:
    """The result of a branch that offers nothing any more, with what became of its request.

    Args:
        result: of the branch.
        why: the comment with which its request is closed.
        ports: the host is asked through.
        is_ours: whether nobody else has committed to the branch; otherwise its request is left open.
    """
    if result.job.requests is None:
        return result
    course = _Course(results=(result,), leader=result.job, wants=result.job.requests, ports=ports)
    error: ImageAutomationError | None = None
    try:
        with isolated():
            course.retire(why, is_ours=is_ours)
    except ImageAutomationError as found:
        error = found
    return replace(result, request=course.kept, request_events=tuple(course.events), request_error=error)


@dataclass(slots=True, kw_only=True)
class _Course:
    """What happens to the request of one branch in one run; ``known`` and ``events`` grow with every step."""

    results: Sequence[RunResult]
    leader: UpdateJob
    wants: RequestJob
    ports: Ports
    known: KeptRequest | None = None
    events: list[LedgerEntry] = field(default_factory=list)
    is_finished: bool = True
    now: datetime = field(init=False)
    before: KeptRequest | None = field(init=False)
    former: Mapping[str, KeptRequest] = field(init=False)
    refused: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.ports.clock.now()
        kept = [known for one in self.results for known in known_requests(one.job.stored.status)]
        # After a crash one of the automations may know of a newer request than the others.
        kept.sort(key=lambda one: (one.number != "", one.read_at is not None, one.read_at or self.now))
        here = [one for one in kept if not one.number or one.is_for(self.head, self.wants.base)]
        self.known = self.before = here[-1] if here else None
        self.former = {one.number: one for one in kept if one not in here}
        others = [one for one in kept if not one.number or one not in here]
        self.refused = refused_elsewhere(others, self.wants.base)

    @property
    def kept(self) -> KeptRequest | None:
        """What the status keeps: the request, and how many events there were."""
        if self.known is None:
            return None
        before = self.before.told if self.before is not None else 0
        return replace(self.known, told=before + len(self.events))

    @property
    def head(self) -> str:
        """The push branch."""
        return self.leader.destination.push_branch

    @property
    def head_commit(self) -> str:
        """The commit of the push branch; empty when there is none."""
        return self.results[0].push_revision.rpartition(":")[2]

    def run(self) -> None:
        """Do what is to be done.

        Raises:
            ImageAutomationError: the host refused, or cannot be asked; ``known`` is what was achieved.
        """
        if all(one.skipped for one in self.results):
            self._look()
            return
        if not self.leader.destination.rebuilds_branch:
            raise RetryableError(
                f"a pull request needs a branch of its own: '{self.head}' is the repository's default branch, or others"
                " add to it",
                reason=INVALID,
            )
        changes = self._changes()
        settings = self.wants.settings(self.head)
        if self._is_untouched(changes, settings):
            return
        if self.known is not None:
            # While this runs nothing counts as done: whoever comes after an error begins anew.
            self.known = replace(self.known, settings="")
        self._leave_former()
        self._leave_unknown()
        if changes.changes and self.head_commit:
            self._propose(changes)
        else:
            self._withdraw()
        if self.is_finished:
            self.known = replace(self.known or KeptRequest(), settings=settings)

    def retire(self, why: str, *, is_ours: bool) -> None:
        """Close the request of a branch that is about to be removed, unless a person has a part in it.

        Raises:
            ImageAutomationError: as ``run``.
        """
        known = self.known if self.known is not None and self.known.number else None
        if (known is None and not self.head_commit) or (known is not None and not self._is_worth_reading(known)):
            return
        if known is not None:
            self.known = replace(known, settings="")
        current = self._current(host := self._host())
        if not (self.known and self.known.number) and not _is_open_of_ours(current):
            return
        # The host may know of a commit that has come since the branch was read.
        is_same = current is not None and (not self.head_commit or self.head_commit.startswith(current.head_commit))
        if current is not None and current.state == "open" and is_ours and is_same:
            current = self._closed(host, current, why)
        self._note(current)
        self.known = replace(self.known or KeptRequest(), settings=self.wants.settings(self.head))

    @staticmethod
    def _is_worth_reading(known: KeptRequest) -> bool:
        """Whether a request is open, or may have been opened again."""
        return known.is_open or (known.may_reopen and known.read_at is None)

    def _leave_former(self) -> None:
        """Close open requests of a branch, or into a base, that is configured no longer."""
        for former in self.former.values():
            if not former.is_open or self._is_others(former):
                continue
            current = self._host().read(former.number)
            # The GitRepository may be another one by now.
            if current is None or current.state != "open" or not former.is_request(current.head, current.url):
                continue
            # What a person has added is not ours to close.
            if former.head_commit.startswith(current.head_commit):
                self._leave(current)

    def _leave_unknown(self) -> None:
        """Close the requests of branches of a former template that a worker opened without living to report them."""
        for kept in (one for result in self.results for one in kept_branches(result.job.stored.status.get(BRANCHES))):
            is_unknown = kept.request is None or not kept.request.number
            current = self._host().newest(kept.branch, self.wants.base) if is_unknown else None
            if current is not None and _is_open_of_ours(current) and current.head_commit == kept.commit:
                self._leave(current)

    def _leave(self, current: PullRequest) -> None:
        closed = self._closed(self._host(), current, MOVED)
        self._record("RequestClosed", closed, f"pull request #{closed.number} was closed by tagstream: {closed.title}")

    def _is_others(self, known: KeptRequest) -> bool:
        """Whether another automation still pushes to the branch of a request."""
        own = {one.job.stored.key for one in self.results}
        users = self.leader.snapshot.branch_writers.users_of(self.leader.destination, known.head)
        others = [one for one in users if one.stored.key not in own]
        return any(one.automation.pull_request is not None for one in others)

    def _look(self) -> None:
        """Notice what became of an open request, once an interval or when somebody asks for a run.

        One that was closed is read only when somebody asks for a run, or the host has sent an event.
        """
        known = self.known
        if known is None or not (known.is_open or known.may_reopen):
            return
        if not known.is_open and known.read_at is not None and not self._is_asked_for:
            return
        if not self._was_just_read(known):
            self._note(self._current(self._host()))

    def _was_just_read(self, known: KeptRequest) -> bool:
        interval = timedelta(seconds=min(one.job.automation.interval_s for one in self.results))
        return known.read_at is not None and self.now - known.read_at < interval and not self._is_asked_for

    def _is_untouched(self, changes: ChangeSet, settings: str) -> bool:
        """Whether the open request offers these changes already, and was read within the interval."""
        known = self.known
        if known is None or not known.is_open or not self._was_just_read(known):
            return False
        is_left = any(one.is_open for one in self.former.values())
        same = (known.settings, known.changes, known.head_commit) == (settings, changes.identity, self.head_commit)
        return same and not is_left

    def _current(self, host: PullRequests) -> PullRequest | None:
        """The request as the host has it: the known one, or else the newest of the branch.

        A known number that is another request by now is forgotten: that one may be a person's.
        """
        if self.known is not None and self.known.number:
            current = host.read(self.known.number)
            if current is None or self.known.is_request(current.head, current.url):
                return current
            self.known = None
        return host.newest(self.head, self.wants.base)

    def _propose(self, changes: ChangeSet) -> None:
        """Keep a request for these changes, unless a person does not want them."""
        known = self.known
        if known is None or not known.number:
            known = self.known = None
        elif known.has_refused(changes.identity) and known.read_at is not None and not self._is_asked_for:
            return
        host = self._host()
        current = self._current(host)
        known = self.known
        if known is not None:
            self._note(current)
        begin = known or KeptRequest(refused=self.refused)
        step = next_step(begin, _found(current), changes.identity, self.head_commit)
        if known is None and (current is not None or self.refused):
            self.known = replace(begin, refused=with_refused(self.refused, _refused_before(current)))
            if current is not None and current.state == "closed":
                self.known = self._ended(current)
        if step in ("merged", "refused"):
            return
        proposal = self._proposal(changes, host)
        request = host.open(proposal) if step == "open" or current is None else current
        if known is None or known.number != request.number:
            word = "opened" if step == "open" else "found open:"
            self._record("RequestOpened", request, f"{word} pull request #{request.number}: {request.title}")
            # What a person has opened keeps that person's words until other changes come.
            offered = identity_in(request.body)
            text, offered = (_text_of(request), offered) if offered else (_text_of(proposal), changes.identity)
            self.known = replace(self._kept(request), changes=offered, text=text, opened_into=self.wants.base)
        self._bring_up_to_date(host, request, proposal, changes.identity)

    def _bring_up_to_date(self, host: PullRequests, request: PullRequest, proposal: Proposal, identity: str) -> None:
        """Write the text if it is another one by now, and furnish the request if that is not done.

        A text that a person has edited stays until other changes, or other templates, make it another one.
        """
        known = self._kept(request)
        text = _text_of(proposal)
        if known.text != text:
            host.change(request, proposal)
            if known.changes != identity:
                self._record("RequestUpdated", request, f"updated pull request #{request.number}: {proposal.title}")
        elif is_withdrawn(request.body):
            # The changes are back before the request was closed: whoever closes it from now on is a person.
            rewritten(host, request, without_withdrawal(request.body))
        self.known = known = replace(known, text=text, changes=identity, head_commit=self.head_commit)
        keeps = host.limits.keeps_auto_merge
        asked = self._left_to_ask(request, proposal, keeps=keeps)
        if asked is not None:
            host.furnish(request, asked)
            merges = self.head_commit if asked.auto_merge and not keeps else ""
            self.known = replace(known, furnished=self.wants.furnished, merges=merges)

    def _left_to_ask(self, request: PullRequest, proposal: Proposal, *, keeps: bool) -> Proposal | None:
        """What the host is still to be asked for; None for nothing.

        Where it does not keep auto-merge, it is asked for each head commit once the checks of that have begun; until
        then the next runs come again.
        """
        known = self._kept(request)
        is_new = known.furnished != self.wants.furnished
        may_merge = is_new or (not keeps and known.merges != self.head_commit)
        if not proposal.auto_merge or not may_merge:
            may_merge = False
        elif not keeps and not (request.has_begun and request.head_commit == self.head_commit):
            may_merge, self.is_finished = False, False
        if not is_new and not may_merge:
            return None
        details = proposal if is_new else replace(proposal, labels=(), reviewers=())
        return details if may_merge else replace(details, auto_merge="")

    def _withdraw(self) -> None:
        """Close the request of a branch that has nothing to offer any more."""
        known = self.known if self.known is not None and self.known.is_open else None
        if known is None and not any(one.reset_to for one in self.results):
            return
        host = self._host()
        current = self._current(host) if known is not None else host.newest(self.head, self.wants.base)
        if (known is None or self.known is None) and not _is_open_of_ours(current):
            return
        if current is not None and current.state == "open" and self._is_empty:
            current = self._closed(host, current, NOTHING_LEFT)
        self._note(current)

    def _closed(self, host: PullRequests, request: PullRequest, why: str) -> PullRequest:
        """The request after it was closed, with the mark by which it is known that tagstream did it."""
        marked = mark_withdrawn(host, request)
        return replace(host.close(marked, why), body=marked.body)

    @property
    def _is_empty(self) -> bool:
        """Whether the push branch is its base: what else there is was put there by a person."""
        base = next((one.checkout.commit for one in self.results if one.checkout is not None), "")
        return self.head_commit in ("", base)

    def _note(self, current: PullRequest | None) -> None:
        """Take over what the host says of the known request; None if it has none of that number any more."""
        before = self.known
        if current is None:
            if before is not None and before.state != "merged":
                by: ClosedBy = "a person" if before.is_open else before.closed_by
                self.known = replace(before, state="closed", closed_by=by, read_at=self.now)
            return
        after = replace(self._ended(current), checks=current.checks)
        if before is not None and before.state == "closed" and after.is_open:
            # Changes may have come meanwhile: the next run brings it up to date.
            after = replace(after, settings="")
            self._record(
                "RequestReopened", current, f"pull request #{current.number} was opened again: {current.title}"
            )
        self.known = after
        if before is None or before.is_open:
            self._tell_end(after, current)

    def _ended(self, current: PullRequest) -> KeptRequest:
        """What is known of a request, with who closed it; what a person has closed is refused while it is not open."""
        after = self._kept(current)
        changes = after.changes or identity_in(current.body)
        if after.state != "closed":
            return replace(after, refused=tuple(one for one in after.refused if one != changes))
        after = replace(after, changes=changes)
        if not after.closed_by:
            after = replace(after, closed_by="tagstream" if is_withdrawn(current.body) else "a person")
        if after.closed_by == "a person":
            after = replace(after, refused=with_refused(after.refused, [changes]))
        return after

    def _tell_end(self, after: KeptRequest, current: PullRequest) -> None:
        if after.state == "merged":
            self._record("RequestMerged", current, f"pull request #{current.number} was merged: {current.title}")
        if after.state == "closed":
            text = f"pull request #{current.number} was closed by {after.closed_by}: {current.title}"
            self._record("RequestClosed", current, text)

    def _kept(self, request: PullRequest | None) -> KeptRequest:
        """What is known, with what the host says now; nothing of another request is kept."""
        known = self.known or KeptRequest()
        if request is None:
            return known
        if known.number != request.number:
            known = KeptRequest(head_commit=self.head_commit, refused=known.refused)
        return replace(
            known,
            number=request.number,
            url=request.url,
            state=request.state,
            # What was just opened, or comes from a list, says nothing of checks.
            checks=known.checks or "none",
            head=request.head,
            base=request.base,
            closed_by=known.closed_by if request.state == "closed" else "",
            read_at=self.now,
        )

    def _changes(self) -> ChangeSet:
        going = [one for one in self.results if one.error is None]
        return ChangeSet(
            changes=tuple(change for one in going for change in one.changes),
            named=tuple(change for one in going for change in as_named_by_flux(one.changes, one.job)),
            refs={key: ref for one in going for key, ref in one.job.refs.items()},
        )

    def _proposal(self, changes: ChangeSet, host: PullRequests) -> Proposal:
        spec, commit = self.wants.spec, self.leader.commit
        changes = replace(changes, ranges=source_ranges(changes, self.leader, self.wants.host, self.ports))
        data = MessageData(
            automation=self.leader.automation.metadata.key,
            changes=changes.named,
            refs=changes.refs,
            values=commit.message_template_values,
            now=self.now,
            entropy=self.ports.entropy,
        )
        limits = host.limits
        templates = TextTemplates(title=spec.title, body=spec.body, max_title=limits.title, max_body=limits.body)
        try:
            text = request_text(templates, data, changes)
        except TemplateError as error:
            raise RetryableError(f"failed to describe the pull request: {error}", reason=FAILED) from error
        return Proposal(
            head=self.head,
            base=self.wants.base,
            title=text.title,
            body=text.body,
            labels=spec.labels,
            reviewers=spec.reviewers,
            draft=spec.draft,
            auto_merge=spec.auto_merge,
        )

    def _host(self) -> PullRequests:
        return self.ports.git_hosts.of(self.wants.host)

    @property
    def _is_asked_for(self) -> bool:
        return any(one.job.is_asked_for for one in self.results)

    def _record(self, reason: str, request: PullRequest, message: str) -> None:
        self.events.append(
            LedgerEntry(
                at=self.now,
                kind=KIND,
                key=self.leader.stored.key,
                severity="info",
                reason=reason,
                message=f"{message}\n{request.url}",
                cause=self.leader.cause,
                facts={
                    "number": request.number,
                    "url": request.url,
                    "branch": self.head,
                    "base": self.wants.base,
                    "commit": self.head_commit,
                },
                identity=f"{ONCE}{reason}-{digest(self.leader.destination.target)}-{request.number}"
                f"{self._occasion(reason)}",
            )
        )

    def _occasion(self, reason: str) -> str:
        """What tells one event of a request from the next of the same kind, and not from its repetition.

        A worker that died has not written the status, so whoever goes on for it begins with the same count, the same
        commit and the same changes. When the request was read does not count: a delivery of the host, which may come
        meanwhile, changes that. A request is opened and merged once.
        """
        if reason in ("RequestOpened", "RequestMerged"):
            return ""
        before = self.before or KeptRequest()
        return f"-{text_identity([str(before.told), before.head_commit, before.changes])}"


def _is_open_of_ours(request: PullRequest | None) -> bool:
    """Whether a request that the status does not know is open and was written by tagstream."""
    return request is not None and request.state == "open" and identity_in(request.body) != ""


def _refused_before(current: PullRequest | None) -> tuple[str, ...]:
    """The changes of the closed requests that the host lists beside the newest; the one made last is at the end."""
    earlier = current.earlier if current is not None else ()
    return tuple(identity_in(one.body) for one in reversed(earlier) if not is_withdrawn(one.body))


def _found(request: PullRequest | None) -> Found | None:
    if request is None:
        return None
    return Found(
        number=request.number,
        state=request.state,
        head_commit=request.head_commit,
        changes=identity_in(request.body),
        is_withdrawn=is_withdrawn(request.body),
        refused_before=_refused_before(request),
    )


def _text_of(text: PullRequest | Proposal) -> str:
    """The identity of a title and a body; hosts differ in line breaks and in blanks at the ends."""
    return text_identity((text.title.strip(), text.body.replace("\r", "").strip()))
