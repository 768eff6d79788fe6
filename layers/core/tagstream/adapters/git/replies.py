"""Errors for bad answers of a Git server: worded once, with the repository's address and without a secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tagstream.errors import RefusedRef, RetryableError, Unanswered
from tagstream.ports.git import PushConflict

REASON = "GitOperationFailed"
MAX_WORDS = 2000


class BrokenReply(Exception):
    """The answer does not follow Git's protocol, is cut off, or is larger than allowed."""


class ServerRefused(Exception):
    """The server refused; the message is in its own words."""


class RefRefused(ServerRefused):
    """The server took the push, and refused a ref of it."""


class UnpackRefused(ServerRefused):
    """The server could not read the pack of a push; no ref has moved."""


class UnexpectedStatus(RetryableError):
    """An HTTP status that Git's protocol does not use."""


class MissingObjects(Exception):
    """Objects that are needed and not known yet; ``ids`` are 40 hex bytes each."""

    def __init__(self, ids: Iterable[bytes]) -> None:
        self.ids = tuple(dict.fromkeys(ids))
        super().__init__(f"object not found: {b' '.join(self.ids[:3]).decode()}")


def words(text: bytes) -> str:
    """A server's text made fit for a status: one paragraph, no control characters, at most 2,000 characters."""
    lines = text.decode(errors="replace").replace("\r", "\n").split("\n")
    shown = "; ".join(line for line in ("".join(c for c in one if c.isprintable()).strip() for one in lines) if line)
    return shown if len(shown) <= MAX_WORDS else shown[:MAX_WORDS] + "…"


def failed(doing: str, cause: str) -> RetryableError:
    """The error of an operation, e.g. ``unable to clone 'https://host/repo': …``."""
    return RetryableError(f"{doing}: {cause}", reason=REASON)


def unanswered(doing: str, cause: str) -> Unanswered:
    """The same, of an operation that got no answer from the server at all."""
    return Unanswered(f"{doing}: {cause}", reason=REASON)


def censored(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret in it replaced by ``***``."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return text


@contextmanager
def reported(doing: str, secrets: Iterable[str]) -> Iterator[None]:
    """Turn errors inside the block into the error that a status shows.

    Args:
        doing: what was tried, with the address but without credentials.
        secrets: texts that must not be shown even when the server repeats them.
    """
    try:
        yield
    except RefRefused as error:
        raise RefusedRef(failed(doing, censored(str(error), secrets)).message, reason=REASON) from None
    except (BrokenReply, ServerRefused, MissingObjects) as error:
        raise failed(doing, censored(str(error), secrets)) from None
    except PushConflict as error:
        raise PushConflict(censored(str(error), secrets)) from None
