"""Tokens, comparisons and MACs."""

from __future__ import annotations

import hmac

import pytest

from tagstream.errors import RefusedDelivery
from tagstream.events.receiver.secret import ReceiverSecret, check_mac, check_value, require_tokens


def refused(call: object, *arguments: object) -> bool:
    try:
        call(*arguments)  # type: ignore[operator]
    except RefusedDelivery as error:
        return (error.status, error.cause) in {(404, "signature"), (404, "secret")}
    return False


def test_the_tokens_in_force_are_the_new_one_and_the_previous() -> None:
    secret = ReceiverSecret(data={"token-previous": b"old", "token": b"new", "other": b"x"})
    assert require_tokens(secret) == (b"new", b"old")


def test_empty_members_are_no_tokens() -> None:
    assert refused(require_tokens, ReceiverSecret(data={"token": b"", "token-previous": b""}))


def test_a_secret_never_prints_its_members() -> None:
    assert "hidden" not in repr(ReceiverSecret(data={"token": b"hidden"}))


@pytest.mark.parametrize("presented", ["", "tok", "token ", "TOKEN", "tokeñ", "\ud800"])
def test_another_value_is_refused(presented: str) -> None:
    assert refused(check_value, presented, (b"token", b""), "X-Token")


def test_every_accepted_value_is_accepted() -> None:
    assert [check_value(one, (b"a", b"b"), "X-Token") for one in ("a", "b")] == [None, None]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
def test_a_mac_of_any_token_in_force_is_accepted_in_either_case(algorithm: str) -> None:
    digest = hmac.new(b"old", b"body", algorithm).hexdigest()
    assert [
        check_mac(one, algorithm, b"body", (b"new", b"old"), "X-Signature") for one in (digest, digest.upper())
    ] == [None, None]


@pytest.mark.parametrize("presented", ["", "0", "zz", "00", "é0", " " * 64, "0" * 64])
def test_what_is_no_mac_is_refused(presented: str) -> None:
    assert refused(check_mac, presented, "sha256", b"body", (b"token",), "X-Signature")


def test_every_flipped_digit_of_a_mac_is_refused() -> None:
    digest = hmac.new(b"token", b"body", "sha256").hexdigest()
    flipped = [digest[:i] + ("0" if digest[i] != "0" else "1") + digest[i + 1 :] for i in range(64)]
    assert all(refused(check_mac, one, "sha256", b"body", (b"token",), "X-Signature") for one in flipped)


def test_blank_members_are_no_tokens() -> None:
    assert refused(require_tokens, ReceiverSecret(data={"token": b"\n", "token-previous": b"  "}))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_break_behind_a_token_is_not_part_of_what_is_presented_or_signed(end: bytes) -> None:
    secret = ReceiverSecret(data={"token": b"token" + end})
    digest = hmac.new(b"token", b"body", "sha256").hexdigest()
    assert check_value("token", require_tokens(secret), "X-Token") is None
    assert check_mac(digest, "sha256", b"body", require_tokens(secret), "X-Signature") is None
    # The path is Flux's, which is made of the token as it is stored.
    assert secret.tokens == (b"token" + end,)


def test_members_that_are_compared_as_text_have_no_blanks_around_them() -> None:
    assert ReceiverSecret(data={"email": b"a@b.example\n"}).text("email") == "a@b.example"
