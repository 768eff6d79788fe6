"""Credentials that clouds hand out for Git: GitHub Apps, CodeCommit by the function's role, Azure DevOps.

Source: fluxcd/pkg git/github, auth/aws (git.go), auth/azure; image-automation-controller internal/source/git.go.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from tagstream.adapters.git.replies import REASON, words
from tagstream.adapters.http.cloud_call import secure_url
from tagstream.adapters.http.expiring_cache import ExpiringCache
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.session import Request, Session
from tagstream.adapters.registry.login_azure import AUTHORITY, MEMBERS, application_login
from tagstream.errors import AuthenticationError, ImageAutomationError, RetryableError, StalledError, Unanswered
from tagstream.ports.git import GitAccess
from tagstream.ports.runtime import Clock

APP_ID, APP_KEY = "githubAppID", "githubAppPrivateKey"
INSTALLATION, OWNER, BASE_URL = "githubAppInstallationID", "githubAppInstallationOwner", "githubAppBaseURL"
GITHUB_API = "https://api.github.com"
GITHUB_USER = "x-access-token"
# Flux's: clocks may differ by the first, the token is used at once.
JWT_BACKDATED_S, JWT_LIFETIME_S = 30, 120
DEVOPS_SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
ENTRA = "https://login.microsoftonline.com"
DEFAULT_LIFETIME_S = 3600.0
USABLE_PART = 0.8
# CodeCommit refuses signatures older than fifteen minutes.
SIGNATURE_LIFETIME_S = 600.0
# Nothing large is asked for, so a provider that has not handed out a login within this many seconds hangs.
WITHIN_S = 15.0
MAX_ANSWER = 1_048_576
_CODECOMMIT = re.compile(r"git-codecommit(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleKeys:
    """The function's own AWS credentials."""

    access_key: str
    secret_key: str
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Login:
    """Values to authenticate with: a bearer token, or a user and a password."""

    username: str = ""
    password: str = ""
    bearer_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Provider:
    """The requests of one login, which all have the same deadline on the monotonic clock."""

    session: Session
    clock: Clock
    deadline_s: float

    def asked(self, request: Request) -> Mapping[str, object]:
        """The JSON object that was answered.

        Raises:
            AuthenticationError: refused, with the service's words.
            Unanswered: no answer in time.
            RetryableError: no such answer.
        """
        shown = f"{request.method} {request.url}"
        left_s = self.deadline_s - self.clock.monotonic_s()
        try:
            if left_s <= 0:
                raise ConnectionFault("context deadline exceeded")
            with self.session.open(request, left_s) as (response, _):
                status, body = response.status, response.read(MAX_ANSWER)
        except ConnectionFault as fault:
            raise Unanswered(f"{shown}: {fault}", reason=REASON) from None
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if status >= 300:
            raise _refusal(shown, status, found)
        if not isinstance(found, dict):
            raise RetryableError(f"{shown}: the answer is not a JSON object", reason=REASON)
        return found


class GitCredentials:
    """Keeps what clouds hand out until shortly before it expires.

    Args:
        clock: for expiry and for signatures.
        role: reads the function's AWS credentials.
    """

    def __init__(self, clock: Clock, role: Callable[[], RoleKeys]) -> None:
        self._clock, self._role = clock, role
        self._known: ExpiringCache[_Login] = ExpiringCache(clock)

    def applied(self, access: GitAccess) -> GitAccess:
        """The access with what its provider hands out; unchanged for generic and for SSH.

        Raises:
            StalledError: InvalidSourceConfiguration, the provider needs another URL or secret.
            AuthenticationError, RetryableError: GitOperationFailed, the provider refused.
            Unanswered: GitOperationFailed, the provider cannot be reached; all of its answers have one deadline.
        """
        fetch = {"github": self._github, "aws": self._codecommit, "azure": self._azure}.get(access.provider)
        if fetch is None or access.url.startswith("ssh://"):
            return access
        secret = json.dumps({name: value.hex() for name, value in sorted(access.app.items())})
        key = access.provider, access.url, hashlib.sha256(secret.encode()).digest()
        within_s = min(access.timeout_s, WITHIN_S)
        deadline_s = self._clock.monotonic_s() + within_s
        found = self._known.get(key, lambda: fetch(access, deadline_s), within_s)
        return replace(
            access, username=found.username, password=found.password, bearer_token=found.bearer_token, app={}
        )

    def _github(self, access: GitAccess, deadline_s: float) -> tuple[_Login, float]:
        secure_url(access.url, "url")
        base = secure_url(_text(access, BASE_URL) or GITHUB_API, BASE_URL).rstrip("/")
        headers = {
            "Authorization": f"Bearer {_app_token(access, self._clock.now())}",
            "Accept": "application/vnd.github+json",
        }
        provider = self._provider(access, deadline_s)
        number = _text(access, INSTALLATION) or _installation(provider, base, headers, access)
        url = f"{base}/app/installations/{quote(number, safe='')}/access_tokens"
        answer = provider.asked(Request(method="POST", url=url, headers=headers, body=b""))
        token = answer.get("token")
        if not isinstance(token, str) or not token:
            raise RetryableError(f"POST {url}: no token in the answer", reason=REASON)
        return _Login(username=GITHUB_USER, password=token), self._left_s(answer.get("expires_at"))

    def _provider(self, access: GitAccess, deadline_s: float) -> _Provider:
        return _Provider(session=Session(access.tls, access.proxy), clock=self._clock, deadline_s=deadline_s)

    def _left_s(self, expires_at: object) -> float:
        try:
            end = datetime.fromisoformat(str(expires_at).replace("Z", "+00:00"))
            return max(0.0, (end - self._clock.now()).total_seconds() * USABLE_PART)
        except (ValueError, TypeError):
            return DEFAULT_LIFETIME_S * USABLE_PART

    def _codecommit(self, access: GitAccess, _deadline_s: float) -> tuple[_Login, float]:
        parts = urlsplit(access.url)
        region = _CODECOMMIT.fullmatch(parts.hostname or "")
        if region is None or parts.scheme != "https" or not parts.path.startswith("/v1/repos/"):
            raise _misconfigured(
                "provider aws needs a 'url' of the form"
                f" https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME, not '{_shown(access.url)}'"
            )
        now = self._clock.now().strftime("%Y%m%dT%H%M%S")
        login = codecommit_login(self._role(), region[1], (parts.hostname or "", parts.path), now)
        return _Login(username=login[0], password=login[1]), SIGNATURE_LIFETIME_S

    def _azure(self, access: GitAccess, deadline_s: float) -> tuple[_Login, float]:
        if urlsplit(access.url).scheme != "https":
            raise _misconfigured(f"provider azure needs an https 'url', not '{_shown(access.url)}'")
        data = access.app
        if not data:
            raise _misconfigured(f"provider azure needs a secretRef with {', '.join(MEMBERS)}")
        authority = secure_url(_text(access, AUTHORITY) or ENTRA, AUTHORITY)
        url, form = application_login(authority, data, DEVOPS_SCOPE)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request(method="POST", url=url, headers=headers, body=urlencode(form).encode())
        answer = self._provider(access, deadline_s).asked(request)
        token, lifetime = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            raise RetryableError(f"POST {url}: no access_token in the answer", reason=REASON)
        seconds = float(lifetime) if isinstance(lifetime, int | float) else DEFAULT_LIFETIME_S
        return _Login(bearer_token=token), seconds * USABLE_PART


