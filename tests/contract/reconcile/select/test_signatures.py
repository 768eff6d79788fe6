"""Only tags whose image is signed are selected, with what a real cosign pushed, on a real table and registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import Digest, NamespacedName
from tagstream.domain.signatures.signed import Signed
from tagstream.domain.signatures.simple_signing import signature_tag
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import Registry as RegistryPort
from tagstream.ports.registry import RegistryAccess
from tagstream.reconcile import handlers
from tests.contract.reconcile.select.test_interventions import WHO, evaluate, order
from tests.contract.reconcile.select.test_platforms import requests
from tests.contract.reconcile.select.test_waiting import TICK, later, without_scans
from tests.contract.reconciling import APP, Silent, document, message_of, reason, scan, selected, watched
from tests.embedded.cosign import SIGNED, Recording, push_signature, push_signed_image, recording
from tests.embedded.distribution import running_distribution
from tests.embedded.push import push_image
from tests.embedded.registry import Registry
from tests.unit.cli.memory_ports import command

KEYS = NamespacedName("ns", "cosign-keys")
LOOKS = ["HEAD manifests", "GET manifests", "GET referrers", "GET manifests"]
"""The tag, cosign's own tag, and the two ways to list referrers."""


def verifying(ports: Ports, reflection: str = "Never", *, verifies: bool = True) -> None:
    """From now on the policy verifies signatures, or only writes digests."""
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["spec"]["digestReflectionPolicy"] = reflection
    if reflection == "Always":
        policy["spec"]["interval"] = "1m"
    if verifies:
        policy["metadata"]["annotations"] = {
            "tagstream.dev/verify": "cosign",
            "tagstream.dev/verify-secret": "cosign-keys",
        }
    ports.objects.put(policy)


def public_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def signed() -> Recording:
    return recording("tag-p256")


@pytest.fixture
def verified(ports: Ports, registry: Registry, silent: Silent, signed: Recording) -> Ports:
    """``v1.29.0`` is selected, and from now on images have to be signed."""
    watched(ports, registry)
    scan(ports)
    verifying(ports)
    silent.put(KEYS, signed.keys)
    return ports


def asked(registry: Registry) -> list[str]:
    """Requests for manifests, blobs and referrers since the last call."""
    found = [f"{method} {path.split('/')[3]}" for method, path in registry.requests if "/tags/" not in path]
    registry.requests.clear()
    return [one for one in found if one.split()[1] in ("manifests", "blobs", "referrers")]


@pytest.mark.parametrize("name", SIGNED)
def test_an_image_that_cosign_signed_is_selected(
    verified: Ports, registry: Registry, silent: Silent, name: str
) -> None:
    given = recording(name)
    registry.lists_referrers = "referrer" in name
    silent.put(KEYS, given.keys)
    push_signed_image(registry.address, "app", "v1.30.0", given)
    push_signature(registry.address, "app", given)
    scan(verified)
    assert selected(verified) == "v1.30.0"
    assert reason(verified, "ImagePolicy") == "Succeeded"


