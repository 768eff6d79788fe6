"""What can be wrong with a server's answer, and how it is told: once, with the address and without a secret.

In: broken or refusing answers. Out: RetryableError with reason GitOperationFailed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tagstream.errors import RetryableError
from tagstream.ports.git import PushConflict

REASON = "GitOperationFailed"
MAX_WORDS = 2000


class BrokenReply(Exception):
    """The answer is not Git's protocol, is cut off, or is larger than allowed."""


class ServerRefused(Exception):
    """The server said no, in its own words."""


class UnpackRefused(ServerRefused):
    """The server could not read the pack of a push; nothing has moved."""


class UnexpectedStatus(RetryableError):
    """An HTTP status that is no answer of Git's protocol."""


class MissingObjects(Exception):
    """Objects that are needed and not known yet; ``ids`` are 40 hex bytes each."""

    def __init__(self, ids: Iterable[bytes]) -> None:
        self.ids = tuple(dict.fromkeys(ids))
        super().__init__(f"object not found: {b' '.join(self.ids[:3]).decode()}")


def words(text: bytes) -> str:
    """A server's text, fit for a status: one paragraph, no control characters, at most 2,000 characters."""
    lines = text.decode(errors="replace").replace("\r", "\n").split("\n")
    shown = "; ".join(line for line in ("".join(c for c in one if c.isprintable()).strip() for one in lines) if line)
    return shown if len(shown) <= MAX_WORDS else shown[:MAX_WORDS] + "…"


def failed(doing: str, cause: str) -> RetryableError:
    """The error of an operation, e.g. ``unable to clone 'https://host/repo': …``."""
    return RetryableError(f"{doing}: {cause}", reason=REASON)


def censored(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret in it as ``***``."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return text


@contextmanager
def told(doing: str, secrets: Iterable[str]) -> Iterator[None]:
    """Turn what goes wrong inside into the error a status shows.

    Args:
        doing: what was tried, with the address but without credentials.
        secrets: texts that must not be shown even when the server repeats them.
    """
    try:
        yield
    except (BrokenReply, ServerRefused, MissingObjects) as error:
        raise failed(doing, censored(str(error), secrets)) from None
    except PushConflict as error:
        raise PushConflict(censored(str(error), secrets)) from None
