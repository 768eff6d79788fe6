"""Which host a URL names, and until when it is left alone."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tagstream.adapters.http.host_pauses import HostPauses, host_of


@pytest.mark.parametrize(
    "url",
    [
        "https://r.example.com/v2/a/tags/list?n=1000",
        "http://127.0.0.1:5000/v2/",
        "https://user:word@r.example.com/",
        "https://r.example.com?next=/v2/",
        "https://r.example.com#a/b",
        "https://[::1]:5000/v2/",
        "https://r.example.com",
        "HTTPS://R.example.com/v2/",
        "//r.example.com/v2/",
        "no URL",
        "",
    ],
)
def test_the_host_of_a_url_is_what_urlsplit_says(url: str) -> None:
    assert host_of(url) == urlsplit(url).netloc


def test_a_longer_pause_stands() -> None:
    pauses = HostPauses()
    pauses.begin("https://r.example.com/v2/a", 30.0)
    pauses.begin("https://r.example.com/v2/b", 20.0)
    assert pauses.until_s("https://r.example.com/v2/c") == 30.0
    assert pauses.until_s("https://r.example.com:5000/v2/c") == 0.0
