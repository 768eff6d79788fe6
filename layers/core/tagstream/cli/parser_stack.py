"""Defines the arguments that every verb accepts (stack, namespace, timeout) and the words that group verbs."""

from __future__ import annotations

import argparse
from typing import Any

from gocompat.duration import InvalidDuration, parse_interval
from tagstream.domain.objects.long_duration import parse_long_duration

Parsers = Any
"""What ``add_subparsers`` gives: argparse has no public name for it."""


def add_stack(parser: argparse.ArgumentParser, **defaults: object) -> None:
    """Add the options for the stack, the namespace and how long to wait."""
    # The options are accepted before and after every word. Only the root parser has defaults: those of a verb's parser
    # would overwrite what was given before the verb.
    absent = argparse.SUPPRESS
    parser.add_argument("--stack", default=defaults.get("stack", absent), help="stack (default tagstream)")
    parser.add_argument(
        "-n", "--namespace", default=defaults.get("namespace", absent), help="namespace (default flux-system)"
    )
    parser.add_argument(
        "--timeout", type=seconds, default=defaults.get("timeout", absent), help="how long to wait (default 5m0s)"
    )


def seconds(text: str) -> float:
    """Read an argument that is a Go duration, such as ``1m30s``, and return seconds."""
    try:
        return parse_interval(text)
    except InvalidDuration:
        raise argparse.ArgumentTypeError(f"invalid duration '{text}'") from None


def seconds_or_days(text: str) -> float:
    """Read an argument that is a duration and may have days, such as ``90d`` or ``1d12h``, and return seconds."""
    try:
        return parse_long_duration(text)
    except InvalidDuration:
        raise argparse.ArgumentTypeError(f"invalid duration '{text}'") from None


def some_seconds(text: str) -> float:
    """Read an argument as ``seconds_or_days`` does, but for no time at all."""
    found = seconds_or_days(text)
    if not found:
        raise argparse.ArgumentTypeError(f"invalid duration '{text}'")
    return found


def add_group(verbs: Parsers, name: str, text: str, **options: Any) -> Parsers:
    """Add a word that is followed by another word, such as ``image`` in ``get image policy``."""
    parser = verbs.add_parser(name, help=text, **options)
    add_stack(parser)
    return parser.add_subparsers(metavar="KIND", required=True)
