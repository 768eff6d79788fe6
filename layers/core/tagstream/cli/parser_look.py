"""Defines the arguments of the verbs that show what happened and why: ``events``, ``logs``, ``explain``, ``lint`` …

Source: flux2 cmd/flux/events.go, logs.go.
"""

from __future__ import annotations

from tagstream.cli.kinds import TARGETS
from tagstream.cli.parser_stack import Parsers, add_group, add_verb, add_verb_of_kinds, seconds, seconds_or_days
from tagstream.cli.verbs_table import HELP


def add_look(verbs: Parsers) -> None:
    """Add the verbs to the parser."""
    _add_views(verbs)
    _add_events(verbs)
    _add_offline(verbs)


def _add_views(verbs: Parsers) -> None:
    for parser in add_verb_of_kinds(verbs, "describe", TARGETS):
        parser.add_argument("name", help="the object")
        text = "how far back commits, deliveries and events go (default 1d)"
        parser.add_argument("--since", type=seconds_or_days, default=86_400.0, help=text)
        parser.add_argument("-o", "--output", choices=("wide",), help="whole values in the table of events")
        # The table of events has no column for the namespace.
        parser.set_defaults(all_namespaces=False, cause="")
    parser = add_verb(verbs, "tree", "tree")
    parser.add_argument("name", nargs="?", metavar="REPOSITORY", help="an ImageRepository; all without it")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="repositories of all namespaces")
    parser.add_argument("--markers", action="store_true", help="read the branches, and show files and markers")
    parser.add_argument("-o", "--output", choices=("json",), help="for programs")


def _add_events(verbs: Parsers) -> None:
    parser = add_verb(verbs, "events", "events")
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
    parser = add_verb(verbs, "logs", "logs")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="lines of all namespaces")
    parser.add_argument("--since", type=seconds, default=3600.0, help="how far back (default 1h)")
    parser.add_argument("-f", "--follow", action="store_true", help="then print new lines, until ^C")
    parser.add_argument("--level", default="", help="only this level: debug, info or error")
    parser.add_argument("--kind", default="", help="only this kind")
    parser.add_argument("--name", default="", help="only this object")
    parser = add_verb(verbs, "webhook-url", "webhook-url")
    parser.add_argument("name", metavar="RECEIVER", help="a Receiver of the namespace")


def _add_offline(verbs: Parsers) -> None:
    group = add_group(verbs, "explain", HELP["explain"])
    parser = add_verb(group, "policy", "explain", "what a policy selects and why")
    parser.add_argument("name", nargs="?", help="the policy; not needed when the files hold one")
    parser.add_argument("-f", "--filename", action="append", default=[], help="manifests (offline)")
    parser.add_argument("--tags", metavar="FILE", help="one tag a line, or a JSON list; - for stdin")
    parser.add_argument(
        "--registry", action="store_true", help="ask the registry, from here, what the gates want to know of images"
    )
    parser.add_argument("-o", "--output", choices=("wide", "json"), help="wide: whole values; json: for programs")
    for verb in ("lint", "diff"):
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
        if verb == "lint":
            parser.add_argument("--fix", action="store_true", help="write misspelt markers and missing quotes right")
            parser.add_argument(
                "--no-cross-namespace-refs", action="store_true", help="as the stack's parameter NoCrossNamespaceRefs"
            )
        if verb == "diff":
            parser.add_argument("--write", action="store_true", help="write the changes into the working tree")
            parser.set_defaults(failure_code=2)
