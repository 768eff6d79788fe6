"""Defines the arguments of the verbs that can do without a stack: ``explain``, ``lint`` and ``diff``."""

from __future__ import annotations

import argparse

from tagstream.cli.parser_stack import Parsers, add_group, add_verb
from tagstream.cli.verbs_table import HELP


def add_explain(verbs: Parsers) -> None:
    """Add the verb to the parser."""
    group = add_group(verbs, "explain", HELP["explain"])
    parser = add_verb(group, "policy", "explain", "what a policy selects and why")
    parser.add_argument("name", nargs="?", help="the policy; not needed when the files hold one")
    parser.add_argument("-f", "--filename", action="append", default=[], help="manifests (offline)")
    parser.add_argument("--tags", metavar="FILE", help="one tag a line, or a JSON list; - for stdin")
    parser.add_argument(
        "--registry", action="store_true", help="ask the registry, from here, what the gates want to know of images"
    )
    parser.add_argument("-o", "--output", choices=("wide", "json"), help="wide: whole values; json: for programs")


def add_lint(verbs: Parsers) -> None:
    """Add the verb to the parser."""
    parser = _verb_of_trees(verbs, "lint")
    parser.add_argument("--fix", action="store_true", help="write misspelt markers and missing quotes right")
    parser.add_argument(
        "--no-cross-namespace-refs", action="store_true", help="as the stack's parameter NoCrossNamespaceRefs"
    )


def add_diff(verbs: Parsers) -> None:
    """Add the verb to the parser."""
    parser = _verb_of_trees(verbs, "diff")
    parser.add_argument("--write", action="store_true", help="write the changes into the working tree")
    parser.set_defaults(failure_code=2)


def _verb_of_trees(verbs: Parsers, verb: str) -> argparse.ArgumentParser:
    """Add a verb that looks at a working tree."""
    parser = add_verb(verbs, verb, verb)
    parser.add_argument(
        "--objects", action="extend", nargs="+", required=True, metavar="PATH", help="manifests: files or folders"
    )
    parser.add_argument("--repo", required=True, help="the working tree")
    parser.add_argument("-R", "--recursive", action="store_true", help="--objects: also folders below")
    parser.add_argument(
        "--ref", action="append", default=[], metavar="NS/NAME=IMAGE:TAG[@DIGEST]", help="what a policy selected"
    )
    parser.add_argument("-o", "--output", choices=("json",), help="for programs")
    return parser
