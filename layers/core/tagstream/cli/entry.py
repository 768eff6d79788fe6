"""Runs one command: parses the arguments, calls the verb and turns its outcome into an exit code."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TextIO

from tagstream.cli.console import CommandFailed, Console
from tagstream.cli.parser import UsageError, parse
from tagstream.cli.session import Session
from tagstream.errors import ImageAutomationError

if TYPE_CHECKING:
    from datetime import datetime

    from tagstream.ports.bundle import Ports
    from tagstream.ports.operations import Operations

INTERRUPTED = 130
COMPLETION = "_ARGCOMPLETE"
"""Set by the shell that asks what can follow the words typed so far."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    # Before the interpreter ends it looks through everything for cycles: a tenth of a short command, and of no use.
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # The terminal's encoding may lack characters of a file name or of a registry's answer.
            stream.reconfigure(errors="backslashreplace")
    if COMPLETION in os.environ:
        from tagstream.cli.verbs.completion import complete

        complete(os.environ, _connect)
    try:
        console = Console(out=sys.stdout, err=sys.stderr, width=_terminal_width(sys.stdout))
        code = run(sys.argv[1:] if argv is None else argv, console, sys.stdin, environ=os.environ)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the pipe (head, less) has ended. Without this the interpreter would flush into the closed pipe
        # again when it exits, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _terminal_width(stream: TextIO) -> int:
    """Return the columns of a terminal, or what ``COLUMNS`` says; 0 for a pipe or a file."""
    if not stream.isatty():
        return 0
    # It brings all kinds of archives along, which output to a file or a pipe does not need.
    import shutil

    return shutil.get_terminal_size().columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Functions that take a stack's name and give its ports, its webhook's URL, its log lines and its operations.

    ``who`` gives the caller's name.
    """

    connect: Callable[[str], Ports]
    base_url: Callable[[str], str]
    read_logs: Callable[[str, datetime, datetime], Sequence[Mapping[str, object]]]
    who: Callable[[], str]
    operate: Callable[[str], Operations]


def run(
    argv: Sequence[str],
    console: Console,
    stdin: TextIO,
    stack: Stack | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run one command with the given streams and stack, and return the exit code.

    Args:
        argv: the arguments without the program's name.
        console: where to print.
        stdin: what is read when a path is ``-``.
        stack: how to reach the stack; None reaches it through AWS.
        environ: the environment, for the defaults of ``--stack`` and ``--namespace``.
    """
    try:
        args = parse(argv, environ)
    except UsageError as error:
        console.failure(str(error))
        return error.code
    if args is None:
        return 0
    where = stack or Stack(connect=_connect, base_url=_base_url, read_logs=_read_logs, who=_who, operate=_operate)
    session = Session(
        args=args,
        console=console,
        stdin=stdin,
        connect=where.connect,
        base_url=where.base_url,
        read_logs=where.read_logs,
        who=where.who,
        operate=where.operate,
    )
    failed = getattr(args, "failure_code", 1)
    try:
        code: int = args.run(session)
    except CommandFailed as error:
        console.failure(str(error))
        return failed
    except ImageAutomationError as error:
        console.failure(error.message)
        return failed
    return code


def _connect(stack: str) -> Ports:
    from tagstream import wiring

    try:
        return wiring.cli_ports(stack, os.environ)
    except wiring.NotDeployed as error:
        raise CommandFailed(str(error)) from error


def _base_url(stack: str) -> str:
    from tagstream import wiring

    try:
        return wiring.stack_outputs(stack)["WebhookUrl"]
    except wiring.NotDeployed as error:
        raise CommandFailed(str(error)) from error


def _read_logs(stack: str, since: datetime, until: datetime) -> Sequence[Mapping[str, object]]:
    from tagstream import wiring

    return wiring.log_groups(stack).read(since, until)


def _operate(stack: str) -> Operations:
    from tagstream import wiring

    try:
        return wiring.operations(stack, os.environ)
    except wiring.NotDeployed as error:
        raise CommandFailed(str(error)) from error


def _who() -> str:
    # It asks for the terminal's modules, and only pins, freezes and the like say who gave them.
    import getpass

    from tagstream import wiring

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "an unknown user"
    return wiring.caller(name)
