"""Adds verbs, the words before them, and the arguments that every verb accepts: stack, namespace, timeout."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from gocompat.duration import InvalidDuration, parse_interval
from tagstream.cli.kinds import Target
from tagstream.cli.verbs_table import HELP
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
    parser = verbs.add_parser(name, help=text, description=_sentence(text), **options)
    add_stack(parser)
    return parser.add_subparsers(metavar="KIND", required=True)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def add_verb(verbs: Parsers, name: str, verb: str, text: str = "", **options: Any) -> argparse.ArgumentParser:
    """Add the parser for the last word of a verb.

    Args:
        verbs: the words before it.
        name: the last word.
        verb: the verb's key in ``RUN`` and ``HELP``.
        text: what the help says, if it is not what ``HELP`` says.
        options: of argparse's ``add_parser``.
    """
    said = text or HELP[verb]
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=said, description=_sentence(said), **options)
    add_stack(parser)
    parser.set_defaults(verb=verb)
    return parser


def add_verb_of_kinds(verbs: Parsers, verb: str, targets: Sequence[Target]) -> Iterator[argparse.ArgumentParser]:
    """Add a verb's parser for every kind to which it applies, and yield them one after the other."""
    yield from add_kinds(add_group(verbs, verb, HELP[verb]), verb, targets, {})


def add_kinds(
    group: Parsers, verb: str, targets: Sequence[Target], groups: dict[str, Parsers]
) -> Iterator[argparse.ArgumentParser]:
    """Add the parsers of kinds below a verb that has its words already; words like ``image`` go into ``groups``."""
    for target in targets:
        if target.word and target.group not in groups:
            groups[target.group] = add_group(group, target.group, f"{verb} {target.group} objects".capitalize())
        where = groups[target.group] if target.word else group
        text = f"{verb} {target.kind} objects".capitalize().replace(target.kind.lower(), target.kind)
        parser = add_verb(where, target.word or target.group, verb, text, aliases=list(target.aliases))
        parser.set_defaults(target=target)
        yield parser