def codecommit_login(keys: RoleKeys, region: str, where: tuple[str, str], now: str) -> tuple[str, str]:
    """User name and password of one repository, signed without a request being sent.

    Args:
        keys: of the role.
        region: of the repository.
        where: its host and path.
        now: ``YYYYMMDDThhmmss``, UTC.

    Source: git-remote-codecommit ``git_url``; fluxcd/pkg auth/aws.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    host, path = where
    request = AWSRequest(method="GIT", url=f"https://{host}{path}")
    request.context["timestamp"] = now
    signing = SigV4Auth(Credentials(keys.access_key, keys.secret_key, keys.token), "codecommit", region)
    canonical = f"GIT\n{path}\n\nhost:{host}\n\nhost\n"
    signature = signing.signature(signing.string_to_sign(request, canonical), request)
    user = f"{keys.access_key}%{keys.token}" if keys.token else keys.access_key
    return user, f"{now}Z{signature}"


def _app_token(access: GitAccess, now: datetime) -> str:
    import jwt

    number, key = _text(access, APP_ID), access.app.get(APP_KEY, b"")
    for name, value in ((APP_ID, number), (APP_KEY, key)):
        if not value:
            raise _misconfigured(f"provider github needs a secretRef with github app data: it has no '{name}'")
    if bool(_text(access, INSTALLATION)) == bool(_text(access, OWNER)):
        raise _misconfigured(f"provider github needs a secretRef with exactly one of '{INSTALLATION}' and '{OWNER}'")
    issued = now - timedelta(seconds=JWT_BACKDATED_S)
    claims = {"iat": issued, "exp": issued + timedelta(seconds=JWT_LIFETIME_S), "iss": number}
    try:
        return jwt.encode(claims, key, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        raise _misconfigured(f"provider github: '{APP_KEY}' is not an RSA private key in PEM") from None


def _installation(provider: _Provider, base: str, headers: Mapping[str, str], access: GitAccess) -> str:
    """An owner is an organisation or a user, and only asking tells."""
    owner = quote(_text(access, OWNER), safe="")
    for kind in ("orgs", "users"):
        url = f"{base}/{kind}/{owner}/installation"
        try:
            answer = provider.asked(Request(method="GET", url=url, headers=headers))
        except _NotFound:
            continue
        if isinstance(answer.get("id"), int):
            return str(answer["id"])
    raise AuthenticationError(
        f"the GitHub App is not installed for '{_text(access, OWNER)}', the '{OWNER}' of its secret", reason=REASON
    )


class _NotFound(AuthenticationError):
    """HTTP 404."""


def _refusal(shown: str, status: int, found: object) -> ImageAutomationError:
    answer = found if isinstance(found, dict) else {}
    said = words(str(answer.get("message") or answer.get("error_description") or answer.get("error") or "").encode())
    text = f"{shown}: HTTP status {status}{f': {said}' if said else ''}"
    if status == 404:
        return _NotFound(text, reason=REASON)
    if status in (400, 401, 403):
        return AuthenticationError(text, reason=REASON)
    return RetryableError(text, reason=REASON)


def _text(access: GitAccess, member: str) -> str:
    return access.app.get(member, b"").decode(errors="replace").strip()


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _misconfigured(cause: str) -> StalledError:
    return StalledError(f"{cause}: invalid source configuration", reason="InvalidSourceConfiguration")
