"""What a dead worker owed is added to a status without losing what others write there at the same moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.reconcile.update.recovery import recover
from tests.contract.pushed import pushed
from tests.contract.reconciling import APP, NOW, document
from tests.embedded.single_writes import put_status

KIND = "ImageUpdateAutomation"
PUSHED = pushed(APP, NOW, "a" * 40, message="committed", cause="test")


class Contended:
    """Objects whose statuses somebody else writes first, a few times."""

    def __init__(self, inner: Any, times: int) -> None:
        self._inner, self._left = inner, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get(self, *arguments: Any) -> Any:
        found = self._inner.get(*arguments)
        if self._left:
            put_status(self._inner, KIND, APP, {"told": self._left})
            self._left -= 1
        return found


def test_a_recovered_commit_is_added_to_what_somebody_else_has_just_written(ports: Ports) -> None:
    ports.objects.put(document(KIND, interval="1m"))
    objects: Any = Contended(ports.objects, 2)
    recover([PUSHED], replace(ports, objects=objects), of_template=False)
    stored = ports.objects.get(KIND, APP)
    assert stored is not None
    assert (stored.status["lastPushCommit"], stored.status["told"]) == (PUSHED.commit, 1)


def test_a_recovery_that_others_are_always_faster_than_is_tried_again_later(ports: Ports) -> None:
    ports.objects.put(document(KIND, interval="1m"))
    objects: Any = Contended(ports.objects, 9)
    with pytest.raises(RetryableError, match="others write the status of ns/app all the time"):
        recover([PUSHED], replace(ports, objects=objects), of_template=False)
