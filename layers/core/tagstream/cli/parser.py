"""Defines the verbs and their arguments.

Source: flux2 cmd/flux/*.go (names of verbs and flags); kubectl apply.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

import tagstream
from tagstream.cli.kinds import IMAGES, TARGETS, Target
from tagstream.cli.parser_create import add_create
from tagstream.cli.parser_stack import Parsers, add_group, add_stack, seconds, seconds_or_days, some_seconds
from tagstream.cli.verbs_table import HELP, RUN

STACK, NAMESPACE = "TAGSTREAM_STACK", "TAGSTREAM_NAMESPACE"
DEFAULT_NAMESPACE = "flux-system"


class UsageError(ValueError):
    """The arguments are wrong. The message ends with how to get help; ``code`` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class _HelpShown(Exception):
    """Help or the version was printed, so there is no command to run."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises exceptions instead of ending the process; usage errors exit with 1, as in flux."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process."""
        raise UsageError(f"{message}; see {self.prog} --help", self.get_default("failure_code") or 1)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Raise instead of ending the process."""
        raise _HelpShown(message or "")


def parse(argv: Sequence[str], environ: Mapping[str, str] = MappingProxyType({})) -> argparse.Namespace | None:
    """Parse arguments; returns None if only help or the version was asked for.

    Args:
        argv: the arguments.
        environ: gives the stack (``TAGSTREAM_STACK``) and the namespace (``TAGSTREAM_NAMESPACE``) that are used when
            the arguments name none.

    Raises:
        UsageError: the arguments are wrong.
    """
    parser = Parser(
        prog="tagstream",
        description="FluxCD image automation without a cluster.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tagstream {tagstream.__version__}")
    add_stack(parser, stack=environ.get(STACK) or "tagstream", namespace=None, timeout=300.0)
    # What -n gives is told apart: a freeze of a namespace must be asked for in so many words.
    parser.set_defaults(usual_namespace=environ.get(NAMESPACE) or DEFAULT_NAMESPACE)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    actions = (_add_actions, _add_freezes, _add_interventions)
    for add in (_add_apply, _add_get, *actions, add_create, _add_events, _add_preview, _add_offline):
        add(verbs)
    try:
        args, unknown = parser.parse_known_args(list(argv))
    except _HelpShown:
        return None
    if unknown:
        message = f"unrecognized arguments: {' '.join(unknown)}; see {parser.prog} --help"
        raise UsageError(message, getattr(args, "failure_code", 1))
    args.run = _function(args.verb)
    return args


def _function(verb: str) -> Any:
    module, _, name = RUN[verb].partition(":")
    return getattr(importlib.import_module(module), name)


def _verb(verbs: Parsers, name: str, verb: str, text: str = "", **options: Any) -> argparse.ArgumentParser:
    """Add the parser for the last word of a verb; ``verb`` is the verb's key in ``RUN``."""
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text or HELP[verb], **options)
    add_stack(parser)
    parser.set_defaults(verb=verb)
    return parser


def _add_apply(verbs: Parsers) -> None:
    parser = _verb(verbs, "apply", "apply")
    parser.add_argument("-f", "--filename", action="append", required=True, help="file, folder or - (repeatable)")
    parser.add_argument("-R", "--recursive", action="store_true", help="also folders below")
    parser.add_argument(
        "--dry-run",
        nargs="?",
        const="server",
        choices=("server", "client"),
        help="write nothing; 'client' needs no stack at all",
    )


def _add_get(verbs: Parsers) -> None:
    group = add_group(verbs, "get", HELP["get"])
    images = add_group(group, "images", "image repositories, policies and automations", aliases=["image"])
    for where, verb, text in ((images, "get images all", "every image object"), (group, "get all", "every object")):
        parser = _verb(where, "all", verb, text)
        _add_get_options(parser)
        parser.set_defaults(name=None)
    sources = add_group(group, "sources", "Git repositories", aliases=["source"])
    for target in TARGETS:
        where = {"image": images, "source": sources}.get(target.group, group)
        aliases = [] if target.word else ["receivers"]
        parser = _verb(where, target.word or target.group, "get", f"{target.kind} objects", aliases=aliases)
        parser.add_argument("name", nargs="?", help="only this one")
        parser.set_defaults(target=target)
        _add_get_options(parser)


