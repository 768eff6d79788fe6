"""Pull secrets."""

from __future__ import annotations

import base64
import json

import pytest

from tagstream.domain.objects.dockerconfig import Credentials, InvalidDockerConfig, parse_keyring


def member(auths: dict[str, object], name: str = ".dockerconfigjson") -> tuple[str, bytes]:
    document = {"auths": auths} if name == ".dockerconfigjson" else auths
    return name, json.dumps(document).encode()


def packed(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode()


ALICE = {"auth": packed("alice:a")}
BOB = {"username": "bob", "password": "b"}


def test_of_two_secrets_with_one_key_the_first_counts() -> None:
    keyring = parse_keyring([member({"ghcr.io": ALICE}), member({"https://ghcr.io/": BOB})])
    assert keyring.find("ghcr.io", "a/b") == Credentials(username="alice", password="a")


def test_the_older_format_has_no_wrapper() -> None:
    keyring = parse_keyring([member({"ghcr.io": BOB}, ".dockercfg")])
    assert keyring.find("ghcr.io", "a/b") == Credentials(username="bob", password="b")


@pytest.mark.parametrize("auth", [packed("u:p").rstrip("="), packed("u:pp"), packed("u:ppp") + "\r\n"])
def test_base64_may_be_padded_or_not(auth: str) -> None:
    found = parse_keyring([member({"ghcr.io": {"auth": auth}})]).find("ghcr.io", "a/b")
    assert found is not None
    assert found.username == "u"


@pytest.mark.parametrize("key", ["docker.io", "https://registry-1.docker.io/", "https://index.docker.io/v1"])
def test_other_names_of_docker_hub_are_found_as_a_last_resort(key: str) -> None:
    keyring = parse_keyring([member({key: ALICE})])
    alias = keyring.find_by_alias("index.docker.io")
    assert keyring.find("index.docker.io", "library/nginx") is None
    assert alias is not None


def test_no_alias_is_tried_for_another_registry() -> None:
    assert parse_keyring([member({"docker.io": ALICE})]).find_by_alias("ghcr.io") is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"{", ".dockerconfigjson is not valid JSON"),
        (b"[1]", ".dockerconfigjson must be a JSON object with an object of registries"),
        (b'{"auths":{"a":1}}', "an entry of auths must be a JSON object"),
        (b'{"auths":{"a":{"password":1}}}', "member password of an entry of auths must be a string"),
        (b'{"auths":{"a:x":{}}}', 'entry "a:x" in dockercfg invalid (invalid port)'),
        (
            b'{"auths":{"a":{"auth":"%%%"}}}',
            "unable to decode auth field: must be formatted as base64(username:password)",
        ),
    ],
)
def test_a_malformed_secret_says_what_is_wrong(content: bytes, text: str) -> None:
    with pytest.raises(InvalidDockerConfig) as raised:
        parse_keyring([(".dockerconfigjson", content)])
    assert str(raised.value) == text


def test_an_address_of_version_six_is_matched_with_its_port() -> None:
    keyring = parse_keyring([member({"[::1]:5000": BOB})])
    assert [keyring.find(host, "a") is not None for host in ("[::1]:5000", "[::1]:5001")] == [True, False]


def test_credentials_never_print_their_secrets() -> None:
    one = Credentials(username="u", password="secret-1", identity_token="secret-2", registry_token="secret-3")
    assert "secret" not in repr(one)
