"""Which Git servers, and which APIs of Git hosts, are left alone for a while, because they did not answer.

A server that hangs costs a worker its whole time-out. Its cool-down is kept in the table, so that no other worker and
no other namespace pays for it again before the time is over. What only one tenant suffers from must not close a server
for the others: a proxy or a login that hangs is left alone by those who use it, and a slow repository by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tagstream.domain.instant import instant_text
from tagstream.domain.scan.schedule import retry_delay_s
from tagstream.domain.update.destination import repository_name
from tagstream.errors import ImageAutomationError, RetryableError, ThrottledError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import GitAccess, PushConflict
from tagstream.ports.objects import StoredObject
from tagstream.ports.pull_requests import FAILED
from tagstream.reconcile import status
from tagstream.reconcile.cool_downs import DEFAULT_COOL_DOWN_S, CoolDowns, digest, has_hung, is_unanswered

# A server that has failed, or has never answered yet, gets this long for its first answer.
FIRST_ANSWER_S = 10.0
# Whoever fails after this long was waited for; quicker failures cost nobody anything.
HUNG_AFTER_S = 8.0
# A wait that has taken this long may end in a cool-down, so that others wait for its end before they begin their own.
SUSPECT_AFTER_S, LATEST_S = 5.0, FIRST_ANSWER_S + 1.0
# As many repositories of a server that answers others may hang in one run; the rest is left to later runs.
MOST_HUNG = 3
# The end of the name of a cool-down that the host itself has asked for.
LIMIT = "#limit"
# Where an application's login is, if its secret names another place than the provider's own.
LOGIN_ADDRESSES = ("githubAppBaseURL", "authorityHost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is asked of a host.

    Attributes:
        prefix: of the names of its cool-downs. It tells a Git server from the API, and from the registry, of that name.
        reason: of a refusal to ask.
        words: how the message of such a refusal begins.
        reasons: of the errors that count as failures of the host.
    """

    prefix: str
    reason: str
    words: str
    reasons: frozenset[str]


GIT_FAILED = "GitOperationFailed"
GIT = Service(prefix="git:", reason=GIT_FAILED, words="failed to checkout source", reasons=frozenset({GIT_FAILED}))
# A login for the API fails as one for Git does, and so does a commit that the API has not made.
API = Service(
    prefix="api:", reason=FAILED, words="failed to ask the Git host's API", reasons=frozenset({FAILED, GIT_FAILED})
)


class Asking(Protocol):
    """Who asks a host: the job of an automation, or a Kustomization."""

    @property
    def stored(self) -> StoredObject:
        """As it is in the table, with its status."""

    @property
    def access(self) -> GitAccess:
        """The access to its repository; for the API of a Git host, with the API's host in the URL."""

    @property
    def is_asked_for(self) -> bool:
        """Whether a person asks for it."""


def way_of(job: Asking, service: Service = GIT) -> str:
    """Which server a job asks, and through what: its host and port, then a digest of a proxy and of a login."""
    host = service.prefix + repository_name(job.access.url).partition("/")[0]
    others = _between(job.access)
    return f"{host}@{digest(repr(others))}" if others else host


def _between(access: GitAccess) -> tuple[str, ...]:
    """What stands between a worker and the server, of which some may hang although the server does not."""
    proxy = (access.proxy.address, access.proxy.username) if access.proxy is not None else ()
    addresses = [access.app.get(name, b"").decode(errors="replace") for name in LOGIN_ADDRESSES]
    return (*proxy, access.provider, *addresses) if access.app else proxy


def is_proven(job: Asking) -> bool:
    """Whether the object's last run succeeded, so that its server is likely to answer."""
    return status.is_ready(job.stored.status)


