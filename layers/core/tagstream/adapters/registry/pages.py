"""All pages of a tag list in the registry's order, or an error: never a part of it.

Source: distribution-spec "Listing Tags"; go-containerregistry pkg/v1/remote/list.go; image-reflector-controller 585
(Quay refuses n=1000), go-containerregistry 681 (ECR refuses more).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from urllib.parse import urlencode

from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.fault_text import capped, redacted_url
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.retrying_session import PAGE_SIZE_CODES, REASON, Answer, decoded_chunks, is_throttled
from tagstream.adapters.http.session import Request
from tagstream.adapters.registry.authenticate import AuthenticatedRepository
from tagstream.adapters.registry.host_memory import PAGE_SIZE
from tagstream.adapters.registry.link_header import InvalidLink, next_page
from tagstream.adapters.registry.tag_stream import TagStream, usual_tags
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


def all_tags(repository: AuthenticatedRepository, limits: Limits) -> tuple[str, ...]:
    """The complete list, without duplicates.

    Raises:
        ThrottledError: the registry asks for a pause.
        RetryableError: a page failed, or the list is endless, beyond the limits or perhaps not complete.
    """
    answer, size = _first_page(repository, limits)
    url = _next(answer)
    found = _tags(answer)
    if url is None:
        return _without_links(repository, limits, found, size)
    seen = {answer.url}
    idle = 0
    while url is not None:
        if url in seen:
            raise _refused(url, "the next page was already read")
        if len(seen) >= limits.pages:
            raise _refused(url, f"more than {limits.pages} pages")
        seen.add(url)
        answer = repository.success(_page(repository, url, limits))
        before = len(found)
        found |= _tags(answer)
        idle = idle + 1 if len(found) == before else 0
        if idle >= MAX_IDLE_PAGES:
            raise _refused(url, f"{MAX_IDLE_PAGES} pages without a new tag")
        if len(found) > limits.tags:
            raise _refused(url, f"more than {limits.tags} tags")
        url = _next(answer)
    return tuple(found)


def _first_page(repository: AuthenticatedRepository, limits: Limits) -> tuple[Answer, int]:
    """The first page and how many tags were asked for."""
    size = repository.facts.page_size
    answer = _page(repository, f"{repository.base}/tags/list?n={size}", limits)
    refusal = answer.refusal
    if size == PAGE_SIZE and refusal is not None and (refusal.status == 400 or refusal.codes & PAGE_SIZE_CODES):
        smaller = _page(repository, f"{repository.base}/tags/list?n={SMALL_PAGE}", limits)
        if smaller.refusal is None:
            repository.facts.page_size = size = SMALL_PAGE
            answer = smaller
    return repository.success(answer), size


def _without_links(
    repository: AuthenticatedRepository, limits: Limits, found: dict[str, None], size: int
) -> tuple[str, ...]:
    """The list that begins with a page without a Link header, which should be the only page.

    Some servers obey ``n``, or have a limit of their own, and send no link: a page that may be full is asked what
    follows its last tag.
    """
    count = len(found)
    facts = repository.facts
    facts.longest_page = max(facts.longest_page, count)
    if not facts.may_be_full(count, size):
        return tuple(found)
    page, pages = found, 1
    while len(page) >= count:
        url = f"{repository.base}/tags/list?{urlencode({'n': size, 'last': next(reversed(found))})}"
        if pages >= limits.pages:
            raise _refused(url, f"more than {limits.pages} pages")
        pages += 1
        answer = _page(repository, url, limits)
        if pages == 2 and count != size and answer.refusal is not None and not is_throttled(answer):
            # The page was not full by the size that we asked for: a server that knows no ``last`` sent all it has.
            return tuple(found)
        page = _tags(repository.success(answer))
        _check_overlap(url, found, page)
        if page.keys() <= found.keys():
            break
        found |= page
        if len(found) > limits.tags:
            raise _refused(url, f"more than {limits.tags} tags")
    if len(found) == count:
        facts.complete_lists[count] = facts.complete_lists.get(count, 0) + 1
    return tuple(found)


def _check_overlap(url: str, found: dict[str, None], page: dict[str, None]) -> None:
    """Refuse a page that repeats some of the tags before it and not the others.

    A server that ignores ``last`` repeats all of them, one that reads it as inclusive repeats one.
    """
    repeated = len(page.keys() & found.keys())
    if 1 < repeated < min(len(page), len(found)):
        raise _refused(url, "pages without a Link header overlap, so that the list may not be complete")


def _page(repository: AuthenticatedRepository, url: str, limits: Limits) -> Answer:
    request = Request(method="GET", url=url, headers={"Accept": "application/json"})
    return repository.fetch(request, lambda response: _read_tags(response, limits))


def _read_tags(response: BaseHTTPResponse, limits: Limits) -> dict[str, None]:
    chunks = decoded_chunks(response)
    first = next(chunks, b"")
    if response.closed and len(first) <= limits.page_bytes:
        usual = usual_tags(first)
        if usual is not None and len(usual) <= limits.tags:
            return dict.fromkeys(usual)
    stream = TagStream()
    found: dict[str, None] = {}
    size = 0
    for chunk in itertools.chain((first,), chunks):
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
        return next_page(answer.url, answer.headers["Link"]) if "Link" in answer.headers else None
    except InvalidLink as error:
        raise RetryableError(capped(str(error)), reason=REASON) from error


def _refused(url: str, cause: str) -> RetryableError:
    return RetryableError(capped(f"GET {redacted_url(url)}: tag list refused: {cause}"), reason=REASON)
