"""No bytes in a signing key's secret make anything but an error that names the secret, without what was in it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tagstream.adapters.git.signing import signer
from tagstream.errors import RetryableError
from tagstream.ports.git import SigningMaterial

FRAMES = st.sampled_from(
    [
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n%s\n"
        b"-----END RSA PRIVATE KEY-----\n",
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n%s\n=AAAA\n-----END PGP PRIVATE KEY BLOCK-----\n",
        b"%s",
    ]
)
INSIDE = st.binary(max_size=200) | st.text("ABCDEFGHabcdefgh0123456789+/=\n", max_size=300).map(str.encode)


@settings(max_examples=300, deadline=None)
@given(FRAMES, INSIDE, st.sampled_from(["gpg", "ssh"]), st.binary(max_size=20))
def test_a_damaged_key_is_an_error_that_names_its_secret(frame: bytes, inside: bytes, kind: str, word: bytes) -> None:
    key = frame.replace(b"%s", inside)
    material = SigningMaterial(
        type=kind, secret="ns/key", data={"git.asc": key, "identity": key, "passphrase": word, "password": word}
    )
    try:
        signer(material)
    except RetryableError as error:
        assert "'ns/key'" in error.message and (
            len(inside) < 20 or inside.decode(errors="replace") not in error.message
        )
    else:
        raise AssertionError("a key out of thin air signed something")
