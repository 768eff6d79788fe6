"""Prints the functions' log lines as flux prints those of its controllers: ``tagstream logs``.

Source: flux2 cmd/flux/logs.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta

from tagstream.cli.console import CommandFailed
from tagstream.cli.following import followed
from tagstream.cli.kinds import checked_kind
from tagstream.cli.session import Session

LEVELS = ("debug", "info", "error")
KINDS: Mapping[str, str] = {
    "imagerepository": "ImageRepository",
    "imagepolicy": "ImagePolicy",
    "imageupdateautomation": "ImageUpdateAutomation",
    "kustomization": "Kustomization",
    "receiver": "Receiver",
    "alert": "Alert",
}
SHOWN = frozenset({"timestamp", "level", "message", "controller", "object", "namespace", "location", "service"})
LAMBDA = ("function_", "cold_start", "xray_", "sampling_rate", "correlation_id")


def logs(session: Session) -> int:
    """Run ``logs [--since 1h] [--follow] [--level LEVEL] [--kind KIND] [--name NAME] [-A]``.

    Raises:
        CommandFailed: the level or the kind is unknown, or the logs cannot be read.
    """
    args = session.args
    if args.level and args.level.casefold() not in LEVELS:
        raise CommandFailed(f"log level '{args.level}' not supported, can be one of: {', '.join(LEVELS)}")
    if args.kind:
        checked_kind(args.kind, KINDS.values())
    since = session.ports.clock.now() - timedelta(seconds=args.since)
    if args.follow:
        for lines in followed(session, session.log_lines, _identity, since):
            _print(session, lines)
    _print(session, session.log_lines(since, session.ports.clock.now()))
    return 0


def _identity(line: Mapping[str, object]) -> str:
    return json.dumps(line, sort_keys=True)


def _print(session: Session, lines: Iterable[Mapping[str, object]]) -> None:
    for line in lines:
        if _is_wanted(session, line):
            session.console.line(_text(line))


def _is_wanted(session: Session, line: Mapping[str, object]) -> bool:
    args = session.args
    if "controller" not in line:
        # Lines without a controller are Lambda's own and metrics. Only those that report a crash are shown.
        crashed = line.get("level") in ("ERROR", "CRITICAL")
        return crashed and args.level.casefold() in ("", "error") and not (args.kind or args.name)
    kind = KINDS.get(str(line["controller"]), "")
    return (
        "_aws" not in line
        and (not args.level or str(line.get("level", "")).casefold() == args.level.casefold())
        and (not args.kind or kind.casefold() == args.kind.casefold())
        and (not args.name or line.get("object") == args.name)
        and (args.all_namespaces or line.get("namespace", session.namespace) == session.namespace)
    )


def _text(line: Mapping[str, object]) -> str:
    kind = KINDS.get(str(line.get("controller", "")), "")
    name = f" {kind}/{line['object']}.{line.get('namespace', '')}" if kind and line.get("object") else ""
    facts = {key: value for key, value in line.items() if key not in SHOWN and not key.startswith(LAMBDA)}
    rest = " ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in facts.items())
    level = str(line.get("level", "INFO")).lower()
    return f"{line.get('timestamp', '')} {level}{name} - {line.get('message', '')} {rest}".rstrip()
