"""Defines the arguments of the verbs that show what happened and why: ``describe``, ``tree``, ``events``, ``logs`` …

Source: flux2 cmd/flux/events.go, logs.go.
"""

from __future__ import annotations

from tagstream.cli.kinds import STORED
from tagstream.cli.parser_stack import Parsers, add_verb, add_verb_of_kinds, seconds, seconds_or_days, some_seconds

PORT = 8787
"""Where ``dashboard`` listens unless ``--port`` says otherwise."""


def add_look(verbs: Parsers) -> None:
    """Add the verbs to the parser."""
    _add_views(verbs)
    _add_events(verbs)


def _add_views(verbs: Parsers) -> None:
    for parser in add_verb_of_kinds(verbs, "describe", STORED):
        parser.add_argument("name", help="the object")
        text = "how far back commits, deliveries and events go (default 1d)"
        parser.add_argument("--since", type=seconds_or_days, default=86_400.0, help=text)
        parser.add_argument("-o", "--output", choices=("wide",), help="whole values in the table of events")
        # The table of events has no column for the namespace.
        parser.set_defaults(all_namespaces=False, cause="")
    parser = add_verb(verbs, "dashboard", "dashboard")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="begin with the objects of all namespaces")
    parser.add_argument("--port", type=int, default=PORT, help=f"where to listen (default {PORT}); 0 for a free port")
    text = "how far back commits and events go (default 1d)"
    parser.add_argument("--since", type=some_seconds, default=86_400.0, help=text)
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")
    parser.add_argument("-o", "--output", choices=("html",), help="print the first page, and serve nothing")
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
