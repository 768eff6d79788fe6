"""Puts the parsers of all verbs together, and parses arguments.

Source: flux2 cmd/flux/*.go (names of verbs and flags).
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn

import tagstream
from tagstream.cli.examples_table import EXAMPLES
from tagstream.cli.parser_stack import add_stack
from tagstream.cli.verbs_table import RUN

STACK, NAMESPACE = "TAGSTREAM_STACK", "TAGSTREAM_NAMESPACE"
DEFAULT_NAMESPACE = "flux-system"
MAX_EXAMPLES = 6
ANY_WIDTH = 80
SECTIONS: Sequence[tuple[str, Sequence[str]]] = (
    (
        "tagstream.cli.parser_objects:add_objects",
        ("apply", "get", "reconcile", "suspend", "resume", "export", "delete", "annotate"),
    ),
    ("tagstream.cli.parser_create:add_create", ("create",)),
    ("tagstream.cli.parser_create:add_bootstrap", ("bootstrap",)),
    (
        "tagstream.cli.parser_control:add_control",
        ("freeze", "thaw", "pin", "hold", "rollback", "unpin", "preview", "backtest"),
    ),
    ("tagstream.cli.parser_look:add_look", ("describe", "dashboard", "tree", "events", "logs", "webhook-url")),
    ("tagstream.cli.parser_offline:add_explain", ("explain",)),
    ("tagstream.cli.parser_offline:add_lint", ("lint",)),
    ("tagstream.cli.parser_offline:add_diff", ("diff",)),
    ("tagstream.cli.parser_operate:add_operate", ("version", "check", "redrive", "completion")),
)
"""The functions that add verbs, in the order of the help text, and the verbs that each of them adds."""


class UsageError(ValueError):
    """The arguments are wrong. The message ends with how to get help; ``code`` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class _HelpShown(Exception):
    """Help or the version was printed, so there is no command to run."""


class Parser(argparse.ArgumentParser):
    """An argument parser that shows examples, and raises exceptions instead of ending the process.

    Usage errors exit with 1, as in flux.
    """

    def __init__(self, **options: Any) -> None:
        # argparse makes a formatter for every argument, and a formatter without a width asks the terminal for it.
        options.setdefault("formatter_class", partial(argparse.HelpFormatter, width=ANY_WIDTH))
        super().__init__(**options)

    def format_help(self) -> str:
        """Return the help, with the examples that begin with these words."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        self.epilog = _examples(self.prog)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process."""
        raise UsageError(f"{message}; see {self.prog} --help", self.get_default("failure_code") or 1)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise instead of ending the process."""
        raise _HelpShown(message or "")


def _examples(prog: str) -> str:
    """Return the section of a help text with examples; behind a word that many verbs follow, one for each of them."""
    fitting = [line for line in EXAMPLES if f"{example_command(line)} ".startswith(f"{prog} ")] or _of_another_kind(
        prog
    )
    firsts = {" ".join(example_command(line).removeprefix(prog).split()[:1]): line for line in reversed(fitting)}
    shown = fitting if len(fitting) <= MAX_EXAMPLES else list(reversed(firsts.values()))[:MAX_EXAMPLES]
    return "examples:\n" + "\n".join(f"  {line}" for line in shown)


def _of_another_kind(prog: str) -> list[str]:
    """Return the examples of a verb for a kind that the table has none for: those of a Receiver, in other words."""
    verb, _, kind = prog.removeprefix("tagstream ").partition(" ")
    others = [line for line in EXAMPLES if line.startswith(f"tagstream {verb} receiver quay")]
    return [line.replace("receiver quay", f"{kind} example") for line in others]


def example_command(line: str) -> str:
    """Return the command of ours in an example: without what is piped into it, and without the remark."""
    return line.partition("  #")[0].rpartition(" | ")[2]


def build_parser(environ: Mapping[str, str] = MappingProxyType({}), verb: str = "") -> Parser:
    """Return the parser of all verbs, or of the section in which ``verb`` is.

    The parsers of all verbs take longer to build than ``diff`` takes to read a thousand files.

    Args:
        environ: gives the defaults of the stack and the namespace.
        verb: the only verb that will be parsed; all verbs are there if it is none.
    """
    parser = Parser(prog="tagstream", description="FluxCD image automation without a cluster.")
    parser.add_argument("--version", action="version", version=f"tagstream {tagstream.__version__}")
    add_stack(parser, stack=environ.get(STACK) or "tagstream", namespace=None, timeout=300.0)
    # What -n gives is told apart: a freeze of a namespace must be asked for in so many words.
    parser.set_defaults(usual_namespace=environ.get(NAMESPACE) or DEFAULT_NAMESPACE)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    wanted = [add for add, names in SECTIONS if verb in names] or [add for add, _ in SECTIONS]
    for add in wanted:
        _found(add)(verbs)
    return parser


def parse(argv: Sequence[str], environ: Mapping[str, str] = MappingProxyType({})) -> argparse.Namespace | None:
    """Parse arguments; returns None if only help or the version was asked for.

    Args:
        argv: the arguments.
        environ: gives the stack (``TAGSTREAM_STACK``) and the namespace (``TAGSTREAM_NAMESPACE``) that are used when
            the arguments name none.

    Raises:
        UsageError: the arguments are wrong.
    """
    # Behind a flag the verb cannot be told from the flag's value without all parsers.
    parser = build_parser(environ, argv[0] if argv else "")
    try:
        args, unknown = parser.parse_known_args(list(argv))
    except _HelpShown:
        return None
    if unknown:
        message = f"unrecognized arguments: {' '.join(unknown)}; see {parser.prog} --help"
        raise UsageError(message, getattr(args, "failure_code", 1))
    args.run = _found(RUN[args.verb])
    return args


def _found(path: str) -> Any:
    """Import the function that ``module:name`` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
