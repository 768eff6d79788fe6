"""sprig's functions for checksums and encodings give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        (
            '{{ b64dec "YQ=" }}|{{ b64dec "YQ==YQ==" }}|{{ b64dec "Ym\\r" }}|{{ b64dec "YA=Am" }}|{{ b64dec "'
            'Y\\nQ=\\n=\\n" }}|{{ b64dec "=MR " }}'
        ),
        (
            "illegal base64 data at input byte 3|illegal base64 data at input byte 4|illegal base64 data at i"
            "nput byte 1|illegal base64 data at input byte 2|a|illegal base64 data at input byte 0"
        ),
    ),
    (
        (
            '{{ b32dec "ME=====" }}|{{ b32dec "G=mJVjG\\r" }}|{{ b32dec "ME======X" }}|{{ b32dec "WG=Z=" }}|{'
            '{ b32dec "MFR=====" }}'
        ),
        (
            "illegal base32 data at input byte 7|illegal base32 data at input byte 1|a|illegal base32 data at"
            " input byte 5|illegal base32 data at input byte 3"
        ),
    ),
    (
        '{{ b64enc "héllo" }}',
        "aMOpbGxv",
    ),
    (
        '{{ b64dec "aMOpbGxv" }}',
        "héllo",
    ),
    (
        '{{ b64dec "a" }}',
        "illegal base64 data at input byte 0",
    ),
    (
        '{{ b64dec "aMOp!" }}',
        "illegal base64 data at input byte 4",
    ),
    (
        '{{ b32enc "abc" }}',
        "MFRGG===",
    ),
    (
        '{{ b32dec "MFRGG===" }}',
        "abc",
    ),
    (
        '{{ b32dec "x" }}',
        "illegal base32 data at input byte 0",
    ),
    (
        '{{ b64dec "aGk=" }}',
        "hi",
    ),
    (
        '{{ b64dec "aGk" }}',
        "illegal base64 data at input byte 0",
    ),
    (
        '{{ b64dec "aG=k" }}',
        "illegal base64 data at input byte 2",
    ),
    (
        '{{ adler32sum "hello" }}',
        "103547413",
    ),
    (
        '{{ sha1sum "hello" }}',
        "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
    ),
    (
        '{{ sha256sum "hello" }}',
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    ),
    (
        '{{ sha512sum "" }}',
        (
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec"
            "2f63b931bd47417a81a538327af927da3e"
        ),
    ),
    (
        '{{ b32dec "MFRGG" }}',
        "illegal base32 data at input byte 0",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_checksum_or_encoding_is_that_of_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer
