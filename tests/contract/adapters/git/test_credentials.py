"""Logins that clouds hand out for Git: a real Git server takes nothing else; algorithms are the clouds' own.

GitHub's and Entra's services cannot run here: a server on loopback answers as their documentation says.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.git.logins import GitCredentials, RoleKeys, codecommit_login
from tagstream.adapters.git.remote import GitClient
from tagstream.domain.objects.model import GitRef
from tagstream.errors import AuthenticationError, ImageAutomationError, StalledError, Unanswered
from tagstream.ports.git import GitAccess
from tests.embedded.certificates import token_signer
from tests.embedded.fault_proxy import Fault, FaultProxy, Received, running_fault_proxy
from tests.embedded.git_server import bare_repository, git_server

TOKEN = "ghs_installation_token"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        return self.passed_s


@pytest.fixture
def cloud() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


@pytest.fixture(scope="module")
def key() -> bytes:
    private, _ = token_signer()
    return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def credentials(clock: Any = None, keys: Callable[[], RoleKeys] | None = None) -> GitCredentials:
    return GitCredentials(clock or Hands(), keys or (lambda: RoleKeys(access_key="AKID", secret_key="s3", token=None)))


def github(cloud: FaultProxy, **answers: object) -> None:
    """Answer by path; 404 elsewhere."""

    def respond(request: Received) -> Fault:
        found = answers.get(request.path)
        if isinstance(found, Fault):
            return found
        if found is None:
            return Fault(status=404, body=b'{"message":"Not Found"}')
        return Fault(body=json.dumps(found).encode())

    cloud.respond = respond


def app(cloud: FaultProxy, key: bytes, **members: str) -> GitAccess:
    given = members or {"githubAppInstallationID": "42"}
    data = {"githubAppID": b"7", "githubAppPrivateKey": key, "githubAppBaseURL": f"http://{cloud.address}".encode()}
    more = {name: value.encode() for name, value in given.items()}
    return GitAccess(url="https://github.com/org/apps", provider="github", app={**data, **more})


def installed(expires: str = "2026-11-24T13:00:00Z") -> Mapping[str, object]:
    return {"/app/installations/42/access_tokens": {"token": TOKEN, "expires_at": expires}}


def test_an_apps_installation_token_is_the_password_of_a_fixed_user(
    cloud: FaultProxy, key: bytes, tmp_path: Path
) -> None:
    github(cloud, **installed("2126-11-24T13:00:00Z"))
    bare_repository(tmp_path, "app.git", {"a.yaml": b"a"})
    with git_server(tmp_path, {"x-access-token": TOKEN}) as server:
        access = GitAccess(url=server.url("app.git"), provider="github", app=app(cloud, key).app)
        client = GitClient(credentials())
        shown = [client.open(access).resolve(GitRef(branch="main")).branch for _ in range(2)]
    assert shown == ["main", "main"]
    assert len(cloud.received) == 1


def test_the_app_proves_itself_by_a_short_lived_token(cloud: FaultProxy, key: bytes) -> None:
    github(cloud, **installed())
    credentials().applied(app(cloud, key))
    token = cloud.received[0].headers["Authorization"].removeprefix("Bearer ")
    public = token_signer()[0].public_key()
    claims = jwt.decode(token, public, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False})
    issued = int((NOW - timedelta(seconds=30)).timestamp())
    assert claims == {"iss": "7", "iat": issued, "exp": issued + 120}


def test_a_token_is_fetched_again_before_it_expires(cloud: FaultProxy, key: bytes) -> None:
    github(cloud, **installed())
    clock = Hands()
    logins = credentials(clock)
    for clock.passed_s in (0.0, 2000.0, 3000.0):
        logins.applied(app(cloud, key))
    assert len(cloud.received) == 2


@pytest.mark.parametrize("kind", ["orgs", "users"])
def test_an_installation_is_found_by_its_owner(cloud: FaultProxy, key: bytes, kind: str) -> None:
    github(cloud, **installed(), **{f"/{kind}/acme/installation": {"id": 42}})
    found = credentials().applied(app(cloud, key, githubAppInstallationOwner="acme"))
    assert found.username == "x-access-token"
    assert found.password == TOKEN


def test_what_github_refuses_is_told_in_its_words_without_the_token(cloud: FaultProxy, key: bytes) -> None:
    path = "/app/installations/42/access_tokens"
    github(cloud, **{path: Fault(status=401, body=b'{"message":"A JSON web token could not be decoded"}')})
    with pytest.raises(AuthenticationError) as raised:
        credentials().applied(app(cloud, key))
    sent = cloud.received[0].headers["Authorization"].removeprefix("Bearer ")
    assert (
        raised.value.message
        == f"POST http://{cloud.address}{path}: HTTP status 401: A JSON web token could not be decoded"
    )
    assert sent not in str(raised.value)


def test_an_app_that_is_not_installed_is_told_by_its_owner(cloud: FaultProxy, key: bytes) -> None:
    github(cloud)
    with pytest.raises(AuthenticationError, match="the GitHub App is not installed for 'acme'"):
        credentials().applied(app(cloud, key, githubAppInstallationOwner="acme"))


def test_all_requests_of_a_login_have_one_deadline(
    cloud: FaultProxy, key: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.adapters.git.logins.WITHIN_S", 1.0)

    def respond(request: Received) -> Fault:
        cloud.stopped.wait(0.7)
        return Fault(status=404, body=b'{"message":"Not Found"}')

    cloud.respond = respond
    begun = time.monotonic()
    with pytest.raises(Unanswered, match="/users/acme/installation: context deadline exceeded"):
        credentials(SystemClock()).applied(app(cloud, key, githubAppInstallationOwner="acme"))
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"githubAppID": b""}, "provider github needs a secretRef with github app data: it has no 'githubAppID'"),
        (
            {"githubAppPrivateKey": b""},
            "provider github needs a secretRef with github app data: it has no 'githubAppPrivateKey'",
        ),
        ({"githubAppPrivateKey": b"no key"}, "provider github: 'githubAppPrivateKey' is not an RSA private key in PEM"),
        (
            {"githubAppInstallationOwner": b"acme"},
            "provider github needs a secretRef with exactly one of 'githubAppInstallationID' and"
            " 'githubAppInstallationOwner'",
        ),
        ({"githubAppBaseURL": b"http://github.example.com"}, "member 'githubAppBaseURL' must be an https URL"),
    ],
)
def test_app_data_that_cannot_work_is_named(
    cloud: FaultProxy, key: bytes, members: Mapping[str, bytes], message: str
) -> None:
    access = app(cloud, key)
    with pytest.raises(ImageAutomationError) as raised:
        credentials().applied(GitAccess(url=access.url, provider="github", app={**access.app, **members}))
    assert message in raised.value.message
    assert cloud.received == []


def test_a_codecommit_password_is_the_signature_that_aws_documents() -> None:
    # Computed by hand from the Signature Version 4 documents, without an SDK.
    import hashlib
    import hmac

    host, path, now = "git-codecommit.eu-west-1.amazonaws.com", "/v1/repos/apps", "20261124T120000"
    canonical = hashlib.sha256(f"GIT\n{path}\n\nhost:{host}\n\nhost\n".encode()).hexdigest()
    scope = "20261124/eu-west-1/codecommit/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{canonical}"
    secret = b"AWS4wJalrXUtnFEMI"
    for part in ("20261124", "eu-west-1", "codecommit", "aws4_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    keys = RoleKeys(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI", token="session/token")
    assert codecommit_login(keys, "eu-west-1", (host, path), now) == (
        "AKIDEXAMPLE%session/token",
        f"{now}Z{signature}",
    )


def test_a_role_signs_in_to_codecommit_anew_before_its_signature_is_too_old() -> None:
    clock, asked = Hands(), []

    def keys() -> RoleKeys:
        asked.append(clock.passed_s)
        return RoleKeys(access_key="AKID", secret_key="secret", token=None)

    logins = credentials(clock, keys)
    url = "https://git-codecommit-fips.us-gov-west-1.amazonaws.com/v1/repos/apps"
    for clock.passed_s in (0.0, 599.0, 601.0):
        found = logins.applied(GitAccess(url=url, provider="aws"))
    assert asked == [0.0, 601.0]
    assert found.username == "AKID"
    assert found.password[:16] == "20261124T121001Z"


@pytest.mark.parametrize(
    "url",
    [
        "https://git-codecommit.eu-west-1.amazonaws.com.evil.example/v1/repos/apps",
        "http://git-codecommit.eu-west-1.amazonaws.com/v1/repos/apps",
        "https://github.com/org/apps",
        "https://git-codecommit.eu-west-1.amazonaws.com/apps",
    ],
)
def test_a_roles_signature_is_made_for_codecommit_only(url: str) -> None:
    with pytest.raises(StalledError, match="provider aws needs a 'url' of the form"):
        credentials().applied(GitAccess(url=url, provider="aws"))


def test_an_application_of_azure_gets_a_bearer_token_for_devops(cloud: FaultProxy) -> None:
    cloud.respond = lambda request: Fault(body=json.dumps({"access_token": "entra", "expires_in": 3600}).encode())
    members = {
        "tenantID": b"t",
        "clientID": b"c",
        "clientSecret": b"s",
        "authorityHost": f"http://{cloud.address}".encode(),
    }
    found = credentials().applied(GitAccess(url="https://dev.azure.com/o/p/_git/r", provider="azure", app=members))
    form = parse_qs(cloud.received[0].body.decode())
    assert found.bearer_token == "entra"
    assert found.password == ""
    assert cloud.received[0].path == "/t/oauth2/v2.0/token"
    assert form["scope"] == ["499b84ac-1321-427f-aa17-267ca6975798/.default"]
    assert form["client_id"] == ["c"]


def test_azure_needs_tls_and_an_application() -> None:
    with pytest.raises(StalledError, match=r"needs an https 'url', not 'http://dev\.azure\.com/o'"):
        credentials().applied(GitAccess(url="http://user:word@dev.azure.com/o", provider="azure"))
    with pytest.raises(StalledError, match="needs a secretRef with tenantID, clientID, clientSecret"):
        credentials().applied(GitAccess(url="https://dev.azure.com/o", provider="azure"))


def test_an_installation_token_is_not_sent_without_tls(cloud: FaultProxy, key: bytes) -> None:
    access = app(cloud, key)
    with pytest.raises(ImageAutomationError, match="'url' must be an https URL"):
        credentials().applied(GitAccess(url="http://github.com/o/r", provider="github", app=access.app))
    assert cloud.received == []


def test_generic_repositories_and_ssh_are_left_as_they_are() -> None:
    for access in (
        GitAccess(url="https://github.com/o/r", username="u", password="p"),
        GitAccess(url="ssh://git@github.com/o/r", provider="github"),
    ):
        assert credentials().applied(access) == access
