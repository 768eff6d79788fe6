"""Policies are read once for scans that finish together, and never before the question."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tagstream.reconcile.select.policy_list import PolicyList


class SlowObjects:
    """Counts readings; the first one waits until it is let go."""

    def __init__(self) -> None:
        self.readings = 0
        self.begun, self.go_on = threading.Event(), threading.Event()

    def list(self, _kind: str) -> tuple[int, ...]:
        self.readings += 1
        number = self.readings
        self.begun.set()
        self.go_on.wait(10)
        return (number,)


def test_each_question_asked_after_the_other_is_answered_by_a_new_reading() -> None:
    objects: Any = SlowObjects()
    objects.go_on.set()
    policies = PolicyList(objects)
    assert [policies.now(), policies.now()] == [(1,), (2,)]


def test_questions_that_wait_together_share_a_reading_that_began_after_them() -> None:
    objects: Any = SlowObjects()
    policies = PolicyList(objects)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(policies.now)
        objects.begun.wait(10)
        asked = threading.Barrier(9)

        def ask() -> object:
            asked.wait(10)
            return policies.now()

        others = [pool.submit(ask) for _ in range(8)]
        asked.wait(10)
        objects.go_on.set()
        answers = [one.result(10) for one in others]
    assert first.result() == (1,)
    # One that had not asked yet when the shared reading began is answered by a later one: never by the first.
    assert (1,) not in answers
    assert objects.readings <= 1 + len(answers)
