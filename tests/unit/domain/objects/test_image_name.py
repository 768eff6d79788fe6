"""Image names as go-containerregistry reads them."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.image_name import (
    ImageName,
    InvalidImage,
    ecr_region,
    parse_image_name,
    parse_reference,
    parse_repository_image,
)

SHA256 = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "registry", "repository"),
    [
        ("alpine", "index.docker.io", "library/alpine"),
        ("docker.io/a/b", "index.docker.io", "a/b"),
        ("ghcr.io", "index.docker.io", "library/ghcr.io"),
        ("localhost/app", "localhost", "app"),
        ("localhost:5000/app", "localhost:5000", "app"),
        ("ghcr.io/a//b/", "ghcr.io", "a//b/"),
        ("/", "index.docker.io", "/"),
        ("REG.io/a", "REG.io", "a"),
        ("[::1]:5000/a", "[::1]:5000", "a"),
        (":80/a", ":80", "a"),
        ("x.y:/a", "x.y:", "a"),
    ],
)
def test_a_name_has_a_registry_and_a_repository(image: str, registry: str, repository: str) -> None:
    found = parse_repository_image(image)
    assert found.registry == registry
    assert found.repository == repository
    assert found.canonical == f"{registry}/{repository}"


@pytest.mark.parametrize(
    "image",
    [
        "",
        "ghcr.io/",
        "ghcr.io/A",
        "ghcr.io/a:",
        "ghcr.io/a:" + "x" * 129,
        "a b",
        "a@b",
        "a" * 256,
        "a@sha256:" + "A" * 64,
        "x.y:port/a",
        "localhost:x/a",
        "u@x.y/a",
        "%41.io/a",
        "[::1%25lo]/a",
        "[1.2.3.4]/a",
        "[]/a",
    ],
)
def test_a_malformed_name_is_refused_with_flux_words(image: str) -> None:
    with pytest.raises(InvalidImage) as refused:
        parse_repository_image(image)
    assert str(refused.value) == f"could not parse reference: {image}"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("https://x.y/a", "image 'https://x.y/a' should not include URL scheme; remove 'https://'"),
        ("x.y/a:1", "image 'x.y/a:1' should not include a tag; remove ':1'"),
        ("x.y:5/a:1", "image 'x.y:5/a:1' should not include a tag; remove ':1'"),
        (f"x.y/a@{SHA256}", f"image 'x.y/a@{SHA256}' should not include a tag; remove ':{'a' * 64}'"),
    ],
)
def test_a_scheme_or_a_tag_is_refused_with_what_to_remove(image: str, message: str) -> None:
    for parse in (parse_repository_image, parse_image_name):
        with pytest.raises(InvalidImage) as refused:
            parse(image)
        assert str(refused.value) == message


@pytest.mark.parametrize("suffix", ["", ":1.0", f"@{SHA256}", f":1.0@{SHA256}", "@sha384:" + "0" * 96])
def test_a_reference_may_have_a_tag_and_a_digest(suffix: str) -> None:
    assert parse_reference(f"ghcr.io/a/b{suffix}") == ImageName("ghcr.io", "a/b")


def test_behind_a_digest_the_canonical_name_has_to_fit_too() -> None:
    assert parse_reference("a" * 255) == ImageName("index.docker.io", "library/" + "a" * 255)
    with pytest.raises(InvalidImage):
        parse_reference(f"{'a' * 255}@{SHA256}")


@pytest.mark.parametrize(
    ("registry", "scheme"),
    [
        ("localhost:5000", "http"),
        ("localhost", "https"),
        ("a.localhost", "http"),
        ("a.localhost:123456", "https"),
        ("127.0.0.1", "http"),
        ("127.0.0.1:5000", "http"),
        ("127.0.0.2", "https"),
        # Names that only look like loopback must not lose their TLS.
        ("127.0.0.1.example.com", "https"),
        ("registry.local", "https"),
        ("[::1]:5000", "http"),
        ("10.1.2.3:80", "http"),
        ("172.31.0.1", "http"),
        ("172.32.0.1", "https"),
        ("10.0.0.1.nip.io", "https"),
        ("ghcr.io", "https"),
    ],
)
def test_only_loopback_and_private_addresses_are_asked_without_tls(registry: str, scheme: str) -> None:
    assert ImageName(registry, "a").scheme() == scheme


def test_an_insecure_repository_is_asked_without_tls() -> None:
    assert ImageName("ghcr.io", "a").scheme(insecure=True) == "http"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("012345678901.dkr.ecr.eu-west-1.amazonaws.com/app", "eu-west-1"),
        ("012345678901.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("012345678901.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
        ("public.ecr.aws/nginx/nginx", "public.ecr.aws"),
        ("ghcr.io", None),
    ],
)
def test_an_ecr_registry_names_its_region(host: str, region: str | None) -> None:
    assert ecr_region(host) == region
