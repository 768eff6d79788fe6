"""Parsers of what registries, token servers and issuers answer, and of the secrets that log in to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from tagstream.adapters.http.fault_text import redacted_url, server_text
from tagstream.adapters.http.retry import parse_retry_after, requested_pause_s
from tagstream.adapters.public_keys import read_public_keys
from tagstream.adapters.registry.challenge import parse_challenges, usable_challenge
from tagstream.adapters.registry.link_header import InvalidLink, next_page
from tagstream.adapters.registry.tag_stream import BadTagList, TagStream, usual_tags
from tagstream.adapters.registry.token import BadToken, jwt_claims, read_token
from tagstream.domain.objects.dockerconfig import InvalidDockerConfig, parse_keyring
from tagstream.domain.scan.exclusion import InvalidExclusion, exclude
from tagstream.domain.scan.tag_grammar import shown, sort_out
from tagstream.domain.select.creation_time import first_image, read_creation_time
from tagstream.domain.signatures.bundle import read_bundle
from tagstream.domain.signatures.referrers import read_bundle_digest, read_referrers
from tagstream.domain.signatures.signed import UnreadableSignature
from tagstream.domain.signatures.simple_signing import read_payload, read_signature_layers
from tagstream.domain.update.image_labels import (
    SOURCE_LABELS,
    labels_of_configuration,
    labels_of_manifest,
    read_source,
)
from tagstream.ports.material import InvalidMaterial
from tests.embedded.cosign import recording
from tests.fuzz.target import Shape, Target, text, texts_in

DIGEST = "sha256:" + "0" * 64
NOW = datetime(2026, 11, 27, tzinfo=UTC)
PAGE = "https://r.example.com/v2/a/b/tags/list?n=1000"
REGISTRY = "tagstream.adapters.registry."
DEEP = (Shape(b"["), Shape(b'{"a":'), Shape(b"\\u0061", b'{"tags":["', b'"]}'), Shape(b"9", b'{"expires_in":', b"}"))


def _tags(data: bytes) -> None:
    """The same list at once, as one chunk, and in chunks of seven bytes: a tag may be cut anywhere."""
    usual = usual_tags(data)
    try:
        found = [_streamed(data, size) for size in (len(data) or 1, 7)]
    except BadTagList as error:
        if usual is not None:
            raise AssertionError(f"read at once, but refused by the stream: {usual}") from error
        raise
    if found[0] != found[1] or usual not in (None, found[0]):
        raise AssertionError(f"the way of reading makes a difference: {usual}, {found}")


def _streamed(data: bytes, size: int) -> list[str]:
    stream, tags = TagStream(), list[str]()
    for start in range(0, len(data), size):
        tags += stream.feed(data[start : start + size])
    stream.close()
    return tags


def _challenge(data: bytes) -> None:
    usable_challenge(parse_challenges(text(data).split("\n")))


def _retry_after(data: bytes) -> None:
    value = text(data)
    parse_retry_after(value, NOW)
    names = ("Retry-After", "RateLimit-Reset", "X-RateLimit-Reset", "RateLimit-Remaining", "X-RateLimit-Remaining")
    for name in names:
        requested_pause_s(429, {name: value}, NOW)


def _keyring(data: bytes) -> None:
    keyring = parse_keyring([(".dockerconfigjson", data), (".dockercfg", data)])
    keyring.find("r.example.com:5000", "a/b")
    keyring.find_by_alias("index.docker.io")


def _tag_names(data: bytes) -> None:
    names, _, patterns = text(data).partition("\n\n")
    sorted_out = sort_out(names.split("\n"))
    shown(sorted_out.refused)
    exclude(sorted_out.tags, patterns.split("\n") if patterns else [])


def _fault(data: bytes) -> None:
    server_text(text(data), ["secret"])
    redacted_url(text(data))


def _signature(data: bytes) -> None:
    """Every reader of what is around a signature; each may refuse what another one takes."""
    readers: tuple[Callable[[bytes], object], ...] = (
        read_signature_layers,
        lambda one: read_payload(one, b""),
        lambda one: read_bundle(one, lambda: one, DIGEST),
        read_referrers,
        read_bundle_digest,
    )
    for read in readers:
        with suppress(UnreadableSignature):
            read(data)


def _recorded_signatures() -> Iterator[bytes]:
    for name in ("tag-p256", "bundle-p256", "signature-referrer", "attestation"):
        given = recording(name)
        yield from (content for _, content in given.manifests.values())
        yield from given.blobs.values()


def _public_keys(data: bytes) -> None:
    read_public_keys({"a.pub": data}).have_signed(data, data)


def _configs() -> Iterator[bytes]:
    yield b'{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"*.example.com":{"username":"a","password":"b"}}}'
    yield from texts_in("registry/dockerconfig_match.json")


def _creation(data: bytes) -> None:
    first_image(data)
    read_creation_time(data)


SOURCE_NAMES = tuple(one.encode() for one in SOURCE_LABELS)


def _labels(data: bytes) -> None:
    for labels in (labels_of_manifest(data), labels_of_configuration(data)):
        source = read_source(labels)
        if source is not None and re.fullmatch(r"https?://[a-z0-9.:-]+/[A-Za-z0-9._~/%-]+", source.url) is None:
            raise AssertionError(f"not only an address: {source.url}")


TARGETS = (
    Target(
        name="image-labels",
        parse=_labels,
        modules=("tagstream.domain.update.image_labels",),
        seeds=lambda: [
            b'{"annotations":{"%b":"https://github.com/a/b.git","%b":"0123456789"}}' % SOURCE_NAMES,
            b'{"config":{"Labels":{"%b":"http://u:p@h:1/a%%20b","%b":"ABCDEF0"}}}' % SOURCE_NAMES,
        ],
        words=(*SOURCE_NAMES, b"https://", b'"annotations":{', b'"config":{"Labels":{', b".git", b"%", b"//", b"@"),
        shapes=(
            *DEEP,
            Shape(b"a", b'{"annotations":{"%b":"https://a/' % SOURCE_NAMES[0], b'","%b":"0123456"}}' % SOURCE_NAMES[1]),
        ),
    ),
    Target(
        name="creation-time",
        parse=_creation,
        modules=("tagstream.domain.select.creation_time",),
        seeds=lambda: [b'{"created":"2026-11-24T08:00:00.123456789Z"}', b'{"manifests":[{"digest":"a"}]}'],
        words=(b'"created":"', b'"manifests":[', b'"digest":"', b'"annotations":{', b"2026-", b"T08:00:00", b"+25:00"),
        shapes=(
            *DEEP,
            Shape(b"9", b'{"created":"2026-11-24T08:00:00.', b'Z"}'),
            Shape(b"{},", b'{"manifests":[', b"{}]}"),
        ),
    ),
    Target(
        name="image-signature",
        parse=_signature,
        modules=tuple(
            f"tagstream.domain.signatures.{one}" for one in ("signed", "simple_signing", "bundle", "referrers")
        ),
        seeds=_recorded_signatures,
        words=(
            *(b'{"critical":', b'"type":', b'"layers":[', b'"manifests":[', b'"annotations":{', b'"digest":', b"null"),
            *(b'"dsseEnvelope":{', b'"payload":"', b'"signatures":[{"sig":"AAEC"}]', b'"messageSignature":'),
        ),
        shapes=(
            *DEEP,
            Shape(
                b"A", b'{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{"signature":"'
            ),
            Shape(b"{},", b'{"layers":[', b"{}]}"),
        ),
    ),
    Target(
        name="public-keys",
        parse=_public_keys,
        modules=("tagstream.adapters.public_keys",),
        allowed=(InvalidMaterial,),
        seeds=lambda: [recording(name).keys["cosign.pub"] for name in ("tag-p256", "tag-rsa", "tag-ed25519")],
        words=(
            b"-----BEGIN PUBLIC KEY-----\n",
            b"-----END PUBLIC KEY-----\n",
            b"PRIVATE KEY-----",
            b"MFkw",
            b"\n",
            b"=",
        ),
        shapes=(
            Shape(b"A"),
            Shape(b"-----BEGIN PUBLIC KEY-----\n"),
            Shape(b"A", b"-----BEGIN PUBLIC KEY-----\n", b"\n-----END PUBLIC KEY-----\n"),
        ),
    ),
    Target(
        name="tag-list",
        parse=_tags,
        modules=(f"{REGISTRY}tag_stream",),
        allowed=(BadTagList,),
        seeds=lambda: [b'{"name":"a/b","tags":["1.0","1.1"]}', b'{"tags":null}', b'{"tags":["\\ud83d\\ude00"]}'],
        words=(b'{"name":', b'"tags":', b"[", b"]", b"null", b"}", b",", b'"1.0"', b"\\ud83d", b"\\ude00", b"1e999"),
        shapes=(*DEEP, Shape(b'"1.0",', b'{"tags":[', b'"x"]}'), Shape(b"\\ud800", b'{"tags":["', b'"]}'), Shape(b" ")),
    ),
    Target(
        name="tag-names",
        parse=_tag_names,
        modules=("tagstream.domain.scan.tag_grammar", "tagstream.domain.scan.exclusion"),
        allowed=(InvalidExclusion,),
        seeds=lambda: [b"v1\nsha256-abc.sig\n\n^.*\\.sig$", b"a" * 129, "v1\u2028".encode()],
        words=(b"\n", b"\n\n", b"^", b"$", b".*", b"[", b"]", "\u2028".encode()),
        shapes=(Shape(b"a\n"), Shape(b"a"), Shape(b"(a*)*", b"aaaa\n\n"), Shape(b"a|", b"b\n\n")),
    ),
    Target(
        name="link-header",
        parse=lambda data: next_page(PAGE, text(data)),
        modules=(f"{REGISTRY}link_header",),
        allowed=(InvalidLink,),
        seeds=lambda: texts_in("registry/link_header.json"),
        words=(
            b"<",
            b">",
            b";",
            b",",
            b'rel="next"',
            b"rel=next",
            b"https://r.example.com",
            b"/v2/",
            b"?n=",
            b'"',
            b"\\",
        ),
        shapes=(Shape(b"<"), Shape(b"<a>;"), Shape(b'"', b"<a>; rel="), Shape(b'\\"', b'<a>; rel="'), Shape(b"<a>,")),
    ),
    Target(
        name="www-authenticate",
        parse=_challenge,
        modules=(f"{REGISTRY}challenge",),
        seeds=lambda: texts_in("registry/www_authenticate.json"),
        words=(b"Bearer ", b"Basic ", b"realm=", b"service=", b"scope=", b'"', b",", b"=", b"\\", b"\n"),
        shapes=(Shape(b"Bearer "), Shape(b'a="b",', b"Bearer "), Shape(b"\\\\", b'Bearer realm="'), Shape(b",")),
    ),
    Target(
        name="retry-after",
        parse=_retry_after,
        modules=("tagstream.adapters.http.retry",),
        seeds=lambda: [b"120", b"Fri, 27 Nov 2026 00:00:10 GMT", b"1795737600", b"-1", b"1e3", b"9" * 30],
        words=(b"Fri, ", b"27 Nov 2026 ", b"00:00:10", b" GMT", b"+0000", b"99999999999"),
        shapes=(Shape(b"9"), Shape(b"("), Shape(b" ", b"1"), Shape(b",")),
    ),
    Target(
        name="token-answer",
        parse=read_token,
        modules=(f"{REGISTRY}token",),
        allowed=(BadToken,),
        seeds=lambda: [b'{"token":"a.b.c","expires_in":300}', b'{"access_token":"x","expires_in":"1"}'],
        words=(
            b'"token":',
            b'"access_token":',
            b'"expires_in":',
            b"{",
            b"}",
            b"1e999",
            b"NaN",
            b"eyJpYXQiOjF9",
            b"null",
        ),
        shapes=(*DEEP, Shape(b".", b'{"token":"', b'"}'), Shape(b"W1tb", b'{"token":"e30.', b'.AA"}')),
    ),
    Target(
        name="jwt-claims",
        parse=lambda data: jwt_claims(text(data)),
        modules=(f"{REGISTRY}token",),
        seeds=lambda: [b"eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjEsImV4cCI6Mn0.AA"],
        words=(b".", b"eyJ", b"e30", b"eyJhbGciOiJSUzI1NiJ9", b"="),
        shapes=(Shape(b"."), Shape(b"W1tb", b"e30.", b".AA")),
    ),
    Target(
        name="docker-config",
        parse=_keyring,
        modules=("tagstream.domain.objects.dockerconfig",),
        allowed=(InvalidDockerConfig,),
        seeds=_configs,
        words=(
            b'{"auths":{',
            b'"auth":',
            b'"username":',
            b'"password":',
            b'"identitytoken":',
            b"*",
            b"[",
            b"]",
            b"https://",
        ),
        shapes=(
            *DEEP,
            Shape(b"*", b'{"auths":{"', b'":{"auth":"YTpi"}}}'),
            Shape(b"*.", b'{"auths":{"', b'example.com":{"auth":"YTpi"}}}'),
            Shape(b"[a-", b'{"auths":{"', b'":{"auth":"YTpi"}}}'),
        ),
    ),
    Target(
        name="server-words",
        parse=_fault,
        modules=("tagstream.adapters.http.fault_text",),
        seeds=lambda: [b"https://a:b@host/path?token=x", json.dumps({"errors": [{"message": "no"}]}).encode()],
        words=(b"https://", b"@", b"?", b"&", b"sig=", b"secret", b"\x1b[", b"%"),
        shapes=(Shape(b"https://a@"), Shape(b"?a="), Shape(b"secret"), Shape(b"@")),
    ),
)
