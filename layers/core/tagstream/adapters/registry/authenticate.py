"""One visit to a repository on a registry: whatever it takes to be let in, with what earlier visits learned.

In: requests for the registry. Out: answers, or the errors of ``errors.py``.

Source: go-containerregistry pkg/v1/remote/transport (ping.go, bearer.go, basic.go); distribution-spec "Endpoints".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.http.exchange import REASON, Answer, Exchange, Receive, read_body, refused, same_origin
from tagstream.adapters.http.expiring_cache import ExpiringCache
from tagstream.adapters.http.fault_text import redacted_url
from tagstream.adapters.http.host_memory import HostFacts, HostMemory
from tagstream.adapters.http.session import Request
from tagstream.adapters.registry.challenge import Challenge, parse_challenges, usable_challenge
from tagstream.adapters.registry.dockerconfig import Credentials
from tagstream.adapters.registry.logins import ANONYMOUS, Login
from tagstream.adapters.registry.token import (
    MAX_ANSWER,
    BadToken,
    basic,
    check_realm,
    read_token,
    refresh_request,
    secrets_of,
    token_request,
)
from tagstream.domain.objects.image_name import ImageName
from tagstream.errors import RetryableError, ThrottledError

# Servers that let anonymous callers look in answer these for what only others may see.
_HIDDEN = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A challenge, who answers it, and the scopes to ask for."""

    challenge: Challenge
    credentials: Credentials
    scopes: tuple[str, ...]
    scheme: str
    reach: Reach

    @property
    def key(self) -> tuple[object, ...]:
        """What a token depends on."""
        return (
            self.challenge.realm,
            self.challenge.parameters.get("service", ""),
            self.scopes[-1],
            self.credentials,
        )


