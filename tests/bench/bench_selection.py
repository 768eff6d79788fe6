"""Measures the selection of a tag beside Flux's, and the exclusions of a scan beside `sorted()`.

Every policy is compiled and asked once, as both products do when a list has changed. The lists have the size and
mixture of a large repository on Docker Hub; they come as they are stored, in descending order, and shuffled, as a
registry may answer. Both sides cut each list from one text in the order of the list, as the answer of a store or a
registry is parsed: texts that lie about in memory take up to five times as long to read.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.scan.exclusion import exclude
from tagstream.domain.select.policy import compile_policy
from tests.bench.flux_driver import Flux
from tests.bench.row import Row
from tests.bench.timing import Taken, in_turns, shown, timed

SIZES = (9_036, 100_000)
ROUNDS = {9_036: 15, 100_000: 5}
SUFFIXES = ("", "-alpine", "-slim", "-bookworm", "-bullseye", "-bookworm-slim", "-alpine3.20", "-windowsservercore")
WORDS = ("latest", "lts", "current")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy in the driver's words.

    ``goal`` is the ratio to Flux that it must keep to, for shuffled lists only with ``shuffled_goal``.
    """

    kind: str
    semver: str = ""
    order: str = "asc"
    pattern: str = ""
    extract: str = ""
    goal: float = 1.0
    shuffled_goal: bool = True
    stamped: bool = False

    def choice(self) -> PolicyChoice:
        """The same for tagstream."""
        order = None if self.kind == "semver" else self.order
        return PolicyChoice(
            semver=self.semver or None,
            numerical=order if self.kind == "numerical" else None,
            alphabetical=order if self.kind == "alphabetical" else None,
        )

    def filter(self) -> TagFilter | None:
        """None when all tags are candidates."""
        return TagFilter(pattern=self.pattern, extract=self.extract) if self.pattern else None


STAMP = r"^main-[a-f0-9]+-(?P<ts>[0-9]+)"
POLICIES = {
    "semver": Policy(kind="semver", semver=">=1.0.0"),
    "semver with pre-releases": Policy(kind="semver", semver=">=1.0.0-0"),
    "semver with pattern": Policy(kind="semver", semver=">=1.0.0", pattern=r"^\d+\.\d+\.\d+$"),
    "semver with extract": Policy(
        kind="semver", semver=">=1.0.0", pattern=r"^(?P<v>\d+\.\d+\.\d+)-alpine$", extract="$v"
    ),
    "numerical": Policy(kind="numerical", goal=1.5),
    "numerical with extract": Policy(kind="numerical", pattern=STAMP, extract="$ts", goal=1.5, stamped=True),
    # Python's max() alone takes 2.5 times as long as the loop in Go. Only stored lists are ever selected from.
    "alphabetical": Policy(kind="alphabetical", goal=2.0, shuffled_goal=False),
    "alphabetical with pattern": Policy(kind="alphabetical", pattern="^main-", goal=2.0, stamped=True),
}


def _rows(name: str, flux: Flux | None) -> Iterator[Row]:
    if flux is None:
        return
    policy = POLICIES[name]
    for size in SIZES:
        tags = _tags(policy, size)
        for order in ("stored", "shuffled"):
            yield _compared(f"select, {name}, {size:,} tags, {order} order", policy, tags, order == "stored", flux)


def _compared(what: str, policy: Policy, tags: Sequence[str], stored: bool, flux: Flux) -> Row:
    given = _parsed(sorted(tags, reverse=True) if stored else tags)
    own = ("goal", "shuffled_goal", "stamped")
    inputs = {name: value for name, value in asdict(policy).items() if name not in own}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tags"
        path.write_text("\n".join(given))

        def ours() -> str:
            return compile_policy(policy.choice(), policy.filter()).latest(given, descending=stored).tag or ""

        # Of tags with one value, Flux takes any; the others must be the same.
        expected = None if policy.extract else ours()
        theirs = partial(flux.ask, "select", expected, file=str(path), **inputs)
        (found,) = in_turns(lambda: timed(ours), [theirs], ROUNDS[len(given)])
    return Row(
        what=f"{what}, CPU",
        ours=shown(found.ours.cpu),
        rival="Flux's packages",
        theirs=shown(found.theirs.cpu),
        value=found.cpu_ratio,
        goal=policy.goal if stored or policy.shuffled_goal else None,
    )


def _parsed(tags: Sequence[str]) -> list[str]:
    """The same list with its texts in a row in memory."""
    return "\n".join(tags).split("\n")


def _again(_flux: Flux | None) -> Iterator[Row]:
    """After a scan that found one new tag, a policy looks only at that one."""
    for size in SIZES:
        tags = _parsed(sorted(_versions(size), reverse=True))
        policy = compile_policy(PolicyChoice(semver=">=1.0.0"), None)
        previous = policy.latest(tags).tag or ""
        (found,) = in_turns(
            partial(timed, partial(policy.latest_after, previous, ("99.0.0",), (), tags)),
            [partial(timed, partial(policy.latest, tags))],
            ROUNDS[size],
        )
        yield Row(
            what=f"select again after one new tag, {size:,} tags, CPU",
            ours=shown(found.ours.cpu),
            rival="selecting from all of them",
            theirs=shown(found.theirs.cpu),
            value=found.cpu_ratio,
        )


def _excluded(_flux: Flux | None) -> Iterator[Row]:
    for size in SIZES:
        tags = _parsed(_versions(size))

        def floor(tags: Sequence[str] = tags) -> Taken:
            return timed(lambda: sorted(tags))

        def ours(tags: Sequence[str] = tags) -> Taken:
            return timed(lambda: exclude(tags, [r"^.*\.sig$"]))

        (found,) = in_turns(ours, [floor], ROUNDS[size])
        yield Row(
            what=f"exclude, sort and fingerprint, {size:,} shuffled tags, CPU",
            ours=shown(found.ours.cpu),
            rival="sorted() of the same list",
            theirs=shown(found.theirs.cpu),
            value=found.cpu_ratio,
        )


def _tags(policy: Policy, size: int) -> list[str]:
    if policy.stamped:
        return _timestamps(size)
    return _numbers(size) if policy.kind == "numerical" else _versions(size)


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


def _numbers(size: int) -> list[str]:
    return random.Random(size).sample([str(1_600_000_000 + number) for number in range(size)], size)


BENCHES = {f"select-{name.replace(' ', '-')}": partial(_rows, name) for name in POLICIES} | {
    "select-again": _again,
    "select-exclude": _excluded,
}
