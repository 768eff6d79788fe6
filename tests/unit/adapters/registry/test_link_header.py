"""Where the next page is."""

from __future__ import annotations

import pytest

from tagstream.adapters.registry.link_header import InvalidLink, next_page

PAGE = "https://r.example.com/v2/repo/app/tags/list?n=1000"


@pytest.mark.parametrize(
    "link",
    [
        "</v2/repo/app/tags/list?last=x&n=5>; rel=next",
        '</v2/repo/app/tags/list?last=x&n=5>; REL = "next"',
        "</v2/repo/app/tags/list?last=x&n=5>",
        '</v2/app/tags/list?last=x&n=5>; rel="next"',
        '<https://r.example.com:8443/repository/docker/v2/repo/app/tags/list?last=x&n=5>; rel="next"',
        '<//r.example.com/v2/repo/app/tags/list?last=x&n=5>; rel="next"',
        '<https://user:pass@r.example.com/v2/repo/app/tags/list?last=x&n=5>; rel="next"',
        '</a>; rel="prev", <?last=x&n=5>; title="a, b"; rel="next"',
    ],
)
def test_every_form_of_a_link_leads_to_the_page_on_its_own_address(link: str) -> None:
    assert next_page(PAGE, link) == "https://r.example.com/v2/repo/app/tags/list?last=x&n=5"


@pytest.mark.parametrize("link", ["", "<>; rel=next", "</a>; rel=prev"])
def test_without_a_next_link_the_page_was_the_last(link: str) -> None:
    assert next_page(PAGE, link) is None


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("</a", "failed to parse link header: missing '>' in: </a"),
        ("https://r.example.com/", "failed to parse link header: missing '<' in: https://r.example.com/"),
        ("<https://r.example.com.evil/>", "pagination URL host does not match registry host: potential SSRF attack"),
        ("<file:///etc/passwd>", 'pagination URL scheme "file" does not match registry scheme "https"'),
    ],
)
def test_a_link_that_must_not_be_followed_says_why(link: str, text: str) -> None:
    with pytest.raises(InvalidLink) as raised:
        next_page(PAGE, link)
    assert str(raised.value) == text
