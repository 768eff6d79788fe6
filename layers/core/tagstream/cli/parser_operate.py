"""Defines the arguments of the verbs that are about the stack and the program themselves."""

from __future__ import annotations

from tagstream.cli.parser_stack import Parsers, add_group, add_verb
from tagstream.cli.verbs_table import HELP

QUEUES = ("scan", "update")
SHELLS = ("bash", "zsh", "fish")


def add_operate(verbs: Parsers) -> None:
    """Add the verbs to the parser."""
    parser = add_verb(verbs, "version", "version")
    parser.add_argument("--client", action="store_true", help="only the command line, which needs no stack")
    parser.add_argument("-o", "--output", choices=("json", "yaml"), help="for programs")
    parser = add_verb(verbs, "check", "check")
    parser.add_argument("-o", "--output", choices=("wide", "json"), help="wide: whole values; json: for programs")
    parser = add_verb(verbs, "redrive", "redrive")
    parser.add_argument("queue", nargs="?", choices=QUEUES, help="only this dead-letter queue")
    parser.add_argument("--retry", action="store_true", help="ask again for what they were about, then remove them")
    parser.add_argument("--drop", action="store_true", help="remove them")
    parser.add_argument("-s", "--silent", action="store_true", help="do not ask before --drop")
    parser.add_argument("-o", "--output", choices=("wide", "json"), help="wide: whole values; json: with their bodies")
    shells = add_group(verbs, "completion", HELP["completion"])
    for shell in SHELLS:
        parser = add_verb(shells, shell, "completion", f"Print a script that completes words and flags in {shell}")
        parser.set_defaults(dialect=shell)
