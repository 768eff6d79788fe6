"""`make aws-check` finds a working stack in order, a broken one not, and leaves nothing behind.

Its steps run here as in an account; only the addresses of the services are others.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws_check.__main__ import checked, main
from tests.aws_check.cleanup import Cleanup
from tests.aws_check.deployment import deploy, is_throw_away, physical_names, stack_of
from tests.aws_check.names import Names
from tests.aws_check.report import Report
from tests.aws_check.rights import Targets, wrong_answers, wrong_outcomes
from tests.aws_check.site import AwsSite
from tests.aws_check.walk import Check
from tests.deployed.embedded_site import EmbeddedSite
from tests.embedded.aws import REGION, EmbeddedStack
from tests.embedded.git_server import git_server
from tests.embedded.moto_aws import running_moto
from tests.embedded.system import PASSWORD, USER

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def site(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSite]:
    root = tmp_path_factory.mktemp("git")
    with running_moto() as moto, git_server(root, {USER: PASSWORD}) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield EmbeddedSite(stack=stack, moto=moto.endpoint, git_url=url, git_root=root)


def made_by_hand(site: EmbeddedSite) -> dict[str, object]:
    """Everything that the check could make and leave behind."""
    items = {(one["pk"]["S"], one["sk"]["S"]) for one in site.stack.table_items()}
    return {
        "functions": sorted(one["FunctionName"] for one in site.client("lambda").list_functions()["Functions"]),
        "images": site.client("ecr").describe_repositories()["repositories"],
        "git": is_in_codecommit(site),
        "secrets": sorted(one["Name"] for one in site.client("secretsmanager").list_secrets()["SecretList"]),
        "buckets": sorted(one["Name"] for one in site.client("s3").list_buckets()["Buckets"]),
        "items": sorted(f"{pk} {sk}" for pk, sk in items if "aws-check" in f"{pk} {sk}"),
    }


def is_in_codecommit(site: EmbeddedSite) -> bool:
    """moto cannot list repositories."""
    client = site.client("codecommit")
    try:
        client.get_repository(repositoryName=names(site).repository)
    except client.exceptions.RepositoryDoesNotExistException:
        return False
    return True


def names(site: EmbeddedSite) -> Names:
    return Names(stack=site.stack.name, account=ACCOUNT, region=REGION)


def test_a_working_stack_passes_and_nothing_is_left(site: EmbeddedSite) -> None:
    before = made_by_hand(site)
    out = io.StringIO()
    code = checked(Check(site=site, names=names(site), report=Report(out=out), template=Path("not-needed")))
    assert code == 0, out.getvalue()
    print(out.getvalue())
    assert made_by_hand(site) == before


def test_a_right_too_many_is_found_by_the_simulator_and_by_the_role_itself(site: EmbeddedSite) -> None:
    check = Check(site=site, names=names(site), report=Report(out=io.StringIO()), template=Path("not-needed"))
    outputs, physical = site.stack.outputs, physical_names(site, site.stack.name)
    targets = Targets(names=check.names, outputs=outputs, physical=physical)
    statement = {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": targets.table}
    policy = {"RoleName": physical["WebhookRole"], "PolicyName": "too-much"}
    site.client("iam").put_role_policy(
        **policy, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    try:
        _, answers = wrong_answers(site, targets)
        _, outcomes = wrong_outcomes(site, targets)
    finally:
        site.client("iam").delete_role_policy(**policy)
        check.clean()
    assert answers == [f"webhook: dynamodb:Scan {targets.table} is allowed"]
    assert [one.partition(" {")[0] for one in outcomes] == ["webhook: dynamodb.scan"]
    assert outcomes[0].endswith(": was granted")


# It has the parameters that the check gives, and one queue.
SMALL = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  LogRetentionDays: {Type: Number}
  DeletionProtection: {Type: String}
  EcrRepositoryArn: {Type: String}
  CodeCommitRepositoryArn: {Type: String}
Resources:
  Queue: {Type: "AWS::SQS::Queue"}
Outputs:
  Used: {Value: !Ref CodeCommitRepositoryArn}
"""


def test_a_stack_that_the_check_has_deployed_goes_with_its_bucket(site: EmbeddedSite, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(SMALL)
    small = Names(stack="small", account=ACCOUNT, region=REGION)
    before = made_by_hand(site)
    stack = deploy(site, small, tmp_path / "template.yaml")
    assert is_throw_away(stack)
    assert stack["Outputs"][0]["OutputValue"] == "arn:aws:codecommit:eu-central-1:000000000000:small-aws-check"
    assert Cleanup(site=site, names=small).remove_all() == []
    assert stack_of(site, "small") is None
    assert made_by_hand(site) == before


def test_what_somebody_else_made_under_the_same_name_is_left_and_named(site: EmbeddedSite) -> None:
    theirs = Names(stack="theirs", account=ACCOUNT, region=REGION)
    ecr, codecommit = site.client("ecr"), site.client("codecommit")
    ecr.create_repository(repositoryName=theirs.repository)
    codecommit.create_repository(repositoryName=theirs.repository, repositoryDescription="mine")
    try:
        left = Cleanup(site=site, names=theirs).remove_all()
        assert len(ecr.describe_repositories(repositoryNames=[theirs.repository])["repositories"]) == 1
    finally:
        ecr.delete_repository(repositoryName=theirs.repository, force=True)
        codecommit.delete_repository(repositoryName=theirs.repository)
    assert [one.partition(" (")[0] for one in left] == [
        "ECR repository theirs-aws-check",
        "CodeCommit repository theirs-aws-check",
    ]


def test_a_check_that_fails_says_so_and_cleans_up_all_the_same(site: EmbeddedSite, tmp_path: Path) -> None:
    """The template is missing, so the stack cannot be deployed."""
    missing = Names(stack="missing", account=ACCOUNT, region=REGION)
    before = made_by_hand(site)
    out = io.StringIO()
    check = Check(site=site, names=missing, report=Report(out=out), template=tmp_path / "template.yaml")
    assert checked(check) == 1
    assert "FAILED   " in out.getvalue() and "the stack is there: DeploymentFailed" in out.getvalue()
    assert "the rest needs this: the stack is there" in out.getvalue()
    assert made_by_hand(site) == before


@pytest.fixture
def account(site: EmbeddedSite, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The usual AWS configuration of a person, by whose variables the embedded AWS is reached."""
    given = {
        "AWS_ENDPOINT_URL": site.stack.endpoint,
        "AWS_ENDPOINT_URL_CODECOMMIT": site.moto,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def test_the_command_finds_the_account_and_cleans_up_what_is_not_there(
    account: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["aws-check", "--stack", "nothing", "--cleanup-only"])
    assert main() == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"account {ACCOUNT}, region {REGION}, caller ")
    assert "PASSED: all 1 steps" in shown


def test_in_an_account_the_roles_log_in_and_the_caller_signs_for_itself(
    site: EmbeddedSite, account: dict[str, str]
) -> None:
    aws = AwsSite()
    aws.client("codecommit").create_repository(repositoryName="signed")
    git = aws.git("signed")
    aws.client("codecommit").delete_repository(repositoryName="signed")
    registry = aws.registry(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/app")
    assert (registry.url, registry.repository) == (f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com", "team/app")
    assert (registry.session.auth, registry.provider) == (("AWS", "ministack-auth-token"), "aws")
    assert (git.url, git.secret) == (f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/signed", None)
    assert git.username == "test" and re.fullmatch(r"\d{8}T\d{6}Z[0-9a-f]{64}", git.password)
