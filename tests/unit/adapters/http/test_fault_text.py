"""What refusals say."""

from __future__ import annotations

import pytest

from tagstream.adapters.http.fault_text import read_refusal, redacted_url

URL = "https://r.example.com/v2/a/tags/list"


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"unknown","detail":{"b":[1,true],"a":null}}]}',
         "NAME_UNKNOWN: unknown; map[a:<nil> b:[1 true]]"),
        (401, b'{"errors":[{"code":"A","message":"a","detail":null},{"code":"B","message":"b"}]}',
         "multiple errors returned: A: a; B: b"),
        (400, b'{"errors":[{"status":400,"message":"no code"}]}', "400: no code"),
        (401, b"true", "unexpected status code 401 Unauthorized: true"),
        (404, b"404 page not found\n", "unexpected status code 404 Not Found: 404 page not found"),
        (599, b"", "unexpected status code 599"),
        (500, b'{"errors":"no list"}', 'unexpected status code 500 Internal Server Error: {"errors":"no list"}'),
        (500, b"{" * 100_000, f"unexpected status code 500 Internal Server Error: {'{' * 199}…"),
        (429, b"<html>" + b"x" * 300, f"unexpected status code 429 Too Many Requests: <html>{'x' * 193}…"),
        (400, b'{"errors":[{"code":"A","message":"%s"}]}' % (b"m" * 300), f"A: {'m' * 196}…"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_words_of_flux(status: int, body: bytes, text: str) -> None:
    assert read_refusal("GET", URL, status, body).text == f"GET {URL}: {text}"


def test_unknown_query_values_and_passwords_are_not_shown() -> None:
    shown = redacted_url("https://user:pass@r.example.com/t?service=s&scope=x&next_page=opaque&n=5&token=t")
    assert shown == "https://r.example.com/t?n=5&next_page=REDACTED&scope=x&service=s&token=REDACTED"


@pytest.mark.parametrize(
    "body",
    [b"x" * 180 + b" s3cret-of-ours", b'{"errors":[{"code":"A","message":"%s s3cret-of-ours"}]}' % (b"m" * 180)],
    ids=["text", "errors"],
)
def test_a_secret_at_the_cut_is_not_shown_in_part(body: bytes) -> None:
    text = read_refusal("GET", URL, 500, body, ("s3cret-of-ours",)).text
    assert "s3c" not in text
    assert "RED" in text


def test_a_url_that_does_not_parse_is_not_quoted() -> None:
    assert redacted_url("https://user:pass@[/") == "(an invalid URL)"
