"""Deploys what `sam build` made: `deploy.py check ENV …` before the build, `deploy.py run ENV …` after it.

The check needs a second and finds what would otherwise fail after minutes: no region, no credentials, an unknown
environment or parameter, or reserved concurrency that the account does not have.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ruamel.yaml import YAML

from tagstream.domain.calendar.calendar import read_calendar
from tagstream.domain.calendar.zone import InvalidCalendar

ROOT = Path(__file__).resolve().parents[1]
# Lambda refuses to reserve what would leave fewer than these for all other functions of the account.
LEFT_UNRESERVED = 100
_CALENDARS = {"Window": "window", "Freeze": "freeze"}
# What samcli.cli.types._unquote_wrapped_quotes takes for an escape, also inside quotes.
_LOST_BY_SAM = re.compile(r"\\(?:[ '\"]|$)")
_QUICK = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


class CannotDeploy(Exception):
    """What is missing, and how to give it."""


def chosen_parameters(given: Sequence[str], configured: Sequence[str], known: Sequence[str]) -> Mapping[str, str]:
    """Return the template's parameters: those of samconfig.toml, with those that are given in their place.

    Args:
        given: ``KEY=VALUE`` texts of ``PARAMS``.
        configured: the same, of the environment in samconfig.toml.
        known: the names of the template's parameters.

    Raises:
        CannotDeploy: a text without ``=``, or a name that the template does not have.
    """
    found: dict[str, str] = {}
    for text in (*configured, *given):
        name, separator, value = text.partition("=")
        if not separator or name not in known:
            raise CannotDeploy(f"PARAMS has '{text}'; write KEY=VALUE with a KEY of {', '.join(known)}")
        # sam wants values with blanks in quotes, so people may have written them.
        quoted = re.fullmatch(r'"(.*)"', value, re.DOTALL)
        found[name] = quoted[1].replace('\\"', '"') if quoted else value
    return found


def environment(name: str) -> Mapping[str, Any]:
    """Return an environment's deploy parameters in samconfig.toml.

    Raises:
        CannotDeploy: there is no such environment.
    """
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    known = [one for one, table in config.items() if isinstance(table, dict) and "stack_name" in _deploy(table)]
    if name not in known:
        raise CannotDeploy(f"unknown ENV={name}; samconfig.toml has: {' '.join(known)}")
    return _deploy(config[name])


def _deploy(table: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = table.get("deploy", {}).get("parameters", {})
    return found


def template_parameters() -> Mapping[str, Mapping[str, Any]]:
    """Return the template's parameters: what it declares of each, by name."""
    reader = YAML(typ="safe", pure=True)
    reader.constructor.add_multi_constructor("!", lambda loader, suffix, node: None)
    found: Mapping[str, Mapping[str, Any]] = reader.load((ROOT / "template.yaml").read_text())["Parameters"]
    return found


def check_values(parameters: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]]) -> None:
    """Make sure that the template takes every value: CloudFormation would refuse it after the build only.

    Raises:
        CannotDeploy: it does not take one.
    """
    for name, value in parameters.items():
        rule = declared[name]
        if _LOST_BY_SAM.search(value):
            raise CannotDeploy(f"{name}={value}: sam loses a backslash before a blank, a quote or the end")
        if name in _CALENDARS:
            _check_calendar(name, value)
        allowed = [str(one) for one in rule.get("AllowedValues", [])]
        if allowed and value not in allowed:
            raise CannotDeploy(f"{name}={value} is not among the values that it may have: {', '.join(allowed)}")
        if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
            raise CannotDeploy(f"{name}={value} does not match {rule['AllowedPattern']}")
        if rule["Type"] == "Number" and not _is_between(value, rule):
            least, most = rule.get("MinValue", "any"), rule.get("MaxValue", "any")
            raise CannotDeploy(f"{name}={value} is no number from {least} to {most}")


def _check_calendar(name: str, value: str) -> None:
    """Read a window or a freeze as the functions do: a pattern does not know which zones there are."""
    try:
        read_calendar("the stack", **{_CALENDARS[name]: value or None})
    except InvalidCalendar as error:
        raise CannotDeploy(f"{name}={value}: {error}") from error


def _is_between(value: str, rule: Mapping[str, Any]) -> bool:
    if not re.fullmatch(r"-?[0-9]+", value):
        return False
    return bool(rule.get("MinValue", int(value)) <= int(value) <= rule.get("MaxValue", int(value)))


def check_account(parameters: Mapping[str, str], session: Any) -> str:
    """Make sure that AWS can be asked, and return ``ACCOUNT in REGION as ARN``.

    Args:
        parameters: of the template.
        session: of boto3.

    Raises:
        CannotDeploy: no region, no credentials, or more reserved concurrency than the account has.
    """
    if not session.region_name:
        raise CannotDeploy("no region: set AWS_REGION, or a profile that has one (AWS_PROFILE)")
    try:
        caller = session.client("sts", config=_QUICK).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise CannotDeploy(f"no AWS credentials that work: {error}; set AWS_PROFILE, or log in") from error
    wanted = int(parameters.get("WebhookConcurrency", "0"))
    free = _unreserved(session) if wanted else None
    if free is not None and free - wanted < LEFT_UNRESERVED:
        raise CannotDeploy(
            f"WebhookConcurrency={wanted} cannot be reserved: the account has {free} unreserved executions, of which"
            f" {LEFT_UNRESERVED} must stay; leave it at 0, or ask AWS for a higher quota"
        )
    return f"{caller['Account']} in {session.region_name} as {caller['Arn']}"


def _unreserved(session: Any) -> int | None:
    """How much concurrency is not reserved yet; None if the caller must not ask."""
    try:
        limits = session.client("lambda", config=_QUICK).get_account_settings()["AccountLimit"]
    except (BotoCoreError, ClientError):
        return None
    return int(limits["UnreservedConcurrentExecutions"])


def sam_command(name: str, parameters: Mapping[str, str], template: str, *, confirm: bool) -> list[str]:
    """Return the `sam deploy` that deploys an environment."""
    command = [str(Path(sys.executable).with_name("sam")), "deploy", "--config-env", name]
    command += ["--config-file", str(ROOT / "samconfig.toml"), *(["--template-file", template] if template else [])]
    command += ["--confirm-changeset" if confirm else "--no-confirm-changeset"]
    # These replace all of samconfig.toml, so its own are among them.
    return [*command, "--parameter-overrides", *(f"{key}={quoted(value)}" for key, value in parameters.items())]


def quoted(value: str) -> str:
    """Return a parameter's value as sam takes it: without quotes it would cut the value off at the first blank."""
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'


def main(arguments: Sequence[str]) -> int:
    """Run one of the two steps; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("check", "run"))
    parser.add_argument("env")
    parser.add_argument("parameters", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--template", default="", help="another template than that of the last build")
    parser.add_argument("--confirm", action="store_true", help="ask before anything is changed")
    given = parser.parse_args(arguments)
    try:
        config = environment(given.env)
        configured = config.get("parameter_overrides", [])
        declared = template_parameters()
        parameters = chosen_parameters(given.parameters, configured, list(declared))
        check_values(parameters, declared)
        if given.step == "check":
            print(f"deploying stack {config['stack_name']} to {check_account(parameters, boto3.Session())}")
            return 0
    except CannotDeploy as error:
        print(f"✗ {error}", file=sys.stderr)
        return 2
    command = sam_command(given.env, parameters, given.template, confirm=given.confirm)
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
