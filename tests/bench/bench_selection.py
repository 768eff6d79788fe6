"""Measures the selection of a tag, beside the cheapest pass over the same list and the time of the Go implementation.

The tag lists have the size and mixture of a large repository on Docker Hub. Go 1.26 with Masterminds/semver 3.5,
measured once for lists like the 9,036 tags here, took 12 to 28 ms without a filter, 2 to 4 ms for the versions that a
filter lets through, and 10 to 12 ms for the timestamps. Times differ between machines and with their load, so the
cheapest pass is measured beside each row.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence

from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.scan.exclusion import exclude
from tagstream.domain.select.policy import CompiledPolicy, compile_policy

SIZES = (9036, 100_000)
ROUNDS = 5
GO_MS = 20.0
SUFFIXES = ("", "-alpine", "-slim", "-bookworm", "-bullseye", "-bookworm-slim", "-alpine3.20", "-windowsservercore")
WORDS = ("latest", "lts", "current")

VERSIONS = (
    ("semver >=1.0.0", PolicyChoice(semver=">=1.0.0"), None),
    ("semver >=1.0.0-0", PolicyChoice(semver=">=1.0.0-0"), None),
    ("semver ^4.0.0", PolicyChoice(semver="^4.0.0"), None),
    ("semver, pattern", PolicyChoice(semver=">=1.0.0"), TagFilter(pattern=r"^\d+\.\d+\.\d+$")),
    (
        "semver, pattern and extract",
        PolicyChoice(semver=">=1.0.0"),
        TagFilter(pattern=r"^(?P<v>\d+\.\d+\.\d+)-alpine$", extract="$v"),
    ),
)
STAMPS = (
    "numerical, pattern and extract",
    PolicyChoice(numerical="asc"),
    TagFilter(pattern=r"^main-[a-f0-9]+-(?P<ts>[0-9]+)", extract="$ts"),
)


def rows() -> Iterator[tuple[str, str, str]]:
    """Measure one selection of each kind, a second one after one new tag, and the exclusions of a scan."""
    for size in SIZES:
        tags, stamps = _versions(size), _timestamps(size)
        for name, choice, filter_tags in VERSIONS:
            yield _row(f"{name}, {size} tags", compile_policy(choice, filter_tags), tags)
        name, choice, filter_tags = STAMPS
        yield _row(f"{name}, {size} tags", compile_policy(choice, filter_tags), stamps)
        yield _again(size, tags)
        yield _excluded(size, tags)


def _versions(size: int) -> list[str]:
    chance, found = random.Random(size), set[str]()
    while len(found) < size:
        version = f"{chance.randrange(25)}.{chance.randrange(30)}.{chance.randrange(30 if size < 20_000 else 200)}"
        if chance.random() < 0.1:
            version = version.rpartition(".")[0]
        elif chance.random() < 0.02:
            version = chance.choice((*WORDS, f"pr-{chance.randrange(9999)}"))
        found.add(version + chance.choice(SUFFIXES))
    return chance.sample(sorted(found), size)


def _timestamps(size: int) -> list[str]:
    chance = random.Random(size)
    stamps = [f"main-{chance.randrange(16**7):07x}-{1_600_000_000 + number}" for number in range(size)]
    return chance.sample(stamps, size)


def _row(name: str, policy: CompiledPolicy, tags: Sequence[str]) -> tuple[str, str, str]:
    ours, floor = _side_by_side(lambda: policy.latest(tags), lambda: sorted(tags))
    against_go = f", {ours * 1000 / GO_MS:.2f} x the Go figure of {GO_MS:.0f} ms" if len(tags) == SIZES[0] else ""
    return name, f"{ours / floor:.1f} x", f"sorted() of the same list{against_go}"


def _again(size: int, tags: Sequence[str]) -> tuple[str, str, str]:
    policy = compile_policy(PolicyChoice(semver=">=1.0.0"), None)
    previous = policy.latest(tags).tag or ""
    once, whole = _side_by_side(
        lambda: policy.latest_after(previous, ("99.0.0",), (), tags), lambda: policy.latest(tags)
    )
    return f"again after one new tag, {size} tags", f"1/{whole / once:.0f}", "selecting from all of them"


def _excluded(size: int, tags: Sequence[str]) -> tuple[str, str, str]:
    ours, floor = _side_by_side(lambda: exclude(tags, [r"^.*\.sig$"]), lambda: sorted(tags))
    return f"exclude, sort and fingerprint, {size} tags", f"{ours / floor:.1f} x", "sorted() of the same list"


def _side_by_side(ours: Callable[[], object], floor: Callable[[], object]) -> tuple[float, float]:
    """Return the best times of both, in seconds; they take turns, so that both suffer alike from a busy machine."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for index, run in enumerate((ours, floor)):
            begin = time.perf_counter()
            run()
            best[index] = min(best[index], time.perf_counter() - begin)
    return best[0], best[1]
