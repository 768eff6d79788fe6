"""Defines the arguments of the verbs that control what goes out when: freezes, pins, holds, previews."""

from __future__ import annotations

from tagstream.cli.parser_stack import Parsers, add_group, add_verb, seconds_or_days, some_seconds
from tagstream.cli.verbs_table import HELP


def add_control(verbs: Parsers) -> None:
    """Add the verbs to the parser."""
    _add_freezes(verbs)
    _add_interventions(verbs)
    _add_preview(verbs)


def _add_freezes(verbs: Parsers) -> None:
    for verb in ("freeze", "thaw"):
        parser = add_verb(verbs, verb, verb)
        parser.add_argument("what", nargs="*", metavar="automation NAME", help="these automations of the namespace")
        parser.add_argument("--all", action="store_true", help="every automation of the stack")
        parser.add_argument("-r", "--reason", default="", help="kept with the freeze, and in the ledger")
        if verb == "freeze":
            parser.add_argument("--until", default="", metavar="TIME|DURATION", help="when it ends by itself")
            parser.add_argument("--no-wait", action="store_true", help="do not wait for pushes that are under way")


def _add_interventions(verbs: Parsers) -> None:
    for verb in ("pin", "hold", "rollback", "unpin"):
        parser = add_verb(add_group(verbs, verb, HELP[verb]), "policy", verb)
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


def _add_preview(verbs: Parsers) -> None:
    parser = add_verb(verbs, "preview", "preview")
    parser.add_argument("name", nargs="?", help="an automation; all of the namespace without it")
    parser.add_argument("-f", "--filename", action="append", default=[], help="manifests that count instead")
    parser.add_argument("-R", "--recursive", action="store_true", help="-f: also folders below")
    parser.add_argument("--at", default="", metavar="TIME", help="as if it were this time, e.g. 2026-12-01T08:00:00Z")
    parser.add_argument("-o", "--output", choices=("json",), help="for programs")
    group = add_group(verbs, "backtest", HELP["backtest"])
    parser = add_verb(group, "policy", "backtest", "what a policy would have selected when")
    parser.add_argument("name", nargs="?", help="the policy; not needed when the files hold one")
    parser.add_argument("-f", "--filename", action="append", default=[], help="manifests of a new policy or gate")
    parser.add_argument("--since", type=seconds_or_days, default=90 * 86_400.0, help="how far back (default 90d)")
    parser.add_argument("-o", "--output", choices=("json",), help="for programs")
