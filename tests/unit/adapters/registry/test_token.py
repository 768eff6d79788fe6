"""Token requests and answers."""

from __future__ import annotations

import base64
import json

import pytest

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.registry.challenge import Challenge
from tagstream.adapters.registry.token import BadToken, basic, check_realm, read_token, token_request
from tagstream.domain.objects.dockerconfig import Credentials


def bearer(realm: str) -> Challenge:
    return Challenge(scheme="bearer", parameters={"realm": realm, "service": "reg istry"})


def jwt(claims: dict[str, int]) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.sig"


def test_scopes_repeat_and_the_realms_query_stays() -> None:
    credentials = Credentials(username="u", password="p")
    request = token_request(bearer("https://a/t?account=x"), ("s1", "s2"), credentials, Reach.PUBLIC)
    assert request.url == "https://a/t?account=x&scope=s1&scope=s2&service=reg+istry"
    assert request.headers == {"Authorization": "Basic dTpw"}


@pytest.mark.parametrize("credentials", [Credentials(), Credentials(username="u"), Credentials(password="p")])
def test_half_a_password_pair_is_anonymous(credentials: Credentials) -> None:
    assert token_request(bearer("https://a/t"), (), credentials, Reach.PUBLIC).headers == {}


def test_a_basic_challenge_takes_a_registry_token_when_there_is_nothing_else() -> None:
    assert [basic(Credentials()), basic(Credentials(registry_token="t"))] == [None, "Bearer t"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"token": "t", "expires_in": 300}, ("t", 270.0)),
        ({"token": "t", "access_token": "a"}, ("a", 54.0)),
        ({"token": "t", "expires_in": 0}, ("t", 54.0)),
        ({"token": "t", "expires_in": 10**9}, ("t", 38_880.0)),
        ({"token": jwt({"iat": 100, "exp": 1100})}, (jwt({"iat": 100, "exp": 1100}), 900.0)),
    ],
)
def test_a_token_lives_as_long_as_it_says(answer: dict[str, object], expected: tuple[str, float]) -> None:
    assert read_token(json.dumps(answer).encode()) == expected


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"token":""}', b'{"token":1}', b'{"token":"a\\nb"}', b"[" * 99999]
)
def test_an_answer_without_a_token_is_refused(body: bytes) -> None:
    with pytest.raises(BadToken):
        read_token(body)


@pytest.mark.parametrize("realm", ["", "http://auth.example.com/token", "ftp://a/", "https://u:p@a/", "https://[/"])
def test_a_registry_on_https_must_name_a_realm_on_https(realm: str) -> None:
    with pytest.raises(BadToken):
        check_realm(bearer(realm), "https")
