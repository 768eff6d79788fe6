"""The faults of a chaos run: a seeded plan of episodes, and what each does to AWS, to workers and to hosts."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.embedded.fault_proxy import Fault, FaultProxy, Received
from tests.simulation.aws_gate import AwsFault
from tests.simulation.clock import SharedClock
from tests.simulation.cloud import Cloud

SKEW_S = 300.0
DISORDER = 0.1
# Workers die at any time, and more often in an episode.
DEATHS = 0.1
# How likely an episode's fault hits one call, or one invocation.
STRENGTHS = {
    "kill": (0.20, 0.50),
    "throttle": (0.05, 0.60),
    "lost": (0.03, 0.12),
    "secrets": (1.0, 1.0),
    "registry": (0.3, 1.0),
    "git": (0.3, 1.0),
    "silence": (1.0, 1.0),
    "hook": (0.3, 1.0),
    "api": (0.3, 1.0),
}
HOST_MODES = ("hang", "cut", "redirect", "5xx", "slow", "lost", "429")
# A service that redirects a notification refuses it for good.
HOOK_MODES = tuple(one for one in HOST_MODES if one != "redirect")
MODES = {"registry": HOST_MODES, "git": HOST_MODES, "hook": HOOK_MODES, "api": HOST_MODES}
_CLOSED = "http://127.0.0.1:9/"
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A time during which something is wrong; ``name`` is ``kind`` or, of a host, ``kind number``."""

    name: str
    begins_s: float
    ends_s: float
    strength: float
    mode: str = ""


def planned(entropy: random.Random, length_s: float, hosts: int) -> list[Episode]:
    """Episodes for a run.

    Args:
        entropy: seeded.
        length_s: of the run; the last episode ends with it.
        hosts: how many registries, how many Git servers, and how many services that are told, there are.
    """
    names = ["kill", "throttle", "lost", "secrets"]
    names += [f"{kind} {number}" for kind in ("registry", "git") for number in range(hosts)]
    # What is newer comes last, so that the seeds of older runs repeat their other faults.
    names += ["silence", *(f"hook {number}" for number in range(hosts)), "api 0"]
    found = []
    for name in names:
        at_s = entropy.uniform(0, 30)
        while at_s < length_s:
            kind = name.partition(" ")[0]
            ends_s = min(length_s, at_s + entropy.uniform(10, 60))
            strength = entropy.uniform(*STRENGTHS[kind])
            mode = entropy.choice(MODES[kind]) if kind in MODES else ""
            found.append(Episode(name=name, begins_s=at_s, ends_s=ends_s, strength=strength, mode=mode))
            at_s = ends_s + entropy.uniform(10, 90)
    return sorted(found, key=lambda one: one.begins_s)


@dataclass
class Faults:
    """Carries out a plan. Threads of the gate and of the proxies share it.

    Args:
        episodes: their times count from ``began_s``.
        ends_s: after it nothing is wrong any more, and new workers have the right time.
    """

    clock: SharedClock
    episodes: list[Episode]
    entropy: random.Random
    began_s: float
    ends_s: float
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def are_over(self) -> bool:
        """Whether the last fault has ended."""
        return self.clock.now_s() - self.began_s >= self.ends_s

    def install(self, cloud: Cloud) -> None:
        """Let the faults happen to a stack."""
        cloud.gate.fault = self._of_aws
        for pool in cloud.pools.values():
            pool.skew_s = self._skew_s
            pool.dies_after_s = self._dies_after_s
        for source in (cloud.scans, cloud.updates):
            source.disorder = lambda: 0.0 if self.are_over else DISORDER

    def install_host(self, proxy: FaultProxy, name: str) -> None:
        """Let the faults happen to a host."""
        proxy.respond = lambda request: self._of_host(proxy, name, request)

    def _active(self, name: str) -> Episode | None:
        at_s = self.clock.now_s() - self.began_s
        return next((one for one in self.episodes if one.name == name and one.begins_s <= at_s < one.ends_s), None)

    def _hits(self, name: str) -> Episode | None:
        episode = self._active(name)
        with self.lock:
            return episode if episode is not None and self.entropy.random() < episode.strength else None

    def _of_aws(self, service: str, _action: str) -> AwsFault | None:
        if service == "secretsmanager":
            return "down" if self._hits("secrets") else "hung" if self._hits("silence") else None
        if self._hits("throttle"):
            return "throttled"
        return "lost" if self._hits("lost") else None

    def _skew_s(self) -> float:
        with self.lock:
            return 0.0 if self.are_over else self.entropy.uniform(-SKEW_S, SKEW_S)

    def _dies_after_s(self) -> float | None:
        episode = self._active("kill")
        with self.lock:
            if self.are_over or self.entropy.random() >= (episode.strength if episode else DEATHS):
                return None
            return self.entropy.uniform(0, self.entropy.choice([0.1, 0.5, 2.0]))

    def _of_host(self, proxy: FaultProxy, name: str, request: Received) -> Fault | None:
        episode = self._hits(name)
        if episode is None:
            return None
        with self.lock:
            self.counts[f"{name.partition(' ')[0]} {episode.mode}"] += 1
        match episode.mode:
            case "hang":
                self._hang(episode, proxy)
                return Fault(status=0)
            case "cut":
                return Fault(body=b"0" * 500, cut_at=self.entropy.randint(0, 400))
            case "redirect":
                place = self.entropy.choice([_CLOSED, f"http://{proxy.address}{request.path}"])
                return Fault(status=307, headers=(("Location", place),))
            case "5xx":
                return Fault(status=self.entropy.choice([500, 502, 503, 504]), body=b"<html>sorry</html>")
            case "429":
                return Fault(status=429, headers=(("Retry-After", "20"),))
            case "lost":
                return _lost(proxy.upstream, request)
        time.sleep(self.entropy.uniform(0.2, 2.0))
        return None

    def _hang(self, episode: Episode, proxy: FaultProxy) -> None:
        """Say nothing until the episode ends."""
        while self.clock.now_s() - self.began_s < episode.ends_s and not proxy.stopped.is_set():
            time.sleep(0.1)


def _lost(upstream: str, request: Received) -> Fault:
    """Do what is asked, then cut the answer off: a push arrives, and nobody is told."""
    connection = http.client.HTTPConnection(upstream, timeout=20)
    connection.request(request.method, request.path, request.body, dict(request.headers))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    headers = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _HOP)
    return Fault(status=answer.status, headers=headers, body=content, cut_at=len(content) // 2)
