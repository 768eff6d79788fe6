"""A certificate of which one byte is another vouches for nothing, and no bytes make anything but a refusal."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as Public
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)
from hypothesis import given
from hypothesis import strategies as st

from tagstream.adapters.git.host_certificate import HostKeyRefused, read_certificate
from tagstream.adapters.git.known_hosts import Shown, parse_known_hosts

HOST, NOW = "git.example.com", 1_800_000_000
HOST_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
AUTHORITIES = (Ed25519PrivateKey.from_private_bytes(b"a" * 32), generate_private_key(SECP256R1()))


def line(key: Public) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def wire(text: str) -> bytes:
    return base64.b64decode(text.split()[1])


def certificate(which: int) -> bytes:
    made = (
        SSHCertificateBuilder()
        .public_key(HOST_KEY)
        .type(SSHCertificateType.HOST)
        .valid_principals([HOST.encode()])
        .valid_after(NOW - 1)
        .valid_before(NOW + 1)
        .serial(7)
        .key_id(b"id")
        .sign(AUTHORITIES[which])
    )
    return wire(made.public_bytes().decode())


CERTIFICATES = (certificate(0), certificate(1))
KNOWN = parse_known_hosts(
    "".join(f"@cert-authority {HOST} {line(one.public_key())}\n" for one in AUTHORITIES).encode()  # type: ignore[arg-type]
)


def is_believed(blob: bytes, now_s: float = NOW) -> bool:
    try:
        KNOWN.check(HOST, 22, Shown(key=wire(line(HOST_KEY)), certificate=read_certificate(blob), now_s=now_s))
    except HostKeyRefused:
        return False
    return True


def test_a_certificate_is_believed_as_long_as_it_says() -> None:
    found = [is_believed(one, NOW + late) for one in CERTIFICATES for late in (-2, -1, 0, 1)]
    assert found == [False, True, True, False] * 2


def test_a_point_in_a_form_that_is_not_read_is_no_authority() -> None:
    point = b"nistp256" + (65).to_bytes(4, "big") + b"\x04"
    assert point in CERTIFICATES[1]
    assert not is_believed(CERTIFICATES[1].replace(point, point[:-1] + b"\x05"))


@given(st.integers(0, 1), st.data(), st.integers(1, 255))
def test_a_certificate_with_one_other_byte_is_not_believed(which: int, data: st.DataObject, flip: int) -> None:
    blob = bytearray(CERTIFICATES[which])
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= flip
    assert not is_believed(bytes(blob))


@given(st.integers(0, 1), st.data(), st.binary(max_size=40))
def test_a_certificate_that_is_cut_or_spliced_is_not_believed(which: int, data: st.DataObject, other: bytes) -> None:
    blob = CERTIFICATES[which]
    begin, end = sorted(data.draw(st.tuples(st.integers(0, len(blob)), st.integers(0, len(blob)))))
    damaged = blob[:begin] + other + blob[end:]
    assert damaged == blob or not is_believed(damaged)
