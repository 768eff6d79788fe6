"""The arguments that every verb has, at each of its words, and the words themselves."""

from __future__ import annotations

import argparse
from typing import Any

from gocompat.duration import InvalidDuration, parse_interval

Parsers = Any
"""What ``add_subparsers`` gives: argparse has no public name for it."""


def add_stack(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """Which stack and namespace, and how long to wait."""
    # Given before or after any word: only the root has defaults, which a verb's must not overwrite.
    absent = argparse.SUPPRESS
    parser.add_argument("--stack", default=defaults.get("stack", absent), help="stack (default tagstream)")
    parser.add_argument(
        "-n", "--namespace", default=defaults.get("namespace", absent), help="namespace (default flux-system)"
    )
    parser.add_argument(
        "--timeout", type=seconds, default=defaults.get("timeout", absent), help="how long to wait (default 5m0s)"
    )


def seconds(text: str) -> float:
    """A Go duration as an argument."""
    try:
        return parse_interval(text)
    except InvalidDuration:
        raise argparse.ArgumentTypeError(f"invalid duration '{text}'") from None


def add_group(verbs: Parsers, name: str, text: str, **options: Any) -> Parsers:
    """A word that others follow."""
    parser = verbs.add_parser(name, help=text, **options)
    add_stack(parser)
    return parser.add_subparsers(metavar="KIND", required=True)
