"""Errors named by their consequence; each carries the Flux condition reason it turns into.

    ImageAutomationError(reason)        base
    ├─ StalledError                     Stalled=True, not retried until the object changes
    ├─ RetryableError(retry_after_s)    Ready=False, retried with back-off
    │  ├─ ThrottledError                also puts the host on a cool-down
    │  ├─ Unanswered                    nothing came at all: perhaps the host hangs for everybody
    │  ├─ OutOfOrder                    a service of the stack itself failed, which is tried again within minutes
    │  ├─ Overtaken                     another worker has written the same meanwhile: nothing is written over it
    │  └─ HeldBack(trusted_tags)        a guard keeps the selection in force
    ├─ AuthenticationError              Ready=False, retried slowly
    └─ RefusedDelivery(status)          webhook only: answered with that HTTP status

Domain modules raise their own ``ValueError`` subclasses; ``reconcile/`` alone maps those to this tree, adapters
translate their vendors' errors at their own boundary.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


class ImageAutomationError(Exception):
    """Base of everything that ends in a condition.

    Args:
        message: lower case, names the object and the value, never a secret.
        reason: the Flux condition reason (CamelCase).
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class StalledError(ImageAutomationError):
    """Only a change of the object can help: Stalled=True, no retry."""


class RetryableError(ImageAutomationError):
    """A later try may succeed.

    Args:
        retry_after_s: what the other side asked for, in seconds; None when it did not say.
    """

    def __init__(self, message: str, *, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, reason=reason)
        self.retry_after_s = retry_after_s


class ThrottledError(RetryableError):
    """The other side asked us to slow down; its host gets a shared cool-down.

    Args:
        host: the registry host that throttles, with port when it has one.
    """

    def __init__(self, message: str, *, reason: str, host: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, reason=reason, retry_after_s=retry_after_s)
        self.host = host


class Unanswered(RetryableError):
    """Nothing came from a host, its proxy or its login: perhaps nobody gets an answer, whatever the repository."""


class RefusedRef(RetryableError):
    """A Git server has understood a push, and its rules or hooks refuse one of the refs."""


class OutOfOrder(RetryableError):
    """The table, a queue, Secrets Manager or Lambda failed. No object is at fault, and it ends for all at once."""


class Overtaken(RetryableError):
    """Another worker has written the same item meanwhile, and what was about to be written is outdated perhaps."""


class HeldBack(RetryableError):
    """A gate keeps the current selection; the policy is evaluated again later, because the registry may recover.

    Args:
        trusted_tags: how many tags there were when the list was last believed; kept with the status while held.
        wait_until: when a gate lets a tag through (aware UTC); None when no gate named a time.
        retry_after_s: as for RetryableError.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        trusted_tags: int,
        wait_until: datetime | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, reason=reason, retry_after_s=retry_after_s)
        self.trusted_tags = trusted_tags
        self.wait_until = wait_until


class AuthenticationError(ImageAutomationError):
    """Credentials are missing, malformed or refused."""


def raise_first(failures: Iterable[ImageAutomationError | None]) -> None:
    """Raise the first error of what was tried together; nothing happens if there is none."""
    for failure in failures:
        if failure is not None:
            raise failure


def unusable_login(cause: str) -> AuthenticationError:
    """The error for credentials, certificates or a proxy that cannot be used as they are configured, in Flux's words.

    Args:
        cause: names the secret and the member, and holds nothing of their values.
    """
    return AuthenticationError(f"failed to configure authentication options: {cause}", reason="AuthenticationFailed")


class RefusedDelivery(Exception):
    """A webhook delivery that is answered with an HTTP error.

    Args:
        status: the HTTP status code of the answer.
        cause: a constant word for metrics and the ledger (``signature``, ``path``, ``size``); the sender never sees it.
        detail: what was missing or did not match, for the owner of the Receiver; never a secret, nor what was sent.
    """

    def __init__(self, status: int, cause: str, detail: str = "") -> None:
        super().__init__(cause)
        self.status = status
        self.cause = cause
        self.detail = detail
