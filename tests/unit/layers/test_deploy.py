"""``make deploy``: what is checked before the build, and how sam is called."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from samcli.cli.types import CfnParameterOverridesType

from tests.house.source_files import ROOT


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy", ROOT / "layers/deploy.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


deploy = _loaded()
WINDOWS = (
    "Mon-Fri 09:00-17:00 Europe/Berlin",
    "Mon-Fri 09:00-17:00 Europe/Berlin; Sat 10:00-12:00",
    "\n  Tue,Thu 10:00-12:00,14:00-16:00 Europe/Berlin\n0 6 1 * * / 2h Europe/Berlin\n",
    "9:00-17:00",
    "fri 22:00-06:00 Etc/GMT+5; ; 00:00-24:00;",
    "*/5 0 L * MON#1 / 90m",
)
FREEZES = (
    "2026-12-20..2027-01-03 Europe/Berlin (Christmas)",
    "2026-12-20..2027-01-03 Europe/Berlin (Christmas)\n2026-11-27T18:00..2026-11-30T08:00 America/New_York (Sales)",
    "2026-12-24",
    "2026-12-24 (a (nested) reason), 2026)",
    "; 2026-12-24T18:00..2026-12-26;",
)
KNOWN = ("Architecture", "LogLevel", "WebhookConcurrency")


class Session:
    """An account, as boto3's session shows it."""

    def __init__(self, region: str | None = "eu-central-1", unreserved: int = 1000, is_known: bool = True) -> None:
        self.region_name, self.unreserved, self.is_known = region, unreserved, is_known

    def client(self, service: str, config: object) -> Session:
        return self

    def get_caller_identity(self) -> Mapping[str, str]:
        if not self.is_known:
            raise NoCredentialsError
        return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ann"}

    def get_account_settings(self) -> Mapping[str, Any]:
        if self.unreserved < 0:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetAccountSettings")
        return {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}}


def test_given_parameters_replace_those_of_the_environment() -> None:
    found = deploy.chosen_parameters(["LogLevel=DEBUG"], ["LogLevel=INFO", "Architecture=x86_64"], KNOWN)
    assert found == {"LogLevel": "DEBUG", "Architecture": "x86_64"}


@pytest.mark.parametrize("text", ["Loglevel=DEBUG", "DEBUG", "=x"])
def test_a_parameter_that_the_template_does_not_have_is_named(text: str) -> None:
    with pytest.raises(deploy.CannotDeploy, match=f"PARAMS has '{text}'; write KEY=VALUE"):
        deploy.chosen_parameters([text], [], KNOWN)


def test_an_unknown_environment_is_named_with_those_there_are() -> None:
    with pytest.raises(deploy.CannotDeploy, match=r"unknown ENV=staging; samconfig\.toml has: dev prod"):
        deploy.environment("staging")


