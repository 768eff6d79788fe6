"""Defines the arguments of the verbs that are about the stack and the program themselves."""

from __future__ import annotations

from tagstream.cli.parser_stack import Parsers, add_group, add_verb
from tagstream.cli.verbs_table import HELP

SHELLS = ("bash", "zsh", "fish")


def add_operate(verbs: Parsers) -> None:
    """Add the verbs to the parser."""
    shells = add_group(verbs, "completion", HELP["completion"])
    for shell in SHELLS:
        parser = add_verb(shells, shell, "completion", f"Print a script that completes words and flags in {shell}")
        parser.set_defaults(shell=shell)