def _add_get_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="objects of all namespaces")
    parser.add_argument(
        "-o",
        "--output",
        choices=("wide", "name", "json", "yaml"),
        help="wide: whole values on a terminal too; name: KIND.GROUP/NAME; json, yaml: whole objects with their status",
    )
    parser.add_argument("-w", "--watch", action="store_true", help="then print every object that changes, until ^C")
    parser.add_argument(
        "-l",
        "--label-selector",
        "--selector",
        default="",
        metavar="SELECTOR",
        help="only objects with these labels, e.g. app=web,tier!=test",
    )
    parser.add_argument("--no-header", action="store_true", help="no titles")
    parser.add_argument("--status-selector", metavar="TYPE=STATUS", help="only objects in this state, e.g. ready=false")


def _add_actions(verbs: Parsers) -> None:
    for parser in _targets(verbs, "reconcile", (*IMAGES, *TARGETS[4:])):
        parser.add_argument("name", help="the object")
        parser.add_argument("--no-wait", action="store_true", help="do not wait for the outcome")
    for verb in ("suspend", "resume"):
        for parser in _targets(verbs, verb, TARGETS):
            parser.add_argument("name", nargs="*", help="the objects")
            parser.add_argument("--all", action="store_true", help="all objects of the namespace")
            if verb == "suspend":
                parser.add_argument("-r", "--reason", default="", help="kept in an annotation")
            else:
                parser.add_argument("--no-wait", action="store_true", help="do not wait for the outcome")
    for parser in _targets(verbs, "export", TARGETS):
        parser.add_argument("name", nargs="?", help="the object")
        parser.add_argument("--all", action="store_true", help="all objects of the namespace")
    for parser in _targets(verbs, "delete", TARGETS):
        parser.add_argument("name", help="the object")
        parser.add_argument("-s", "--silent", action="store_true", help="do not ask")


def _add_freezes(verbs: Parsers) -> None:
    for verb in ("freeze", "thaw"):
        parser = _verb(verbs, verb, verb)
        parser.add_argument("what", nargs="*", metavar="automation NAME", help="these automations of the namespace")
        parser.add_argument("--all", action="store_true", help="every automation of the stack")
        parser.add_argument("-r", "--reason", default="", help="kept with the freeze, and in the ledger")
        if verb == "freeze":
            parser.add_argument("--until", default="", metavar="TIME|DURATION", help="when it ends by itself")
            parser.add_argument("--no-wait", action="store_true", help="do not wait for pushes that are under way")


def _add_preview(verbs: Parsers) -> None:
    parser = _verb(verbs, "preview", "preview")
    parser.add_argument("name", nargs="?", help="an automation; all of the namespace without it")
    parser.add_argument("-f", "--filename", action="append", default=[], help="manifests that count instead")
    parser.add_argument("-R", "--recursive", action="store_true", help="-f: also folders below")
    parser.add_argument("--at", default="", metavar="TIME", help="as if it were this time, e.g. 2026-12-01T08:00:00Z")
    parser.add_argument("-o", "--output", choices=("json",), help="for programs")
    group = add_group(verbs, "backtest", HELP["backtest"])
    parser = _verb(group, "policy", "backtest", "what a policy would have selected when")
    parser.add_argument("name", nargs="?", help="the policy; not needed when the files hold one")
    parser.add_argument("-f", "--filename", action="append", default=[], help="manifests of a new policy or gate")
    parser.add_argument("--since", type=seconds_or_days, default=90 * 86_400.0, help="how far back (default 90d)")
    parser.add_argument("-o", "--output", choices=("json",), help="for programs")


