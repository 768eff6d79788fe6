"""Requests to one repository of a registry, with whatever authentication the registry asks for.

Credentials go to the registry and to the token service that it names, never to a host that a redirect leads to.

Source: go-containerregistry pkg/v1/remote/transport (ping.go, bearer.go, basic.go); distribution-spec "Endpoints".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.http.expiring_cache import ExpiringCache
from tagstream.adapters.http.fault_text import redacted_url
from tagstream.adapters.http.retrying_session import (
    REASON,
    Answer,
    Receive,
    RetryingSession,
    read_body,
    refused,
    same_origin,
)
from tagstream.adapters.http.session import Request
from tagstream.adapters.registry.challenge import Challenge, parse_challenges, usable_challenge
from tagstream.adapters.registry.host_memory import HostFacts, HostMemory
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
from tagstream.domain.objects.dockerconfig import Credentials
from tagstream.domain.objects.image_name import ImageName
from tagstream.errors import RetryableError, ThrottledError, Unanswered

# Servers that answer anonymous callers use these for what others may see.
_HIDDEN = frozenset({401, 403, 404})
MAX_HOPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScope:
    """What a token is asked for: a challenge, who answers it, and the scopes.

    ``scheme`` and ``reach`` are those of the registry: its token service must not be less safe or farther inside.
    """

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
            # The repository's own scope, or that of another one which a redirect led to.
            self.scopes[-1],
            self.credentials,
        )


@dataclass(slots=True, kw_only=True)
class AuthenticatedRepository:
    """Requests to one repository of one registry."""

    image: ImageName
    scheme: str
    login: Login
    session: RetryingSession
    memory: HostMemory
    tokens: ExpiringCache[str]
    _fetched_tokens: int = 0

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
        # Flux asks private addresses by https and http at once. We ask by http first: no credentials were sent yet.
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
        own = request.url.startswith(f"{self._root}/") or same_origin(self._root, request.url)
        sent, facts = request, self.facts
        if not own:
            sent = replace(request, allowed=facts.reach)
        elif facts.challenge is not None:
            sent = self._authorized(sent, self._token_scope(facts.challenge))
        answer = self.session.send(sent, receive)
        if own:
            # A registry that redirects at once is as far inside as it is, not as the host that it leads to.
            facts.reach = answer.first_reach
        refreshed: set[str] = set()
        while answer.status in _HIDDEN and answer.url not in refreshed and len(refreshed) < MAX_HOPS:
            again = self._authenticated(sent, answer, refreshed)
            if again is None:
                break
            sent, answer = again, self.session.send(again, receive)
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

    def is_alive(self) -> bool:
        """Whether the registry answers at all, whatever it says; one request, which needs no work of it."""
        try:
            self._ping()
        except Unanswered:
            return False
        except RetryableError:
            return True
        return True

    @property
    def _root(self) -> str:
        return f"{self.scheme}://{self.image.registry}"

    def _authenticated(self, sent: Request, answer: Answer, refreshed: set[str]) -> Request | None:
        """The request to send after a refusal; None when there is nothing else to try.

        A token is fetched at most once for each URL that a redirect leads to; ``refreshed`` are those URLs.
        """
        here = same_origin(self._root, answer.url)
        scope = self._scope_here(answer) if here else self._scope_elsewhere(answer)
        if scope is None:
            return None
        target = replace(sent, url=answer.url)
        if not here:
            target = replace(_without_authorization(target), allowed=scope.reach)
        fetched = self._fetched_tokens
        again = self._authorized(target, scope)
        if _same_authorization(again, sent):
            # A cached token was refused: it may have been revoked.
            self.tokens.forget(scope.key)
            again = self._authorized(target, scope)
            if _same_authorization(again, sent):
                return None
        if self._fetched_tokens > fetched or scope.challenge.scheme == "basic":
            refreshed.add(answer.url)
        return again

    def _scope_here(self, answer: Answer) -> TokenScope | None:
        challenge = usable_challenge(parse_challenges(answer.challenges))
        if answer.status != 401 and (self.facts.challenge is not None or self.login.fetch() == ANONYMOUS):
            return None
        if challenge is None:
            challenge = self._ping()
        if challenge is None:
            return None
        self.facts.challenge = challenge
        return self._token_scope(challenge, _asked_scope(challenge) if answer.status == 401 else "")

    def _scope_elsewhere(self, answer: Answer) -> TokenScope | None:
        # Redirected to another registry: it may give us a token, we give it nothing.
        challenge = usable_challenge(parse_challenges(answer.challenges))
        if answer.status != 401 or challenge is None or challenge.scheme != "bearer":
            return None
        return TokenScope(
            challenge=challenge,
            credentials=ANONYMOUS,
            scopes=(_asked_scope(challenge) or self._own_scope,),
            scheme=urlsplit(answer.url).scheme,
            reach=min(answer.reach, self.facts.reach),
        )

    def _ping(self) -> Challenge | None:
        answer = self.session.send(Request(method="GET", url=f"{self._root}/v2/", headers={}), _nothing)
        if not same_origin(self._root, answer.url):
            return None
        return usable_challenge(parse_challenges(answer.challenges))

    @property
    def _own_scope(self) -> str:
        return f"repository:{self.image.repository}:pull"

    def _token_scope(self, challenge: Challenge, asked: str = "") -> TokenScope:
        return TokenScope(
            challenge=challenge,
            credentials=self.login.fetch(),
            scopes=self._scopes(asked),
            scheme=self.scheme,
            reach=self.facts.reach,
        )

    def _scopes(self, asked: str) -> tuple[str, ...]:
        own = f"repository:{self.image.repository}:"
        if not asked or asked == self._own_scope:
            return (self._own_scope,)
        if asked.startswith("repository:") and not asked.lower().startswith(own.lower()):
            # A redirect led to another repository, which needs a token of its own.
            return (asked,)
        # Some servers read the first scope only: what they asked for goes first.
        return (asked, self._own_scope)

    def _authorized(self, request: Request, scope: TokenScope) -> Request:
        header = self._authorization(scope)
        if not header:
            return request
        secrets = (header.partition(" ")[2], *secrets_of(scope.credentials))
        return replace(request, headers={**request.headers, "Authorization": header}, secrets=secrets)

    def _authorization(self, scope: TokenScope) -> str | None:
        if scope.challenge.scheme == "basic":
            return basic(scope.credentials)
        if scope.credentials.registry_token:
            return f"Bearer {scope.credentials.registry_token}"
        token = self.tokens.get(scope.key, lambda: self._fetch_token(scope), self.session.left_s)
        return f"Bearer {token}"

    def _fetch_token(self, scope: TokenScope) -> tuple[str, float]:
        self._fetched_tokens += 1
        try:
            check_realm(scope.challenge, scope.scheme)
            if scope.credentials.identity_token:
                answer = self._ask(refresh_request(scope.challenge, scope.scopes, scope.credentials, scope.reach))
                # Servers that only know the older GET say so with 404.
                if answer.status != 404:
                    return _token_of(answer)
            request = token_request(scope.challenge, scope.scopes, scope.credentials, scope.reach)
            return _token_of(self._ask(request))
        except BadToken as error:
            text = f"{redacted_url(scope.challenge.realm) if scope.challenge.realm else self._root}: {error}"
            raise RetryableError(text, reason=REASON) from error

    def _ask(self, request: Request) -> Answer:
        return self.session.send(request, lambda response: read_body(response, MAX_ANSWER))


def _token_of(answer: Answer) -> tuple[str, float]:
    if answer.refusal is not None:
        raise refused(answer)
    assert isinstance(answer.value, bytes)
    return read_token(answer.value)


def _asked_scope(challenge: Challenge) -> str:
    return challenge.parameters.get("scope", "")


def _without_authorization(request: Request) -> Request:
    return replace(request, headers={name: value for name, value in request.headers.items() if name != "Authorization"})


def _same_authorization(one: Request, other: Request) -> bool:
    return one.headers.get("Authorization") == other.headers.get("Authorization")


def _nothing(_: object) -> None:
    return None
