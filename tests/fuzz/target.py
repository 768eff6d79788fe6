"""What a fuzzed parser is: how bytes reach it, which errors it may raise, what it is likely to misunderstand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors" / "data"
FOUND = ROOT / "tests" / "data" / "fuzz"
MAX_SEEDS = 400
MAX_SEED_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Shape:
    """An input that grows: ``unit`` is repeated between the other two."""

    unit: bytes
    before: bytes = b""
    after: bytes = b""

    def of_size(self, size: int) -> bytes:
        """Return about this many bytes."""
        return self.before + self.unit * (size // len(self.unit)) + self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser of outside bytes.

    Attributes:
        name: how ``make fuzz TARGET=`` calls it.
        parse: hands any bytes to the parser.
        modules: those below layers/core that read the bytes.
        allowed: errors by which the parser may refuse its input; anything else is a finding.
        words: what random inputs are made of beside single bytes.
        seeds: samples; recorded vectors where there are any.
        shapes: inputs whose CPU time must not grow faster than their size.
    """

    name: str
    parse: Callable[[bytes], object]
    modules: tuple[str, ...]
    allowed: tuple[type[Exception], ...] = ()
    words: tuple[bytes, ...] = ()
    seeds: Callable[[], Iterable[bytes]] = tuple
    shapes: tuple[Shape, ...] = ()

    def accepts(self, data: bytes) -> None:
        """Parse, and swallow the errors that are allowed."""
        try:
            self.parse(data)
        except self.allowed:
            return

    def corpus(self) -> list[bytes]:
        """Return at most MAX_SEEDS samples that are not too long, and every input that was found before."""
        kept = {seed[:MAX_SEED_BYTES] for seed in self.seeds()} | set(self.found())
        ordered = sorted(kept)
        return ordered[:: max(1, len(ordered) // MAX_SEEDS)] or [b""]

    def found(self) -> list[bytes]:
        """Return the inputs that once broke this parser."""
        return [path.read_bytes() for path in sorted((FOUND / self.name).glob("*"))]


def text(data: bytes) -> str:
    """Return what a parser of text is given; bytes that are no UTF-8 become U+FFFD."""
    return data.decode(errors="replace")


def texts_in(path: str) -> Iterator[bytes]:
    """Yield every text in a JSON file of vectors."""
    yield from _texts(json.loads((VECTORS / path).read_text()))


def files_in(folder: Path, pattern: str) -> Iterator[bytes]:
    """Yield the contents of files."""
    return (path.read_bytes() for path in sorted(folder.rglob(pattern)) if path.is_file())


def _texts(value: Any) -> Iterator[bytes]:
    if isinstance(value, str):
        yield value.encode(errors="replace")
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
