"""Keys, certificates and ciphers of templates are real ones."""

from __future__ import annotations

import ipaddress
from typing import Any

import bcrypt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gocompat.entropy import below, random_block
from tests.unit.rendered import rendered

_BOTH = "{{ $c.Cert }}{{ $c.Key }}"


def read(text: str) -> tuple[x509.Certificate, Any]:
    """A certificate and the key behind it."""
    cut = text.index("-----END CERTIFICATE-----\n") + len("-----END CERTIFICATE-----\n")
    return x509.load_pem_x509_certificate(text[:cut].encode()), load_pem_private_key(text[cut:].encode(), None)


@pytest.mark.parametrize(
    ("kind", "begins"),
    [
        ("ecdsa", "-----BEGIN EC PRIVATE KEY-----\n"),
        ("ed25519", "-----BEGIN PRIVATE KEY-----\n"),
        ("dsa", "-----BEGIN DSA PRIVATE KEY-----\n"),
    ],
)
def test_a_private_key_is_in_the_form_that_go_writes(kind: str, begins: str) -> None:
    text = rendered(f'{{{{ genPrivateKey "{kind}" }}}}')
    assert text.startswith(begins) and load_pem_private_key(text.encode(), None)


def test_an_authority_may_sign_and_its_key_is_its_own() -> None:
    certificate, key = read(rendered('{{ $c := genCA "root" 30 }}' + _BOTH))
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    days = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days
    assert (constraints.ca, days, certificate.subject.rfc4514_string()) == (True, 30, "CN=root")
    assert certificate.public_key() == key.public_key()


def test_a_signed_certificate_is_for_its_names_and_verifies_with_its_authority() -> None:
    template = (
        '{{ $k := genPrivateKey "ecdsa" }}{{ $a := genCAWithKey "root" 30 $k }}'
        '{{ $k = genPrivateKey "ed25519" }}'
        '{{ $c := genSignedCertWithKey "leaf" (list "10.0.0.1") (list "a.example.com") 3 $a $k }}'
    )
    text = rendered(template + "{{ $a.Cert }}|" + _BOTH)
    authority, _, pair = text.partition("|")
    certificate, key = read(pair)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.com"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.1")]
    assert certificate.public_key() == key.public_key()


def test_a_self_signed_certificate_verifies_with_itself() -> None:
    template = '{{ $c := genSelfSignedCertWithKey "x" (list) (list "b.example.com") 1 (genPrivateKey "ecdsa") }}'
    certificate, _ = read(rendered(template + _BOTH))
    certificate.verify_directly_issued_by(certificate)


def test_a_pair_of_ones_own_is_taken_as_it_is() -> None:
    template = (
        '{{ $a := genCAWithKey "root" 30 (genPrivateKey "ecdsa") }}'
        "{{ $c := buildCustomCert (b64enc $a.Cert) (b64enc $a.Key) }}{{ eq $c.Cert $a.Cert }}{{ eq $c.Key $a.Key }}"
    )
    assert rendered(template) == "truetrue"


@pytest.mark.parametrize("words", ["short", "as long as one block.", "é" * 100])
def test_what_is_encrypted_decrypts_again(words: str) -> None:
    assert rendered(f'{{{{ encryptAES "key" "{words}" | decryptAES "key" }}}}') == words


def test_a_password_verifies_with_what_is_made_of_it() -> None:
    user, _, hashed = rendered('{{ htpasswd "me" "secret" }}').partition(":")
    assert user == "me" and bcrypt.checkpw(b"secret", hashed.encode())


def test_a_password_beyond_72_bytes_is_refused_by_bcrypt() -> None:
    answer = rendered('{{ bcrypt (repeat 73 "a") }}')
    assert answer == "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"


def test_chance_stays_below_its_limit() -> None:
    assert {below(3) for _ in range(200)} == {0, 1, 2} and random_block() != random_block()


def test_a_shuffled_text_has_the_same_characters() -> None:
    assert sorted(rendered('{{ shuffle "héllo" }}')) == sorted("héllo")


def test_a_random_number_is_within_its_bounds() -> None:
    assert {rendered("{{ randInt 4 6 }}") for _ in range(60)} == {"4", "5"}