@dataclass(slots=True, kw_only=True)
class Visit:
    """Requests to one repository of one registry."""

    image: ImageName
    scheme: str
    login: Login
    exchange: Exchange
    memory: HostMemory
    tokens: ExpiringCache[str]

    @property
    def base(self) -> str:
        """``https://registry/v2/repository``."""
        return f"{self._root}/v2/{self.image.repository}"

    @property
    def facts(self) -> HostFacts:
        """What is known of the registry."""
        return self.memory.facts(self.scheme, self.image.registry)

    def fetch(self, request: Request, receive: Receive) -> Answer:
        """The answer that stands after credentials were tried; its status may be any (see ``success``).

        Args:
            request: without Authorization.
            receive: reads the answer while it streams.

        Raises:
            ThrottledError: the host asked for a pause that is longer than we wait.
            RetryableError: no answer, or no token.
        """
        if self.scheme == "https" or self.facts.answered:
            return self._fetch(request, receive)
        try:
            answer = self._fetch(request, receive)
        except ThrottledError:
            raise
        except RetryableError as error:
            return self._fetch_over_tls(request, receive, error)
        if answer.refusal is not None and answer.status == 400 and "https" in answer.refusal.text.lower():
            return self._fetch_over_tls(request, receive, None)
        self.facts.answered = True
        return answer

    def _fetch_over_tls(self, request: Request, receive: Receive, error: RetryableError | None) -> Answer:
        # Flux asks private addresses by https and http at once; we by http first, and nobody is logged in yet.
        plain = self._root
        self.scheme = "https"
        try:
            answer = self._fetch(replace(request, url=self._root + request.url.removeprefix(plain)), receive)
        except RetryableError as secure_error:
            self.scheme = "http"
            raise error or secure_error from None
        self.memory.secure.add(self.image.registry)
        return answer

    def _fetch(self, request: Request, receive: Receive) -> Answer:
        own = same_origin(self._root, request.url)
        first = replace(request, allowed=request.allowed if own else self.facts.reach)
        if own and self.facts.challenge is not None:
            first = self._authorized(first, self._door(self.facts.challenge))
        answer = self.exchange.send(first, self.facts, receive)
        if same_origin(self._root, answer.url):
            self.facts.reach = answer.reach
        if answer.status in _HIDDEN:
            answer = self._let_in(first, answer, receive)
        return answer

    def success(self, answer: Answer) -> Answer:
        """The answer, when its status is 200.

        Raises:
            ThrottledError: the registry asks for a pause.
            RetryableError: anything else, with the registry's words.
        """
        if answer.refusal is None:
            return answer
        raise refused(answer)

    @property
    def _root(self) -> str:
        return f"{self.scheme}://{self.image.registry}"

    def _let_in(self, sent: Request, answer: Answer, receive: Receive) -> Answer:
        if not same_origin(self._root, answer.url):
            return self._let_in_elsewhere(sent, answer, receive)
        challenge = usable_challenge(parse_challenges(answer.challenges))
        if answer.status != 401 and (self.facts.challenge is not None or self.login.fetch() == ANONYMOUS):
            return answer
        if challenge is None:
            challenge = self._ping()
        if challenge is None:
            return answer
        self.facts.challenge = challenge
        door = self._door(challenge, self._asked_scope(challenge) if answer.status == 401 else ())
        before = sent.headers.get("Authorization")
        if before is not None:
            self.tokens.forget(door.key)
        again = self._authorized(sent, door)
        if again.headers.get("Authorization") == before:
            return answer
        return self.exchange.send(again, self.facts, receive)

    def _let_in_elsewhere(self, sent: Request, answer: Answer, receive: Receive) -> Answer:
        # Redirected to another registry: it may give us a token, we give it nothing.
        challenge = usable_challenge(parse_challenges(answer.challenges))
        if answer.status != 401 or challenge is None or challenge.scheme != "bearer":
            return answer
        parts = urlsplit(answer.url)
        scopes = self._asked_scope(challenge) or (f"repository:{self.image.repository}:pull",)
        door = Door(
            challenge=challenge,
            credentials=ANONYMOUS,
            scopes=scopes,
            scheme=parts.scheme,
            reach=min(answer.reach, self.facts.reach),
        )
        again = replace(self._authorized(sent, door), url=answer.url, allowed=door.reach)
        return self.exchange.send(again, self.memory.facts(parts.scheme, parts.netloc), receive)

    def _ping(self) -> Challenge | None:
        answer = self.exchange.send(Request(method="GET", url=f"{self._root}/v2/", headers={}), self.facts, _nothing)
        if not same_origin(self._root, answer.url):
            return None
        return usable_challenge(parse_challenges(answer.challenges))

    def _door(self, challenge: Challenge, asked: tuple[str, ...] = ()) -> Door:
        own = f"repository:{self.image.repository}:pull"
        return Door(
            challenge=challenge,
            credentials=self.login.fetch(),
            # Some servers read the first scope only: what they asked for goes first.
            scopes=(*(scope for scope in asked if scope != own), own),
            scheme=self.scheme,
            reach=self.facts.reach,
        )

    @staticmethod
    def _asked_scope(challenge: Challenge) -> tuple[str, ...]:
        scope = challenge.parameters.get("scope", "")
        return (scope,) if scope else ()

    def _authorized(self, request: Request, door: Door) -> Request:
        header = self._authorization(door)
        if not header:
            return request
        secrets = (header.partition(" ")[2], *secrets_of(door.credentials))
        return replace(request, headers={**request.headers, "Authorization": header}, secrets=secrets)

    def _authorization(self, door: Door) -> str | None:
        if door.challenge.scheme == "basic":
            return basic(door.credentials)
        if door.credentials.registry_token:
            return f"Bearer {door.credentials.registry_token}"
        token = self.tokens.get(door.key, lambda: self._fetch_token(door), self.exchange.left_s)
        return f"Bearer {token}"

    def _fetch_token(self, door: Door) -> tuple[str, float]:
        try:
            check_realm(door.challenge, door.scheme)
            if door.credentials.identity_token:
                answer = self._ask(refresh_request(door.challenge, door.scopes, door.credentials, door.reach))
                # Servers that only know the older GET say so with 404.
                if answer.status != 404:
                    return self._token_of(answer, door)
            request = token_request(door.challenge, door.scopes, door.credentials, door.reach)
            return self._token_of(self._ask(request), door)
        except BadToken as error:
            text = f"{redacted_url(door.challenge.realm) if door.challenge.realm else self._root}: {error}"
            raise RetryableError(text, reason=REASON) from error

    def _ask(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        facts = self.memory.facts(parts.scheme, parts.netloc)
        return self.exchange.send(request, facts, lambda response: read_body(response, MAX_ANSWER))

    def _token_of(self, answer: Answer, door: Door) -> tuple[str, float]:
        if answer.refusal is not None:
            raise refused(answer)
        assert isinstance(answer.value, bytes)
        return read_token(answer.value)


def _nothing(_: object) -> None:
    return None