def test_the_template_says_which_parameters_there_are() -> None:
    assert {"Architecture", "Runtime", "AlarmTopicArn"} <= set(deploy.template_parameters())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Architecture": "riscv"}, "Architecture=riscv is not among the values that it may have: arm64, x86_64"),
        ({"DeletionProtection": "yes"}, "DeletionProtection=yes is not among the values"),
        ({"BatchingWindowSeconds": "90"}, "BatchingWindowSeconds=90 is no number from 0 to 60"),
        ({"WebhookConcurrency": "many"}, "WebhookConcurrency=many is no number from 0 to 200"),
        ({"Window": "Mon to Fri"}, 'Window=Mon to Fri: window "Mon to Fri": expected'),
        ({"Window": "Mon 09:00-17:00 Europe/Atlantis"}, "unknown time zone .*did you mean"),
        ({"Freeze": "2026-12-20..2026-12-01"}, "Freeze=2026-12-20..2026-12-01: .*ends before it starts"),
        ({"AlarmEmail": "ops"}, "AlarmEmail=ops does not match"),
        ({"AlarmTopicArn": "alarms"}, "AlarmTopicArn=alarms does not match"),
        ({"NotifyTopicArn": "arn:aws:sqs:eu-central-1:123456789012:x"}, "NotifyTopicArn=arn:aws:sqs"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_a_value_that_the_template_does_not_take_is_named_before_the_build(
    parameters: Mapping[str, str], message: str
) -> None:
    with pytest.raises(deploy.CannotDeploy, match=message):
        deploy.check_values(parameters, deploy.template_parameters())


def test_values_that_the_template_takes_pass() -> None:
    declared = deploy.template_parameters()
    deploy.check_values({name: str(one["Default"]) for name, one in declared.items()}, declared)
    topics = "arn:aws:sns:eu-central-1:123456789012:"
    given = {"AlarmEmail": "ops@example.com", "AlarmTopicArn": f"{topics}alarms", "NotifyTopicArn": f"{topics}told-*"}
    deploy.check_values({**given, "LogRetentionDays": "7"}, declared)


@pytest.mark.parametrize(
    ("session", "parameters", "message"),
    [
        (Session(region=None), {}, "no region: set AWS_REGION"),
        (Session(is_known=False), {}, "no AWS credentials that work: Unable to locate credentials"),
        (Session(unreserved=100), {"WebhookConcurrency": "20"}, "WebhookConcurrency=20 cannot be reserved"),
    ],
    ids=["no region", "no credentials", "a new account's concurrency"],
)
def test_what_would_fail_after_minutes_fails_at_once(
    session: Session, parameters: Mapping[str, str], message: str
) -> None:
    with pytest.raises(deploy.CannotDeploy, match=message):
        deploy.check_account(parameters, session)


@pytest.mark.parametrize("session", [Session(), Session(unreserved=-1)], ids=["enough", "who must not ask"])
def test_a_good_account_is_named(session: Session) -> None:
    found = deploy.check_account({"WebhookConcurrency": "20"}, session)
    assert found == "123456789012 in eu-central-1 as arn:aws:iam::123456789012:user/ann"


@pytest.mark.parametrize("value", [*WINDOWS, *FREEZES, "", 'Mon 09:00-17:00; "quoted"', "INFO", "a\\\\b", "a\\b c"])
def test_sam_gets_every_value_whole_whatever_blanks_and_quotes_it_has(value: str) -> None:
    command = deploy.sam_command("dev", {"Window": value, "LogLevel": "INFO"}, "", confirm=False)
    given = tuple(command[command.index("--parameter-overrides") + 1 :])
    assert CfnParameterOverridesType().convert(given, None, None) == {"Window": value, "LogLevel": "INFO"}


@pytest.mark.parametrize("value", ["end\\", "a\\ b", 'say \\"x\\"', "it\\'s"])
def test_a_backslash_that_sam_would_lose_is_refused(value: str) -> None:
    with pytest.raises(deploy.CannotDeploy, match=r"NotifyTopicArn=.*backslash"):
        deploy.check_values({"NotifyTopicArn": value}, deploy.template_parameters())


def test_a_value_may_be_written_in_the_quotes_that_sam_wants() -> None:
    found = deploy.chosen_parameters(['Window="Mon 09:00-17:00"'], [], ["Window"])
    assert found == {"Window": "Mon 09:00-17:00"}


@pytest.mark.parametrize(("name", "texts"), [("Window", WINDOWS), ("Freeze", FREEZES)], ids=["windows", "freezes"])
def test_the_pattern_of_a_parameter_takes_every_text_that_the_functions_can_read(
    name: str, texts: Sequence[str]
) -> None:
    pattern = deploy.template_parameters()[name]["AllowedPattern"]
    for text in texts:
        deploy.check_values({name: text}, deploy.template_parameters())
    assert [text for text in texts if not re.fullmatch(pattern, text)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Window", "Mon to Fri"),
        ("Window", "Mon-Fri 9-17"),
        ("Window", "office hours"),
        ("Window", "Mon 09:00-17:00; x"),
        ("Window", " "),
        ("Window", "0 9 * * 1-5"),
        ("Freeze", "Christmas"),
        ("Freeze", "20.12.2026"),
        ("Freeze", "2026-12-20 to 2027-01-03"),
        ("Freeze", "2026-12-24 (open"),
    ],
)
def test_cloudformation_refuses_what_is_no_window_and_no_freeze(name: str, text: str) -> None:
    assert not re.fullmatch(deploy.template_parameters()[name]["AllowedPattern"], text)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("Window", "Mon 09:00-10:00,11:00-12:00 Europe/Berlin;   "),
        ("Window", "0 9 * * 1 / 8h \n\n "),
        ("Freeze", "2026-12-20\n"),
        ("Freeze", "2026-12-20..2027-01-03 Europe/Berlin (Christmas)\n\n\n"),
    ],
)
def test_a_long_text_that_is_wrong_at_its_end_is_refused_at_once(name: str, entry: str) -> None:
    assert not re.fullmatch(deploy.template_parameters()[name]["AllowedPattern"], entry * 80 + "Sat all day")


def test_no_environment_asks_anybody_or_reserves_what_a_new_account_lacks() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for name in ("dev", "prod"):
        chosen = config[name]["deploy"]["parameters"]
        assert chosen["confirm_changeset"] is False
        assert not [one for one in chosen["parameter_overrides"] if one.startswith("WebhookConcurrency")]
        assert "--no-confirm-changeset" in deploy.sam_command(name, {}, "", confirm=False)
