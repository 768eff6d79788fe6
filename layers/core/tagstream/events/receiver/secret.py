"""The members of a Receiver's secret, and comparisons that take the same time whatever the sender tries.

Flux compares some tokens with ``!=``, which tells a sender how much of its guess was right.

Source: notification-controller internal/server/receiver_handlers.go (which compares some tokens with ``!=``).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tagstream.errors import RefusedDelivery

UNAUTHENTIC_STATUS = 404
"""The status of every delivery that fails authentication: the same as an unknown path's, so that nobody can learn
from an answer which paths exist. Flux answers 400 to a wrong signature and 404 to an unknown path."""

_TOKEN_KEYS = ("token", "token-previous")
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_HOOK_PATH = re.compile(r"/hook/[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSecret:
    """The secret a Receiver names; members never print.

    Keys: ``token`` (Flux's), ``token-previous`` (still accepted while a token is rotated), ``authorization`` (for
    senders that cannot sign: when present, the Authorization header must be exactly this), ``email`` and
    ``audience`` (gcr).
    """

    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def tokens(self) -> tuple[bytes, ...]:
        """The tokens in force, newest first, as they are stored; empty and blank members do not count."""
        return tuple(self.data[key] for key in _TOKEN_KEYS if self.data.get(key, b"").strip())

    def text(self, key: str) -> str:
        """A member as text without surrounding blanks, empty when absent or not UTF-8."""
        return self.data.get(key, b"").decode(errors="ignore").strip()


def unauthentic(cause: str, detail: str = "") -> RefusedDelivery:
    """The refusal of a delivery that did not prove where it comes from.

    Args:
        cause: a word for metrics; the sender never sees it.
        detail: what was missing or did not match, shown with the Receiver; never a secret, nor what was sent.
    """
    return RefusedDelivery(UNAUTHENTIC_STATUS, cause, detail)


def require_tokens(secret: ReceiverSecret) -> tuple[bytes, ...]:
    """What senders may sign or present: the tokens in force, each also without the line break that ``echo`` left.

    Raises:
        RefusedDelivery: there is none; an empty secret never authenticates (go-github skips the check instead).
    """
    if not secret.tokens:
        raise unauthentic("secret", "the Receiver's secret is missing or has no token")
    return tuple(dict.fromkeys(form for token in secret.tokens for form in without_line_break(token)))


def without_line_break(value: bytes) -> tuple[bytes, ...]:
    """A member as it is stored, and as it was meant; no header can hold a line break."""
    return value, value.rstrip(b"\r\n")


def check_value(presented: str, accepted: Sequence[bytes], header: str) -> None:
    """Refuse a header value that is none of the accepted ones; every candidate is compared, each in constant time.

    Args:
        presented: the header's value, empty when there is none.
        accepted: what it may be.
        header: its name, for the refusal.

    Raises:
        RefusedDelivery: no match, or nothing was presented.
    """
    given = presented.encode(errors="surrogatepass")
    if not sum(hmac.compare_digest(given, value) for value in accepted if value):
        raise _mismatch(presented, header, "does not have the value that the secret asks for")


def check_mac(presented: str, algorithm: str, message: bytes, tokens: Sequence[bytes], header: str) -> None:
    """Refuse a hexadecimal HMAC that no token in force makes.

    Args:
        presented: the digest as hexadecimal digits of any case, without prefix.
        algorithm: ``sha1``, ``sha256`` or ``sha512``.
        message: the bytes as sent.
        tokens: from ``require_tokens``.
        header: the name of the header that holds the digest, for the refusal.

    Raises:
        RefusedDelivery: no match, or not hexadecimal.
    """
    if not _HEX.fullmatch(presented) or len(presented) % 2:
        raise _mismatch(presented, header, "is no hexadecimal digest")
    given = bytes.fromhex(presented)
    if not sum(hmac.compare_digest(given, hmac.digest(token, message, algorithm)) for token in tokens):
        raise _mismatch(presented, header, "is not the digest of this body with the secret's token")


def check_prefixed_mac(presented: str, message: bytes, tokens: Sequence[bytes], header: str) -> None:
    """Refuse a header ``sha1=…``, ``sha256=…`` or ``sha512=…`` whose HMAC no token in force makes.

    Raises:
        RefusedDelivery: no match, another algorithm, or nothing was presented.
    """
    algorithm, _, digest = presented.partition("=")
    if algorithm not in ("sha1", "sha256", "sha512"):
        raise _mismatch(presented, header, "does not begin with sha1=, sha256= or sha512=")
    check_mac(digest, algorithm, message, tokens, header)


def _mismatch(presented: str, header: str, how: str) -> RefusedDelivery:
    return unauthentic("signature", f"{header} {how}" if presented else f"{header} is missing")


def hook_path(token: str, name: str, namespace: str) -> str:
    """The unguessable path of a Receiver: ``/hook/`` and the hex SHA-256 of token, name and namespace.

    Args:
        token: empty for ``generic-oidc``, which has no secret.
        name: the Receiver's.
        namespace: the Receiver's.

    Source: notification-controller api/v1 Receiver.GetWebhookPath.
    """
    return "/hook/" + hashlib.sha256(f"{token}{name}{namespace}".encode(errors="surrogateescape")).hexdigest()


def is_hook_path(path: str) -> bool:
    """True for what ``hook_path`` could have made."""
    return _HOOK_PATH.fullmatch(path) is not None