class HostHealth:
    """What one run knows of its servers; safe to share between threads.

    Args:
        ports: cool-downs are read and begun through.
        service: what the servers are asked for.
    """

    def __init__(self, ports: Ports, service: Service = GIT) -> None:
        self._ports, self._service = ports, service
        self._cool_downs = CoolDowns(ports.tags, ports.clock)
        self._lock = threading.Lock()
        self._answered: set[str] = set()
        self._hung: dict[str, int] = {}
        self._limits: dict[tuple[str, object], datetime] = {}
        self._waits: dict[str, list[float]] = {}
        self._wait_ended = threading.Condition(self._lock)

    def check(self, job: Asking) -> None:
        """Refuse to ask a server that is left alone.

        A job whose last run succeeded may ask all the same, as does one that a person asks for: somebody else's
        trouble with the server need not be its own.

        Raises:
            RetryableError: with the reason of the service, and the time when it may be asked again.
        """
        if job.is_asked_for or is_proven(job):
            return
        way = way_of(job, self._service)
        self._await_suspects(way)
        repository = repository_name(job.access.url)
        names = {way: repository.partition("/")[0]}
        if status.failures(job.stored.status):
            # Whoever has not failed yet need not read whether its repository is slow.
            names[self._repository(job)] = repository
        for name, shown in names.items():
            until = self._cool_downs.until(name)
            if until is not None:
                raise RetryableError(
                    f"{self._service.words}: '{shown}' did not answer in time and is left alone until"
                    f" {instant_text(until)}",
                    reason=self._service.reason,
                    retry_after_s=(until - self._ports.clock.now()).total_seconds(),
                )

    def check_limit(self, job: Asking) -> None:
        """Refuse to ask a host that has asked for a pause: a host may block whoever goes on asking.

        In the run that was told so nobody asks with the same credentials. Later runs leave the repository alone, but
        for those whose last run succeeded and those that a person asks for, as in ``check``.

        Raises:
            ThrottledError: with the reason of the service, and the seconds until the host may be asked again.
        """
        with self._lock:
            until = self._limits.get(self._limited(job))
        now = self._ports.clock.now()
        if until is None and status.failures(job.stored.status) and not (job.is_asked_for or is_proven(job)):
            until = self._cool_downs.until(f"{self._repository(job)}{LIMIT}")
        if until is not None and until > now:
            host = repository_name(job.access.url).partition("/")[0]
            raise ThrottledError(
                f"{self._service.words}: '{host}' limits requests and is left alone until {instant_text(until)}",
                reason=self._service.reason,
                host=host,
                retry_after_s=(until - now).total_seconds(),
            )

    def note_limit(self, job: Asking, error: ThrottledError) -> None:
        """Remember that a host asks for a pause."""
        wait_s = DEFAULT_COOL_DOWN_S if error.retry_after_s is None else error.retry_after_s
        until = self._ports.clock.now() + timedelta(seconds=wait_s)
        with self._lock:
            self._limits[self._limited(job)] = until
        self._cool_downs.begin(f"{self._repository(job)}{LIMIT}", error.retry_after_s)

    def _limited(self, job: Asking) -> tuple[str, object]:
        """Whose requests a host counts together: those of one token or login. It is compared, and never written."""
        access = job.access
        who = (access.username, access.password, access.bearer_token, tuple(sorted(access.app.items())))
        return way_of(job, self._service), who

    def _await_suspects(self, way: str) -> None:
        """Let those who have waited long for a first answer find out first whether the server hangs."""
        with self._wait_ended:
            waited_s = self._longest_wait_s(way)
            if way not in self._answered and SUSPECT_AFTER_S <= waited_s < LATEST_S:
                self._wait_ended.wait_for(lambda: self._longest_wait_s(way) < SUSPECT_AFTER_S, LATEST_S - waited_s)

    def _longest_wait_s(self, way: str) -> float:
        now_s = self._ports.clock.monotonic_s()
        return now_s - min(self._waits.get(way, ()), default=now_s)

    def is_waited_for_enough(self, job: Asking) -> bool:
        """Whether so many have waited for this job's server in this run that no other one must."""
        way = way_of(job, self._service)
        with self._lock:
            return self._hung.get(way, 0) >= (MOST_HUNG if way in self._answered else 1)

    def note_answer(self, job: Asking) -> None:
        """Remember that the server of a job answers: a repository of it that hangs does so by itself."""
        with self._lock:
            self._answered.add(way_of(job, self._service))

    @contextmanager
    def watched(self, jobs: Sequence[Asking], since_s: float | None = None) -> Iterator[None]:
        """Begin a cool-down when talking to the jobs' server fails after a long wait; longer after each such failure.

        Args:
            jobs: all of one repository.
            since_s: when the talk began, on the monotonic clock; None for now.
        """
        clock, way = self._ports.clock, way_of(jobs[0], self._service)
        began_s = clock.monotonic_s()
        with self._lock:
            self._waits.setdefault(way, []).append(began_s)
        try:
            yield
        except RetryableError as error:
            waited_s = clock.monotonic_s() - (began_s if since_s is None else since_s)
            if self._is_of_server(error) and has_hung(error, waited_s, HUNG_AFTER_S):
                failures = 1 + max(status.failures(job.stored.status) for job in jobs)
                self._cool_downs.begin(self._hanging(jobs[0], error), retry_delay_s(failures))
            raise
        finally:
            with self._wait_ended:
                self._waits[way].remove(began_s)
                self._wait_ended.notify_all()

    def _is_of_server(self, error: RetryableError) -> bool:
        """Whether the server has failed: not a push that somebody else's has overtaken, nor another service."""
        cause = error.__cause__
        reasons = {error.reason} | ({cause.reason} if isinstance(cause, ImageAutomationError) else set())
        return reasons <= self._service.reasons and not isinstance(cause, PushConflict)

    def _hanging(self, job: Asking, error: RetryableError) -> str:
        """What is to be left alone: the whole server only if nothing came of it, and nobody else heard of it."""
        way = way_of(job, self._service)
        with self._lock:
            self._hung[way] = self._hung.get(way, 0) + 1
            is_answering = way in self._answered
        return way if is_unanswered(error) and not is_answering else self._repository(job)

    def _repository(self, job: Asking) -> str:
        """The cool-down of one repository, asked in the job's way; its path may be longer than a key of the table."""
        path = repository_name(job.access.url).partition("/")[2]
        return f"{way_of(job, self._service)}/{digest(path)}"