def test_an_image_that_is_not_signed_yet_waits_and_is_looked_at_again(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    scan(verified)
    without_scans(verified)
    assert selected(verified) == "v1.29.0"
    assert reason(verified, "ImagePolicy") == "Succeeded"
    assert message_of(verified, "ImagePolicy").endswith("; v1.30.0 has no signature (cosign-keys)")
    push_signature(registry.address, "app", signed)
    handlers.scan(TICK, 60_000, later(verified, timedelta(seconds=30)))
    assert selected(verified) == "v1.29.0"
    handlers.scan(TICK, 60_000, later(verified, timedelta(seconds=61)))
    assert selected(verified) == "v1.30.0"


def test_the_next_best_image_that_is_signed_is_selected(verified: Ports, registry: Registry, signed: Recording) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    push_image(registry.address, "app", "v1.31.0", b"not signed")
    scan(verified)
    assert selected(verified) == "v1.30.0"
    explained = command("-n", "ns", "explain", "policy", "app", ports=verified)
    assert "v1.31.0 has no signature (cosign-keys)" in explained.err


def test_an_image_signed_by_another_key_is_not_selected(
    verified: Ports, registry: Registry, silent: Silent, signed: Recording
) -> None:
    silent.put(KEYS, {"other.pub": public_key()})
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    scan(verified)
    assert selected(verified) == "v1.29.0"
    assert message_of(verified, "ImagePolicy").endswith("v1.30.0 has no signature by a key of the secret (cosign-keys)")


def test_a_valid_signature_of_another_image_does_not_count(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    digest = push_image(registry.address, "app", "v1.30.0", b"something else")
    push_signature(registry.address, "app", signed, digest)
    scan(verified)
    assert selected(verified) == "v1.29.0"


def test_an_attestation_by_the_same_key_is_no_signature(verified: Ports, registry: Registry, silent: Silent) -> None:
    given = recording("attestation")
    silent.put(KEYS, given.keys)
    push_signed_image(registry.address, "app", "v1.30.0", given)
    push_signature(registry.address, "app", given)
    scan(verified)
    assert selected(verified) == "v1.29.0"


def test_what_is_known_of_a_digest_is_not_asked_for_again_with_the_same_keys(
    verified: Ports, registry: Registry, silent: Silent, signed: Recording
) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    requests(registry)
    scan(verified)
    assert asked(registry) == LOOKS
    registry.add_tags("app", ["v1.28.1"])
    scan(verified)
    assert asked(registry) == ["HEAD manifests"]
    silent.put(KEYS, {**signed.keys, "next.pub": public_key()})
    registry.add_tags("app", ["v1.28.2"])
    scan(verified)
    assert asked(registry) == LOOKS


def test_a_signed_image_costs_its_payload_and_no_list_of_referrers(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    asked(registry)
    scan(verified)
    assert asked(registry) == ["HEAD manifests", "GET manifests", "GET blobs"]
    registry.add_tags("app", ["v1.28.1"])
    scan(verified)
    assert asked(registry) == []


def test_of_many_unsigned_images_the_best_few_are_looked_at(verified: Ports, registry: Registry) -> None:
    for minor in range(30, 38):
        push_image(registry.address, "app", f"v1.{minor}.0", b"%d" % minor)
    asked(registry)
    scan(verified)
    assert asked(registry) == LOOKS * 5
    assert selected(verified) == "v1.29.0"


def test_without_a_wish_for_signatures_nothing_is_asked_for(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    push_image(registry.address, "app", "v1.30.0")
    asked(registry)
    scan(ports)
    assert asked(registry) == []
    assert selected(ports) == "v1.30.0"


def test_a_registry_that_fails_is_no_verdict(verified: Ports, registry: Registry, signed: Recording) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    layer = next(digest for digest, blob in signed.blobs.items() if b"critical" in blob)
    registry.blobs[layer] = b"damaged"
    scan(verified)
    assert (selected(verified), reason(verified, "ImagePolicy")) == ("v1.29.0", "Failed")
    assert "what came has another digest" in message_of(verified, "ImagePolicy")
    registry.blobs[layer] = signed.blobs[layer]
    registry.add_tags("app", ["v1.28.1"])
    scan(verified)
    assert (selected(verified), reason(verified, "ImagePolicy")) == ("v1.30.0", "Succeeded")


@pytest.mark.parametrize(
    "garbage",
    [
        b"[]",
        b'{"layers": [{"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": "x"}]}',
        b'{"layers": [{"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": "sha256:%s",'
        b' "annotations": {"dev.cosignproject.cosign/signature": "AAAA"}}]}' % (b"0" * 64),
    ],
)
def test_a_signature_that_cannot_be_read_is_no_signature(
    verified: Ports, registry: Registry, signed: Recording, garbage: bytes
) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    registry.add_tags("app", [signature_tag(signed.digest)], garbage)
    scan(verified)
    assert (selected(verified), reason(verified, "ImagePolicy")) == ("v1.29.0", "Succeeded")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (None, 'failed to verify signatures: secrets "cosign-keys" not found'),
        ({"note": b"x"}, "failed to verify signatures: secret 'ns/cosign-keys': no member ends in '.pub'"),
        (
            {"cosign.pub": b"rubbish"},
            "failed to verify signatures: secret 'ns/cosign-keys': 'cosign.pub' is no public key in PEM form",
        ),
    ],
)
def test_a_secret_without_a_usable_key_fails_the_evaluation(
    verified: Ports, registry: Registry, silent: Silent, members: dict[str, bytes] | None, words: str
) -> None:
    silent.secrets.pop(KEYS)
    if members is not None:
        silent.put(KEYS, members)
    push_image(registry.address, "app", "v1.30.0")
    scan(verified)
    assert (selected(verified), reason(verified, "ImagePolicy")) == ("v1.29.0", "VerificationError")
    assert message_of(verified, "ImagePolicy") == words


def test_a_private_key_in_the_secret_is_refused_and_never_shown(
    verified: Ports, registry: Registry, silent: Silent, signed: Recording
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    silent.put(KEYS, {**signed.keys, "cosign.key": private})
    push_image(registry.address, "app", "v1.30.0")
    scan(verified)
    message = message_of(verified, "ImagePolicy")
    assert "'cosign.key' is a private key, which must not be here" in message
    assert private.splitlines()[1].decode() not in message


class Moving:
    """A registry in which a tag is moved as soon as somebody looks for the signatures of its digest."""

    def __init__(self, inner: RegistryPort, address: str) -> None:
        self._inner, self._address = inner, address

    def signatures(
        self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float
    ) -> Iterator[Signed]:
        push_image(self._address, "app", "v1.30.0", b"moved meanwhile")
        yield from self._inner.signatures(image, digest, access, deadline_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_the_digest_that_is_written_is_the_one_that_was_verified(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    verifying(verified, "Always")
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    moving: Any = Moving(verified.registry, registry.address)
    scan(replace(verified, registry=moving))
    found = verified.selections.get(APP)
    assert found is not None
    assert (found.ref.tag, found.ref.digest) == ("v1.30.0", signed.digest)
    assert registry.repositories["app"].tags["v1.30.0"] != signed.digest


def test_a_selected_tag_that_moves_to_unsigned_content_keeps_its_digest(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    verifying(verified, "Always")
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    scan(verified)
    push_image(registry.address, "app", "v1.30.0", b"not signed")
    registry.add_tags("app", ["v1.28.1"])
    scan(verified)
    found = verified.selections.get(APP)
    assert found is not None and found.ref.digest == signed.digest
    assert reason(verified, "ImagePolicy") == "SignatureMissing"
    assert message_of(verified, "ImagePolicy").endswith("; the new content of v1.30.0 has no signature (cosign-keys)")


@pytest.mark.parametrize("name", ["tag-p256", "bundle-ed25519"])
def test_signatures_are_found_in_the_registry_program_of_debian(
    ports: Ports, silent: Silent, registry: Registry, name: str
) -> None:
    given = recording(name)
    silent.put(KEYS, given.keys)
    with running_distribution() as distribution:
        push_signed_image(distribution.address, "app", "v1.30.0", given)
        push_signature(distribution.address, "app", given)
        push_image(distribution.address, "app", "v1.31.0", b"not signed")
        ports.objects.put(document("ImageRepository", image=f"{distribution.address}/app", interval="1m"))
        verifying(ports, "Always")
        scan(ports)
    found = ports.selections.get(APP)
    assert found is not None, message_of(ports, "ImagePolicy")
    assert (found.ref.tag, found.ref.digest) == ("v1.30.0", given.digest)


def test_explaining_asks_the_registry_only_when_it_is_told_to_and_keeps_nothing(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    scan(verified)
    push_signature(registry.address, "app", signed)
    asked(registry)
    later_on = later(verified, timedelta(minutes=5))
    stored = command("-n", "ns", "explain", "policy", "app", ports=later_on)
    assert "v1.30.0 has no signature (cosign-keys)" in stored.err
    assert asked(registry) == []
    for _ in range(2):
        now = command("-n", "ns", "explain", "policy", "app", "--registry", ports=later_on)
        assert f"selected {registry.address}/app:v1.30.0" in now.err
        assert asked(registry) == ["HEAD manifests", "GET manifests", "GET blobs"]
    assert selected(verified) == "v1.29.0"
    registry.repositories["app"].manifests.clear()
    broken = command("-n", "ns", "explain", "policy", "app", "--registry", ports=later_on)
    assert broken.code == 1 and "failed fetching digest of" in broken.err


def test_a_backtest_replays_what_is_known_of_signatures_and_says_what_it_assumes(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    push_image(registry.address, "app", "v1.31.0", b"not signed")
    scan(later(verified, timedelta(minutes=1)))
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    scan(later(verified, timedelta(minutes=9)))
    done = command("-n", "ns", "backtest", "policy", "app", ports=later(verified, timedelta(minutes=10)))
    assert [line.split()[1] for line in done.out.splitlines()[1:]] == ["v1.29.0", "v1.30.0"]
    words = "1 tags are assumed to pass the gates that look into images, because nothing is known of theirs: v1.29.0"
    assert words in done.err


def reflecting(ports: Ports, reflection: str) -> None:
    """``v1.29.0`` is selected with or without its digest, before signatures are asked for."""
    verifying(ports, reflection, verifies=False)
    evaluate(ports)
    verifying(ports, reflection)


@pytest.mark.parametrize("reflection", ["IfNotPresent", "Always"])
def test_a_rollback_writes_the_digest_that_was_selected_before_though_its_tag_was_moved(
    verified: Ports, registry: Registry, signed: Recording, reflection: str
) -> None:
    reflecting(verified, reflection)
    before = verified.selections.get(APP)
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    scan(verified)
    assert selected(verified) == "v1.30.0"
    push_image(registry.address, "app", "v1.29.0", b"other content, not signed")
    order(verified, "rollback")
    for _ in range(2):
        evaluate(verified)
        found = verified.selections.get(APP)
        assert found is not None and before is not None
        assert found.ref == before.ref and found.ref.digest.startswith("sha256:")
    assert reason(verified, "ImagePolicy") == "RolledBack"


@pytest.mark.parametrize(("reflection", "more"), [("Never", ()), ("Always", ("--to", "v1.28.0"))])
def test_a_rollback_to_content_that_is_not_known_waits_for_its_signature(
    verified: Ports, registry: Registry, signed: Recording, reflection: str, more: tuple[str, ...]
) -> None:
    reflecting(verified, reflection)
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    scan(verified)
    wanted = more[-1] if more else "v1.29.0"
    order(verified, "rollback", *more)
    assert (selected(verified), reason(verified, "ImagePolicy")) == ("v1.30.0", "SignatureMissing")
    words = f"; the rollback to {wanted} waits: {wanted} has no signature (cosign-keys); it was ordered by {WHO}"
    assert message_of(verified, "ImagePolicy").endswith(words)
    assert words[2:] in command("-n", "ns", "explain", "policy", "app", ports=verified).err
    push_signed_image(registry.address, "app", wanted, signed)
    evaluate(verified)
    assert (selected(verified), reason(verified, "ImagePolicy")) == (wanted, "RolledBack")


def test_a_signed_image_behind_many_that_are_not_is_selected_as_soon_as_those_are_known(
    verified: Ports, registry: Registry, signed: Recording
) -> None:
    push_signed_image(registry.address, "app", "v1.30.0", signed)
    push_signature(registry.address, "app", signed)
    for minor in range(31, 36):
        push_image(registry.address, "app", f"v1.{minor}.0", b"%d" % minor)
    scan(verified)
    assert selected(verified) == "v1.29.0"
    asked(registry)
    evaluate(verified)
    assert selected(verified) == "v1.30.0"
    # The digests of the five, and a look at the sixth.
    assert asked(registry) == ["HEAD manifests"] * 6 + ["GET manifests", "GET blobs"]
