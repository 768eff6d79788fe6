"""Runs AWS's own event-ruler, the library that EventBridge and Lambda's event source mappings match patterns with.

Nothing is downloaded unless ``fetch`` is called; a jar whose checksum differs from the pinned one is never run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("EventRuler.java")
# Maven's local repository, in its fixed layout.
REPOSITORY = Path.home() / ".m2" / "repository"
# Maven coordinates with the sha256 of each jar. Numbers of more than 15 digits need another jar, fastdoubleparser; no
# pattern of ours has numbers.
JARS: Mapping[str, str] = {
    "software.amazon.event.ruler:event-ruler:1.8.1": "cec3fc54e85d27904b053a159553039a861b08e574d813cf74c47deb277ec432",
    "com.fasterxml.jackson.core:jackson-databind:2.18.0": (
        "2bf1927b7f3224683ed0157a1ec3b0ede75179da3e597d78c572d56ed00f9f3c"
    ),
    "com.fasterxml.jackson.core:jackson-core:2.18.0": (
        "215bbd7c8fd65be504cb92ff3aa1c4b790fc7b14cca72f4546aac4143c101bb5"
    ),
    "com.fasterxml.jackson.core:jackson-annotations:2.18.0": (
        "a09367d2eeb526873abf737ff754c5085f82073a382ee72c3bbe15412217671f"
    ),
}
FETCH_TIMEOUT_S = 300
RUN_TIMEOUT_S = 60

Answers = dict[str, list[str]]


class EventRulerError(RuntimeError):
    """The jars cannot be had, or event-ruler refuses a pattern; the message says which."""


def _path(coordinates: str) -> Path:
    group, artifact, version = coordinates.split(":")
    return REPOSITORY / group.replace(".", "/") / artifact / version / f"{artifact}-{version}.jar"


def is_here() -> bool:
    """Whether a Java compiler and all jars, with the pinned checksums, are on this machine."""
    return shutil.which("javac") is not None and not _missing()


def fetch() -> None:
    """Download the jars that are missing, by their Maven coordinates, into Maven's local repository.

    Raises:
        EventRulerError: Maven has failed, or a jar is not the pinned one.
    """
    for coordinates in _missing():
        command = [
            "mvn",
            "--quiet",
            "--batch-mode",
            "dependency:get",
            f"-Dartifact={coordinates}",
            "-Dtransitive=false",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False)
        if done.returncode:
            raise EventRulerError(f"mvn cannot get {coordinates}\n{done.stdout[-2000:]}")
    if wrong := _missing():
        raise EventRulerError(f"these jars differ from the pinned ones: {', '.join(wrong)}")


def _missing() -> list[str]:
    paths = {coordinates: _path(coordinates) for coordinates in JARS}
    return [
        coordinates
        for coordinates, path in paths.items()
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != JARS[coordinates]
    ]


def ask(patterns: Mapping[str, Any], events: Mapping[str, Any]) -> Answers:
    """Return for each pattern the names of the events that it lets through.

    Args:
        patterns: event patterns as JSON values, by a name.
        events: events as JSON values, by a name.

    Raises:
        EventRulerError: event-ruler refuses a pattern.
    """
    jars = ":".join(str(_path(coordinates)) for coordinates in JARS)
    done = subprocess.run(
        ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", jars, str(PROGRAM)],
        input=json.dumps({"patterns": patterns, "events": events}),
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise EventRulerError(done.stderr[-2000:])
    answers: Answers = json.loads(done.stdout)
    return answers
