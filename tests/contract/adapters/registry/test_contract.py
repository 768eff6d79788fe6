"""What every registry gives: the embedded one and the real docker-registry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tagstream.adapters.registry.client import RegistryClient
from tagstream.errors import RetryableError
from tagstream.ports.registry import RegistryAccess, TagListing
from tests.contract.registry_calls import NAME, image, soon
from tests.embedded.distribution import running_distribution
from tests.embedded.push import push_image, push_index
from tests.embedded.registry import running_registry


@pytest.fixture(scope="module", params=["embedded", "distribution"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    start = running_registry if request.param == "embedded" else running_distribution
    with start() as registry:
        yield registry.address


def test_all_pushed_tags_are_listed_with_one_request(address: str) -> None:
    for tag in ("1.0.0", "1.1.0", "latest"):
        push_image(address, NAME, tag)
    listing = RegistryClient().list_tags(image(address), RegistryAccess(), soon())
    assert set(listing.tags) == {"1.0.0", "1.1.0", "latest"}
    assert listing.requests == 1
    assert listing.warnings == ()


def test_a_digest_is_that_of_the_manifest(address: str) -> None:
    pushed = push_image(address, "digest/image", "1.0.0")
    assert RegistryClient().digest(image(address, "digest/image"), "1.0.0", RegistryAccess(), soon()) == pushed


def test_a_digest_of_a_multi_architecture_image_is_that_of_its_index(address: str) -> None:
    pushed = push_index(address, "digest/index", "1.0.0")
    assert RegistryClient().digest(image(address, "digest/index"), "1.0.0", RegistryAccess(), soon()) == pushed


def test_a_moved_tag_has_a_new_digest(address: str) -> None:
    client, repository = RegistryClient(), image(address, "digest/moved")
    digests = []
    for content in (b"first", b"second"):
        pushed = push_image(address, "digest/moved", "latest", content)
        digests.append((client.digest(repository, "latest", RegistryAccess(), soon()), pushed))
    assert [one == other for one, other in digests] == [True, True]
    assert digests[0] != digests[1]


def test_an_unknown_repository_is_an_error_in_the_registrys_words(address: str) -> None:
    with pytest.raises(RetryableError) as raised:
        RegistryClient().list_tags(image(address, "nobody/pushed"), RegistryAccess(), soon())
    expected = (
        f"scan failed: GET http://{address}/v2/nobody/pushed/tags/list?n=1000: NAME_UNKNOWN:"
        " repository name not known to registry; map[name:nobody/pushed]"
    )
    assert raised.value.message == expected
    assert raised.value.reason == "ReadOperationFailed"


def test_an_unknown_tag_is_an_error(address: str) -> None:
    push_image(address, "digest/known", "1.0.0")
    with pytest.raises(RetryableError) as raised:
        RegistryClient().digest(image(address, "digest/known"), "2.0.0", RegistryAccess(), soon())
    assert raised.value.message == (
        f"HEAD http://{address}/v2/digest/known/manifests/2.0.0: unexpected status code 404 Not Found"
        " (HEAD responses have no body, use GET for details)"
    )


def test_a_thousand_tags_and_more_are_all_listed(address: str) -> None:
    with running_registry() as registry:
        expected = tuple(sorted(f"1.{number}.0" for number in range(2345)))
        registry.add_tags(NAME, expected)
        listing = RegistryClient().list_tags(image(registry.address), RegistryAccess(), soon())
    assert listing == TagListing(tags=expected, requests=3)
