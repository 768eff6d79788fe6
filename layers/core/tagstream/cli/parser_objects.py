"""Defines the arguments of the verbs that read and change objects of any kind: ``get``, ``suspend``, ``export`` …

Source: flux2 cmd/flux/get.go, suspend.go, resume.go, export.go, delete.go, reconcile.go; kubectl apply.
"""

from __future__ import annotations

import argparse

from tagstream.cli.kinds import ASKED, KUSTOMIZATION, STORED, TARGETS
from tagstream.cli.parser_stack import Parsers, add_group, add_kinds, add_verb, add_verb_of_kinds
from tagstream.cli.verbs_table import HELP


def add_objects(verbs: Parsers) -> None:
    """Add the verbs to the parser."""
    _add_apply(verbs)
    _add_get(verbs)
    _add_actions(verbs)


def _add_apply(verbs: Parsers) -> None:
    parser = add_verb(verbs, "apply", "apply")
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
        parser = add_verb(where, "all", verb, text)
        _add_get_options(parser)
        parser.set_defaults(name=None)
    parser = add_verb(group, "secrets", "get secrets", "names and keys of secrets, never values", aliases=["secret"])
    parser.add_argument("name", nargs="?", help="only this one")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="secrets of all namespaces")
    parser.add_argument("-o", "--output", choices=("wide", "name", "json"), help="name: secret/NAME")
    parser.add_argument("--no-header", action="store_true", help="no titles")
    sources = add_group(group, "sources", "Git repositories", aliases=["source"])
    for target in STORED:
        where = {"image": images, "source": sources}.get(target.group, group)
        words = target.word or target.group
        parser = add_verb(where, words, "get", f"{target.kind} objects", aliases=list(target.aliases))
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
    for parser in add_verb_of_kinds(verbs, "reconcile", ASKED):
        parser.add_argument("name", help="the object")
        parser.add_argument("--no-wait", action="store_true", help="do not wait for the outcome")
        if parser.get_default("target") == KUSTOMIZATION:
            text = "taken for scripts made for flux: the source is always looked at"
            parser.add_argument("--with-source", action="store_true", help=text)
    for verb in ("suspend", "resume"):
        for parser in add_verb_of_kinds(verbs, verb, TARGETS):
            parser.add_argument("name", nargs="*", help="the objects")
            parser.add_argument("--all", action="store_true", help="all objects of the namespace")
            if verb == "suspend":
                parser.add_argument("-r", "--reason", default="", help="kept in an annotation")
            else:
                parser.add_argument("--no-wait", action="store_true", help="do not wait for the outcome")
    _add_export(verbs)
    _add_delete(verbs)
    for parser in add_verb_of_kinds(verbs, "annotate", STORED):
        parser.add_argument("name", help="the object")
        parser.add_argument("change", nargs="+", metavar="KEY=VALUE|KEY-", help="set an annotation, or remove it")


def _add_export(verbs: Parsers) -> None:
    group = add_group(verbs, "export", HELP["export"])
    groups: dict[str, Parsers] = {}
    for parser in add_kinds(group, "export", STORED, groups):
        parser.add_argument("name", nargs="?", help="the object")
        parser.add_argument("--all", action="store_true", help="all objects of the namespace")
    for word, below in (("", group), *groups.items()):
        targets = [one for one in STORED if word in ("", one.group)]
        parser = add_verb(below, "all", "export all", f"Export all {word} objects" if word else "Export all objects")
        parser.add_argument("-A", "--all-namespaces", action="store_true", help="objects of all namespaces")
        parser.set_defaults(targets=targets)


def _add_delete(verbs: Parsers) -> None:
    group = add_group(verbs, "delete", HELP["delete"])
    secret = add_verb(group, "secret", "delete secret", "Delete a secret; AWS keeps it for thirty days")
    secret.add_argument("--now", action="store_true", help="delete it at once: nobody can bring it back")
    for parser in (secret, *add_kinds(group, "delete", STORED, {})):
        parser.add_argument("name", help="the object or the secret")
        parser.add_argument("-s", "--silent", action="store_true", help="do not ask")