def _add_interventions(verbs: Parsers) -> None:
    for verb in ("pin", "hold", "rollback", "unpin"):
        parser = _verb(add_group(verbs, verb, HELP[verb]), "policy", verb)
        parser.add_argument("name", help="the policy")
        if verb == "pin":
            parser.add_argument("tag", help="a tag that the repository lists")
        if verb == "rollback":
            parser.add_argument("--to", metavar="TAG", default="", help="not the tag that was selected before")
        if verb != "unpin":
            text = "when it ends by itself, e.g. 12h, 7d"
            parser.add_argument("--for", dest="for_", metavar="DURATION", type=some_seconds, default=None, help=text)
        parser.add_argument("-r", "--reason", default="", help="kept, and shown with it")
        parser.add_argument("--no-wait", action="store_true", help="do not wait for the outcome")


def _targets(verbs: Parsers, verb: str, targets: Sequence[Target]) -> Iterable[argparse.ArgumentParser]:
    """Add a parser for every kind to which a verb applies."""
    group = add_group(verbs, verb, HELP[verb])
    groups: dict[str, Parsers] = {}
    for target in targets:
        if target.word and target.group not in groups:
            groups[target.group] = add_group(group, target.group, f"{target.group} objects")
        parser = _verb(
            groups.get(target.group, group), target.word or target.group, verb, f"{verb} {target.kind} objects"
        )
        parser.set_defaults(target=target)
        yield parser


def _add_events(verbs: Parsers) -> None:
    parser = _verb(verbs, "events", "events")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="events of all namespaces")
    parser.add_argument("--for", dest="involved", metavar="KIND[/NAME]", help="events of these objects")
    parser.add_argument("--types", default="", help="Normal, Warning or both, with a comma")
    parser.add_argument(
        "--cause", default="", metavar="ID", help="what a delivery, by its id, led to: up to the commit"
    )
    parser.add_argument("--since", type=seconds, default=3600.0, help="how far back (default 1h)")
    parser.add_argument(
        "-o", "--output", choices=("wide", "json", "yaml"), help="wide: whole values; json, yaml: with all facts"
    )
    parser.add_argument("-w", "--watch", action="store_true", help="then print what happens, until ^C")
    parser = _verb(verbs, "logs", "logs")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="lines of all namespaces")
    parser.add_argument("--since", type=seconds, default=3600.0, help="how far back (default 1h)")
    parser.add_argument("-f", "--follow", action="store_true", help="then print new lines, until ^C")
    parser.add_argument("--level", default="", help="only this level: debug, info or error")
    parser.add_argument("--kind", default="", help="only this kind")
    parser.add_argument("--name", default="", help="only this object")
    parser = _verb(verbs, "webhook-url", "webhook-url")
    parser.add_argument("name", metavar="RECEIVER", help="a Receiver of the namespace")


def _add_offline(verbs: Parsers) -> None:
    group = add_group(verbs, "explain", HELP["explain"])
    parser = _verb(group, "policy", "explain", "what a policy selects and why")
    parser.add_argument("name", nargs="?", help="the policy; not needed when the files hold one")
    parser.add_argument("-f", "--filename", action="append", default=[], help="manifests (offline)")
    parser.add_argument("--tags", metavar="FILE", help="one tag a line, or a JSON list; - for stdin")
    parser.add_argument("-o", "--output", choices=("wide", "json"), help="wide: whole values; json: for programs")
    for verb in ("lint", "diff"):
        parser = _verb(verbs, verb, verb)
        parser.add_argument(
            "--objects", action="extend", nargs="+", required=True, metavar="PATH", help="manifests: files or folders"
        )
        parser.add_argument("--repo", required=True, help="the working tree")
        parser.add_argument("-R", "--recursive", action="store_true", help="--objects: also folders below")
        parser.add_argument(
            "--ref", action="append", default=[], metavar="NS/NAME=IMAGE:TAG[@DIGEST]", help="what a policy selected"
        )
        parser.add_argument("-o", "--output", choices=("json",), help="for programs")
        if verb == "lint":
            parser.add_argument("--fix", action="store_true", help="write misspelt markers and missing quotes right")
            parser.add_argument(
                "--no-cross-namespace-refs", action="store_true", help="as the stack's parameter NoCrossNamespaceRefs"
            )
        if verb == "diff":
            parser.add_argument("--write", action="store_true", help="write the changes into the working tree")
            parser.set_defaults(failure_code=2)
