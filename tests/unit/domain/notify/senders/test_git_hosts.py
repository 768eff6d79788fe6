"""Commit statuses, by the published descriptions of each host's API and as Flux names them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib import import_module
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from tagstream.domain.notify.destination import Call, Unsendable
from tagstream.domain.notify.event import Event, event_document
from tagstream.domain.notify.senders_table import SENDERS
from tagstream.domain.objects.alert import COMMIT_STATUS_TYPES, OWN_TYPES, TYPES
from tagstream.domain.objects.model import NamespacedName
from tests.embedded.git_hosts.described import Description
from tests.house.source_files import ROOT
from tests.unit.domain.notify.sample_events import COMMIT, EVENT, FAILURE, body, destination

NAME = "imageupdateautomation/apps/abcdef12"
ADDRESSES = {
    "github": "https://github.com/org/app",
    "gitlab": "https://gitlab.com/group/sub/app.git",
    "gitea": "https://git.example.com:3000/org/app",
    "bitbucket": "https://bitbucket.org/org/app",
    "bitbucketserver": "https://git.example.com/context/scm/prj/app.git",
    "azuredevops": "https://dev.azure.com/org/project/_git/app",
}


def sent(type_: str, event=EVENT, address: str = "", token: str = "user:token") -> tuple[Call, ...]:
    found = import_module(SENDERS[type_]).calls(event, destination(type_, address or ADDRESSES[type_], token=token))
    return tuple(found)


def test_every_type_that_may_be_applied_has_a_sender() -> None:
    assert set(SENDERS) == {*TYPES, *OWN_TYPES}


@pytest.mark.parametrize("type_", COMMIT_STATUS_TYPES)
def test_an_event_about_no_commit_sends_nothing(type_: str) -> None:
    assert sent(type_, FAILURE) == ()


LONG = replace(
    EVENT,
    key=NamespacedName("n" * 63, "a" * 253),
    reason="Reason" * 40,
    message="x" * 39_000,
    metadata={**EVENT.metadata, "summary": "s" * 255},
)


@pytest.mark.parametrize("event", [EVENT, replace(EVENT, severity="error"), LONG], ids=["push", "failure", "long"])
@pytest.mark.parametrize("type_", COMMIT_STATUS_TYPES)
def test_a_status_is_as_the_host_s_published_description_says(type_: str, event: Event) -> None:
    (call,) = sent(type_, event)
    url = urlsplit(call.url)
    description = Description(yaml.safe_load((ROOT / f"tests/data/commit_statuses/{type_}.yaml").read_text()))
    operation = description.operation(call.method, url.path)
    assert operation is not None, url.path
    assert list(description.problems_of_request(operation, parse_qsl(url.query), body(call))) == []
    assert any(name.lower() in ("authorization", "private-token") for name in call.headers)


def test_github_sets_a_status() -> None:
    (call,) = sent("github")
    assert (call.method, call.url) == ("POST", f"https://api.github.com/repos/org/app/statuses/{COMMIT}")
    assert call.headers["Authorization"] == "Bearer user:token"
    assert body(call) == {"state": "success", "context": NAME, "description": "succeeded"}


def test_github_enterprise_has_its_api_below_its_own_name() -> None:
    (call,) = sent("github", address="https://github.example.com/org/app")
    assert call.url.startswith("https://github.example.com/api/v3/repos/org/app/statuses/")


def test_a_failure_is_a_failed_status() -> None:
    failed = replace(EVENT, severity="error")
    states = {type_: body(sent(type_, failed)[0])["state"] for type_ in COMMIT_STATUS_TYPES}
    assert states == {
        "github": "failure",
        "gitlab": "failed",
        "gitea": "failure",
        "bitbucket": "FAILED",
        "bitbucketserver": "FAILED",
        "azuredevops": "error",
    }


def test_gitlab_sets_a_status_of_a_project_in_a_group() -> None:
    (call,) = sent("gitlab")
    assert call.url == f"https://gitlab.com/api/v4/projects/group%2Fsub%2Fapp/statuses/{COMMIT}"
    assert call.headers["PRIVATE-TOKEN"] == "user:token"
    assert body(call) == {"state": "success", "name": NAME, "description": "succeeded"}


def test_gitea_sets_a_status() -> None:
    (call,) = sent("gitea")
    assert call.url == f"https://git.example.com:3000/api/v1/repos/org/app/statuses/{COMMIT}"
    assert call.headers["Authorization"] == "token user:token"
    assert (body(call)["context"], body(call)["state"]) == (NAME, "success")


def test_bitbucket_sets_a_build_status_whose_key_is_short() -> None:
    (call,) = sent("bitbucket")
    assert call.url == f"https://api.bitbucket.org/2.0/repositories/org/app/commit/{COMMIT}/statuses/build"
    assert call.headers["Authorization"] == "Basic dXNlcjp0b2tlbg=="
    found = body(call)
    assert found["key"] == hashlib.sha1(NAME.encode()).hexdigest()
    assert (found["state"], found["name"]) == ("SUCCESSFUL", "imageupdateautomation/apps")


def test_bitbucket_needs_a_user_and_a_password() -> None:
    with pytest.raises(Unsendable, match="<user>:<password>"):
        sent("bitbucket", token="token")


def test_bitbucket_server_sets_a_build_status_below_its_context() -> None:
    (call,) = sent("bitbucketserver")
    base = "https://git.example.com/context/rest/api/latest/projects/prj/repos/app"
    assert call.url == f"{base}/commits/{COMMIT}/builds"
    assert call.headers["x-atlassian-token"] == "no-check"
    assert body(call)["name"] == "imageupdateautomation/apps [succeeded]"


def test_bitbucket_server_needs_a_clone_url() -> None:
    with pytest.raises(Unsendable, match="not http"):
        sent("bitbucketserver", address="https://git.example.com/prj/app")


@pytest.mark.parametrize(
    "address",
    ["https://dev.azure.com/org/project/_git/app", "git@ssh.dev.azure.com:v3/org/project/app"],
)
def test_azure_devops_sets_a_status(address: str) -> None:
    (call,) = sent("azuredevops", address=address)
    start = "https://dev.azure.com/org/project/_apis/git/repositories/app"
    assert call.url == f"{start}/commits/{COMMIT}/statuses?api-version=7.1"
    assert body(call)["context"] == {"genre": "fluxcd", "name": NAME}
    assert call.headers["Authorization"] == "Basic OnVzZXI6dG9rZW4="


@pytest.mark.parametrize("event", [FAILURE, LONG], ids=["failure", "long"])
def test_a_dispatch_is_as_github_s_published_description_says(event: Event) -> None:
    (call,) = sent("githubdispatch", event, "https://github.com/org/app")
    description = Description(yaml.safe_load((ROOT / "tests/data/commit_statuses/github.yaml").read_text()))
    operation = description.operation(call.method, urlsplit(call.url).path)
    assert operation is not None
    found = body(call)
    assert list(description.problems_of_request(operation, [], found | {"client_payload": {}})) == []
    payload = found["client_payload"]
    schema = operation.definition["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert len(payload) <= schema["client_payload"]["maxProperties"]


def test_a_dispatch_starts_workflows_with_the_whole_event() -> None:
    (call,) = sent("githubdispatch", FAILURE, "https://github.com/org/app")
    assert call.url == "https://api.github.com/repos/org/app/dispatches"
    assert body(call) == {
        "event_type": "ImageRepository/apps.flux-system",
        "client_payload": event_document(FAILURE),
    }
