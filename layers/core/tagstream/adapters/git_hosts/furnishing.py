"""Asks a host for several things of a request, so that one that it refuses does not keep the others from being done.

Whoever cannot be asked at all (a limit, a token that is not valid, no answer) ends it: the next run begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from tagstream.adapters.git_hosts.api import Forbidden, NotFound, RefusedValue
from tagstream.domain.objects.pull_request import TEAM
from tagstream.errors import ImageAutomationError, StalledError
from tagstream.ports.pull_requests import INVALID

Ask = Callable[[], object]


def ask_for_each(asks: Iterable[Ask]) -> None:
    """Ask for all of it, and tell at the end what was refused: one error has the words of all refusals.

    Raises:
        StalledError: InvalidPullRequest, only a change of the objects can mend what was refused.
        Forbidden, NotFound, RefusedValue: PullRequestFailed, another try may mend it.
    """
    refusals: list[ImageAutomationError] = []
    for ask in asks:
        try:
            ask()
        except (Forbidden, NotFound, RefusedValue, StalledError) as error:
            refusals.append(error)
    if refusals:
        raise _together(refusals) from refusals[0]


def ask_reviewers(names: Sequence[str], ask: Callable[[Sequence[str]], object]) -> None:
    """Ask for all reviewers in one call; if that is refused, for each by itself, so that the right ones are asked.

    Args:
        names: who is to be asked; nobody is no call.
        ask: sends the call for some of them.

    Raises:
        As ``ask_for_each``, with the names of those who are refused.
    """
    if not names:
        return
    if len(names) > 1:
        try:
            ask(names)
        except (NotFound, RefusedValue):
            pass
        else:
            return
    ask_for_each(partial(ask_reviewer, one, lambda name: ask([name])) for one in names)


def ask_reviewer(name: str, ask: Callable[[str], object]) -> None:
    """Ask for one reviewer.

    Raises:
        NotFound, RefusedValue: as ``ask`` raises them, with the name.
    """
    try:
        ask(name)
    except NotFound as error:
        raise NotFound(_of(name, error), reason=error.reason) from error
    except RefusedValue as error:
        raise RefusedValue(_of(name, error), status=error.status) from error


def people_and_teams(names: Iterable[str]) -> dict[str, list[str]]:
    """Return reviewers as GitHub and Gitea are asked for them."""
    found: dict[str, list[str]] = {"reviewers": [], "team_reviewers": []}
    for name in names:
        found["team_reviewers" if name.startswith(TEAM) else "reviewers"].append(name.removeprefix(TEAM))
    return found


def no_teams(names: Iterable[str], host: str) -> None:
    """Refuse teams on a host that has none.

    Raises:
        StalledError: InvalidPullRequest, one of the names is a team's.
    """
    for name in names:
        if name.startswith(TEAM):
            raise StalledError(f"'{name}': {host} has no teams that review: name users", reason=INVALID)


def _of(name: str, error: ImageAutomationError) -> str:
    return f"'{name}' cannot review the request: {error.message}"


def _together(refusals: Sequence[ImageAutomationError]) -> ImageAutomationError:
    text = "; ".join(dict.fromkeys(one.message for one in refusals))
    first = next((one for one in refusals if not isinstance(one, StalledError)), refusals[0])
    if isinstance(first, RefusedValue):
        return RefusedValue(text, status=first.status)
    return type(first)(text, reason=first.reason)
