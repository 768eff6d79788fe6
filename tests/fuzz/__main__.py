"""Fuzzes the parsers of outside bytes: `make fuzz [MINUTES=60] [TARGET=name]`.

The minutes are divided among the targets. Each is first asked for inputs whose time grows faster than their size, and
then fuzzed: by atheris, which is guided by coverage, or by hypothesis where this Python has no atheris. An input that
breaks a parser is kept in tests/data/fuzz, where `make test` replays it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.growth import steep_shapes
from tests.fuzz.inputs import inputs
from tests.fuzz.target import FOUND, ROOT, Target
from tests.fuzz.targets import TARGETS

MOST_BYTES = 20_000
SLOW_S = 10
BATCH = 2_000


def fuzzed_by_atheris(target: Target, seconds: float) -> tuple[int, list[bytes]]:
    """Return the number of executions and the inputs that broke the parser; the first one ends the run."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, broken = Path(folder) / "corpus", Path(folder) / "broken"
        corpus.mkdir()
        broken.mkdir()
        for number, seed in enumerate(target.corpus()):
            (corpus / f"{number:04}").write_bytes(seed)
        words = Path(folder) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        command = [
            *(sys.executable, "-m", "tests.fuzz.coverage_guided", target.name, str(corpus), f"-dict={words}"),
            *(f"-max_total_time={int(seconds)}", f"-artifact_prefix={broken}/", f"-timeout={SLOW_S}"),
            *(f"-max_len={MOST_BYTES}", "-print_final_stats=1", "-close_fd_mask=1"),
        ]
        places = (str(ROOT), str(ROOT / "layers" / "core"), os.environ.get("PYTHONPATH", ""))
        path = {"PYTHONPATH": os.pathsep.join(places)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **path})
        found = re.search(r"number_of_executed_units: *(\d+)", done.stderr)
        inputs_found = [one.read_bytes() for one in sorted(broken.iterdir())]
        if found is None and not inputs_found:
            raise RuntimeError(f"atheris did not run: {done.stderr[-2000:]}")
        return int(found[1]) if found else 0, inputs_found


def fuzzed_by_hypothesis(target: Target, seconds: float) -> tuple[int, list[bytes]]:
    """Like ``fuzzed_by_atheris``, without guidance by coverage."""
    end, count = time.monotonic() + seconds, 0
    last = b""

    @settings(
        max_examples=BATCH,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(target))
    def run(data: bytes) -> None:
        nonlocal count, last
        count, last = count + 1, data
        target.accepts(data)

    while time.monotonic() < end:
        try:
            run()
        except Exception:
            return count, [last]
    return count, []


def keep(target: Target, data: bytes) -> Path:
    """Write an input that broke a parser to where `make test` replays it."""
    path = FOUND / target.name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _wanted(name: str) -> Iterator[Target]:
    if name and name not in TARGETS:
        raise SystemExit(f"there is no target {name!r}; there are {', '.join(sorted(TARGETS))}")
    yield from (TARGETS[one] for one in ([name] if name else TARGETS))


def main() -> int:
    """Fuzz, print a line for each target, and return 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--target", default="")
    args = parser.parse_args()
    targets = list(_wanted(args.target))
    guided = importlib.util.find_spec("atheris") is not None
    print("atheris, guided by coverage" if guided else "hypothesis: there is no atheris for this Python", flush=True)
    fuzz = fuzzed_by_atheris if guided else fuzzed_by_hypothesis
    executions, findings = 0, 0
    for target in targets:
        steep = list(steep_shapes(target))
        count, broken = fuzz(target, args.minutes * 60 / len(targets))
        executions, findings = executions + count, findings + len(broken) + len(steep)
        print(f"{target.name}: {count:,} executions, {len(broken)} inputs broke it", flush=True)
        for sentence in steep:
            print(f"  steep: {sentence}", flush=True)
        for data in broken:
            print(f"  broken by {keep(target, data).relative_to(ROOT)}", flush=True)
    print(f"{len(targets)} targets, {executions:,} executions, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
