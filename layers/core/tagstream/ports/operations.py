"""What the command line asks of AWS about a stack itself: version, alarms, dead letters, names of secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A CloudWatch alarm of the stack.

    Attributes:
        name: its name in the template.
        state: ``OK``, ``ALARM`` or ``INSUFFICIENT_DATA``.
        since: when it got this state (aware UTC).
        description: what it means, from the template.
        tells: whether it has an action, so that somebody hears of it.
    """

    name: str
    state: str
    since: datetime
    description: str
    tells: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message of a dead-letter queue.

    Attributes:
        queue: ``scan`` or ``update``.
        body: as AWS, or the functions, have written it.
        sent_at: when it came into the queue (aware UTC).
        receipt: the handle by which it is removed or given back.
    """

    queue: str
    body: str
    sent_at: datetime
    receipt: str


class Operations(Protocol):
    """A deployed stack, seen by those who run it.

    Every method raises RetryableError, with AWS's words, when AWS refuses or is out of reach.
    """

    def version(self) -> str:
        """The version of the template and the functions; empty for a stack of a version before this was told."""

    def is_ticking(self) -> bool:
        """Whether the schedule is enabled."""

    def alarms(self) -> Sequence[Alarm]:
        """All alarms of the stack, by name."""

    def dead_letter_count(self, queue: str) -> int:
        """About how many messages are in the dead-letter queue ``scan`` or ``update``."""

    def dead_letters(self, queue: str) -> Sequence[DeadLetter]:
        """Receive the messages of a queue; nobody else gets them for half a minute, or until they are given back."""

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Let the messages be received again at once."""

    def drop(self, letter: DeadLetter) -> None:
        """Remove a message."""

    def resend(self, letter: DeadLetter) -> None:
        """Put the body of a message into the scan queue again."""

    def secret_names(self, namespace: str | None) -> Sequence[NamespacedName]:
        """The names of the stack's secrets, sorted; of one namespace, or of all."""

    def delete_secret(self, key: NamespacedName, *, at_once: bool) -> bool:
        """Delete a secret; unless ``at_once``, AWS keeps it for thirty days. False when there is none."""

    def may_write_secrets(self) -> bool:
        """Whether the caller may write secrets of the stack that exist; nothing is written to find out."""

    def may_write_table(self) -> bool:
        """Whether the caller may put, update and delete items of the table; nothing is written."""

    def webhook_answers(self) -> str:
        """Send a request to the webhook's URL and return the status line of its answer.

        Raises:
            RetryableError: there is no answer, or one of the kind 5xx.
        """
