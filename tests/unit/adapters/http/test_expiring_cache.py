"""Values kept until they expire."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tagstream.adapters.http.expiring_cache import ExpiringCache
from tagstream.errors import RetryableError
from tests.contract.skipping_clock import SkippingClock


def test_a_value_is_fetched_again_when_it_expired() -> None:
    clock = SkippingClock()
    cache: ExpiringCache[int] = ExpiringCache(clock)
    values = iter(range(9))
    found = []
    for pause in (0.0, 5.0, 6.0):
        clock.sleep(pause)
        found.append(cache.get("k", lambda: (next(values), 10.0), 1.0))
    assert found == [0, 0, 1]


def test_many_threads_fetch_once() -> None:
    cache: ExpiringCache[int] = ExpiringCache(SkippingClock())
    fetched: list[int] = []
    started = threading.Barrier(8)

    def fetch() -> tuple[int, float]:
        fetched.append(1)
        return 7, 1000.0

    def ask() -> int:
        started.wait()
        return cache.get("k", fetch, 60.0)

    with ThreadPoolExecutor(8) as pool:
        found = [one.result() for one in [pool.submit(ask) for _ in range(8)]]
    assert found == [7] * 8
    assert fetched == [1]


def test_an_error_is_not_kept() -> None:
    cache: ExpiringCache[int] = ExpiringCache(SkippingClock())

    def fail() -> tuple[int, float]:
        raise LookupError("down")

    with pytest.raises(LookupError):
        cache.get("k", fail, 1.0)
    assert cache.get("k", lambda: (1, 1.0), 1.0) == 1


def test_who_has_no_time_left_does_not_wait_for_another_threads_fetch() -> None:
    cache: ExpiringCache[int] = ExpiringCache(SkippingClock())
    started, go_on = threading.Event(), threading.Event()

    def fetch() -> tuple[int, float]:
        started.set()
        go_on.wait(60)
        return 7, 1000.0

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(cache.get, "k", fetch, 1.0)
        started.wait(60)
        with pytest.raises(RetryableError, match="context deadline exceeded"):
            cache.get("k", fetch, 0.0)
        go_on.set()
        assert first.result() == 7
        assert cache.get("k", fetch, 0.0) == 7
