"""What a GitRepository and its secrets mean for the connection, in Flux's words where they mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tagstream.adapters.git.clients import KnownServers
from tagstream.adapters.git.http_client import HttpClient
from tagstream.adapters.git.remote import GitClient
from tagstream.domain.objects.model import GitRepository, NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.connection import Proxy, TlsMaterial
from tagstream.ports.git import GitAccess
from tagstream.ports.secrets import SecretNotFound
from tagstream.reconcile.credentials import git_access
from tests.unit.object_documents import value

HTTPS, SSH = "https://git.example.com/app.git", "ssh://git.example.com/app.git"
Data = Mapping[str, bytes]


class Secrets:
    """A table of secrets of one namespace."""

    def __init__(self, **known: Data) -> None:
        self.known = known

    def get(self, key: NamespacedName) -> Data:
        if key.name not in self.known:
            raise SecretNotFound(f'secrets "{key.name}" not found')
        return self.known[key.name]


def access(url: str, secrets: Secrets, **spec: Any) -> GitAccess:
    repository = value("GitRepository", {"url": url, "interval": "1m", **spec}, "v1")
    assert isinstance(repository, GitRepository)
    return git_access(repository, secrets)


def given(url: str, **data: bytes) -> GitAccess:
    members = {name.replace("_dot_", "."): value for name, value in data.items()}
    return access(url, Secrets(login=members), secretRef={"name": "login"})


def refusal(url: str, secrets: Secrets, **spec: Any) -> tuple[str, str]:
    with pytest.raises(ImageAutomationError) as raised:
        GitClient().open(access(url, secrets, **spec))
    return raised.value.message, raised.value.reason


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (access(HTTPS, Secrets()), GitAccess(url=HTTPS)),
        (access(HTTPS, Secrets(), timeout="90s"), GitAccess(url=HTTPS, timeout_s=90.0)),
        (given(HTTPS, username=b"u", password=b"p"), GitAccess(url=HTTPS, username="u", password="p")),
        (given(HTTPS, username=b"u", password=b"p", bearerToken=b"t"), GitAccess(url=HTTPS, bearer_token="t")),
        (
            given("https://u@git.example.com/a", password=b"p"),
            GitAccess(url="https://u@git.example.com/a", password="p"),
        ),
        (
            given(HTTPS, ca_dot_crt=b"ca", caFile=b"old", tls_dot_crt=b"crt", tls_dot_key=b"key"),
            GitAccess(url=HTTPS, tls=TlsMaterial(ca_crt=b"ca", tls_crt=b"crt", tls_key=b"key")),
        ),
        (given(HTTPS, caFile=b"old"), GitAccess(url=HTTPS, tls=TlsMaterial(ca_crt=b"old"))),
        (
            given(SSH, identity=b"i", known_hosts=b"k", password=b"p", username=b"not read"),
            GitAccess(url=SSH, identity=b"i", known_hosts=b"k", identity_passphrase="p"),
        ),
        (
            access(
                SSH,
                Secrets(login={"identity": b"i", "known_hosts": b"k"}, out={"address": b"socks5://h:1"}),
                secretRef={"name": "login"},
                proxySecretRef={"name": "out"},
            ),
            GitAccess(url=SSH, identity=b"i", known_hosts=b"k", proxy=Proxy(address="socks5://h:1")),
        ),
    ],
)
def test_a_secret_means_what_it_means_to_flux(found: GitAccess, expected: GitAccess) -> None:
    assert found == expected


OPTIONS = "failed to configure authentication options: "


@pytest.mark.parametrize(
    ("url", "data", "cause"),
    [
        (
            HTTPS,
            {"password": b"s3cret"},
            f"{OPTIONS}invalid 'https' auth option: 'password' requires 'username' to be set",
        ),
        (
            HTTPS,
            {"bearerToken": b"s3cret\n"},
            f"{OPTIONS}invalid 'https' auth option: 'bearerToken' of secret 'apps/login' has a line break",
        ),
        (SSH, {"known_hosts": b"k"}, f"{OPTIONS}invalid 'ssh' auth option: 'identity' is required"),
        (SSH, {"identity": b"s3cret"}, f"{OPTIONS}invalid 'ssh' auth option: 'known_hosts' is required"),
        (HTTPS, {"tls.key": b"s3cret"}, f"{OPTIONS}secret 'apps/login' contains 'tls.key' but missing 'tls.crt'"),
        (HTTPS, {"ca.crt": b"s3cret"}, f"{OPTIONS}failed to parse CA certificate"),
        (
            HTTPS,
            {"tls.crt": b"s3cret", "tls.key": b"s3cret"},
            f"{OPTIONS}failed to parse certificate and key in 'tls.crt' and 'tls.key'",
        ),
    ],
)
def test_a_secret_that_cannot_be_used_is_a_failed_source_manager(url: str, data: Data, cause: str) -> None:
    said = refusal(url, Secrets(login=data), secretRef={"name": "login"})
    assert said == (f"failed configuring source manager: {cause}", "SourceManagerFailed")


def test_secrets_that_are_not_there_are_named_with_what_they_are_for() -> None:
    found = [
        refusal(SSH, Secrets()),
        refusal(HTTPS, Secrets(), secretRef={"name": "login"}),
        refusal(HTTPS, Secrets(), proxySecretRef={"name": "out"}),
    ]
    assert [message.removeprefix("failed configuring source manager: ") for message, _ in found] == [
        f"{OPTIONS}invalid 'ssh' auth option: 'identity' is required",
        "failed to get auth secret 'apps/login': secrets \"login\" not found",
        "failed to get proxy secret 'apps/out': secrets \"out\" not found",
    ]
    assert {reason for _, reason in found} == {"SourceManagerFailed"}


@pytest.mark.parametrize(
    "url", ["https://u:s3cret@h:99999/a", "https://u:s3cret@h:port/a", "ssh://:22/a", "https:///a", "https://[::1/a"]
)
def test_a_url_without_an_address_is_told_without_the_login_in_it(url: str) -> None:
    said, reason = refusal(url, Secrets())
    assert reason == "SourceManagerFailed" and "s3cret" not in said
    assert said == (
        "failed configuring source manager: failed to parse URL of GitRepository 'apps/one': no host, or no port"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@[2001:db8::1]:8443/a.git/", "https://[2001:db8::1]:8443/a.git"),
        ("https://u:p@git.example.com/a", "https://git.example.com/a"),
    ],
)
def test_errors_show_the_address_without_its_login(url: str, shown: str) -> None:
    assert HttpClient(GitAccess(url=url), KnownServers()).url == shown


def test_app_data_and_provider_must_fit() -> None:
    found = [
        refusal(HTTPS, Secrets(login={"githubAppID": b"1"}), secretRef={"name": "login"}),
        refusal(HTTPS, Secrets(), provider="github"),
    ]
    assert found == [
        (
            "secretRef 'apps/login' has github app data but provider is not set to github:"
            " invalid source configuration",
            "InvalidSourceConfiguration",
        ),
        (
            "secretRef with github app data must be specified when provider is set to github:"
            " invalid source configuration",
            "InvalidSourceConfiguration",
        ),
    ]
