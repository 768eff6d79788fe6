"""All pages of a tag list, or an error: never a part of it.

In: a Visit and limits. Out: tags in the registry's order, each once.

Source: distribution-spec "Listing Tags"; go-containerregistry pkg/v1/remote/list.go; image-reflector-controller 585
(Quay refuses n=1000), go-containerregistry 681 (ECR refuses more).
"""

from __future__ import annotations

from dataclasses import dataclass

from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.exchange import PAGE_SIZE_CODES, REASON, Answer
from tagstream.adapters.http.fault_text import capped, redacted_url
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.host_memory import PAGE_SIZE
from tagstream.adapters.http.session import CHUNK, Request
from tagstream.adapters.registry.authenticate import Visit
from tagstream.adapters.registry.link_header import InvalidLink, next_page
from tagstream.adapters.registry.tag_stream import TagStream
from tagstream.errors import RetryableError

SMALL_PAGE = 100
# A page may repeat what the former had while tags are pushed; a list that stands still never ends.
MAX_IDLE_PAGES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one tag list may be before it is refused: what a Lambda of 512 MB can hold."""

    pages: int = 15_000
    tags: int = 1_500_000
    page_bytes: int = 256 * 1024 * 1024


def all_tags(visit: Visit, limits: Limits) -> tuple[str, ...]:
    """The complete list, without duplicates.

    Raises:
        ThrottledError: the registry asks for a pause.
        RetryableError: a page failed, or the list is endless or beyond the limits.
    """
    answer = _first_page(visit, limits)
    found = _tags(answer)
    seen = {answer.url}
    idle = 0
    while (url := _next(answer)) is not None:
        if url in seen:
            raise _endless(url, "the next page was already read")
        if len(seen) >= limits.pages:
            raise _endless(url, f"more than {limits.pages} pages")
        seen.add(url)
        answer = visit.success(_page(visit, url, limits))
        before = len(found)
        found |= _tags(answer)
        idle = idle + 1 if len(found) == before else 0
        if idle >= MAX_IDLE_PAGES:
            raise _endless(url, f"{MAX_IDLE_PAGES} pages without a new tag")
        if len(found) > limits.tags:
            raise _endless(url, f"more than {limits.tags} tags")
    return tuple(found)


def _first_page(visit: Visit, limits: Limits) -> Answer:
    size = visit.facts.page_size
    answer = _page(visit, f"{visit.base}/tags/list?n={size}", limits)
    refusal = answer.refusal
    if size == PAGE_SIZE and refusal is not None and (refusal.status == 400 or refusal.codes & PAGE_SIZE_CODES):
        smaller = _page(visit, f"{visit.base}/tags/list?n={SMALL_PAGE}", limits)
        if smaller.refusal is None:
            visit.facts.page_size = SMALL_PAGE
            answer = smaller
    return visit.success(answer)


def _page(visit: Visit, url: str, limits: Limits) -> Answer:
    request = Request(method="GET", url=url, headers={"Accept": "application/json"})
    return visit.fetch(request, lambda response: _read_tags(response, limits))


def _read_tags(response: BaseHTTPResponse, limits: Limits) -> dict[str, None]:
    stream = TagStream()
    found: dict[str, None] = {}
    size = 0
    for chunk in response.stream(CHUNK, decode_content=False):
        size += len(chunk)
        if size > limits.page_bytes:
            raise ConnectionFault(f"tag list: a page of more than {limits.page_bytes} bytes", temporary=False)
        found.update(dict.fromkeys(stream.feed(chunk)))
        if len(found) > limits.tags:
            raise ConnectionFault(f"tag list: more than {limits.tags} tags", temporary=False)
    stream.close()
    return found


def _tags(answer: Answer) -> dict[str, None]:
    assert isinstance(answer.value, dict)
    return answer.value


def _next(answer: Answer) -> str | None:
    try:
        return next_page(answer.url, answer.headers.get("Link") or "")
    except InvalidLink as error:
        raise RetryableError(capped(str(error)), reason=REASON) from error


def _endless(url: str, cause: str) -> RetryableError:
    return RetryableError(capped(f"GET {redacted_url(url)}: tag list refused: {cause}"), reason=REASON)
