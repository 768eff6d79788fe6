"""What ECR says of the scan of an image, by moto's ECR and by botocore's own model of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.registry.ecr_findings import fetch_findings
from tagstream.domain.objects.image_name import parse_repository_image
from tagstream.domain.objects.model import Digest
from tagstream.errors import RetryableError, StalledError
from tagstream.ports.registry import RegistryAccess
from tests.embedded.moto_aws import running_moto

ACCOUNT, NAME, DIGEST = "123456789012", "example/web", Digest("sha256:" + "a" * 64)
UNSCANNED = "example/unscanned"
IMAGE = parse_repository_image(f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{NAME}")


def ecr(endpoint: str | None = None) -> Any:
    return boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture(scope="module")
def moto_ecr() -> Iterator[Any]:
    with running_moto() as moto:
        client = ecr(moto.endpoint)
        for name in (NAME, UNSCANNED):
            client.create_repository(repositoryName=name)
        yield client


@pytest.fixture
def client() -> Any:
    return ecr()


def pushed(client: Any, tag: str, name: str = NAME) -> str:
    kind = "application/vnd.oci.image.manifest.v1+json"
    content = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {"digest": DIGEST},
        "layers": [],
        "annotations": {"t": tag},
    }
    manifest = json.dumps(content)
    answer = client.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag)
    return str(answer["image"]["imageId"]["imageDigest"])


def answered(client: Any, status: str, **more: Any) -> Any:
    """What is made of an answer, which botocore checks against its model of ECR, as it does with the request."""
    with Stubber(client) as stubber:
        request = {"registryId": ACCOUNT, "repositoryName": NAME, "imageId": {"imageDigest": DIGEST}, "maxResults": 1}
        answer = {"imageScanStatus": {"status": status, "description": "told so"}, **more}
        stubber.add_response("describe_image_scan_findings", answer, request)
        return fetch_findings(client, ACCOUNT, NAME, DIGEST)


def test_a_scan_that_was_made_has_counts(moto_ecr: Any) -> None:
    digest = pushed(moto_ecr, "scanned")
    moto_ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "scanned"})
    found = fetch_findings(moto_ecr, ACCOUNT, NAME, digest)
    assert (found.state, found.problem) == ("complete", "")
    assert sum(found.counts.values()) > 0


def test_an_image_that_was_not_scanned_has_none(moto_ecr: Any) -> None:
    found = fetch_findings(moto_ecr, ACCOUNT, UNSCANNED, pushed(moto_ecr, "1.0.0", UNSCANNED))
    assert (found.state, found.problem.partition(":")[0]) == ("unavailable", "ScanNotFoundException")


@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
def test_findings_count_when_the_scan_is_done(client: Any, status: str) -> None:
    found = answered(client, status, imageScanFindings={"findingSeverityCounts": {"HIGH": 2, "UNDEFINED": 1}})
    assert (found.state, found.counts) == ("complete", {"HIGH": 2, "UNDEFINED": 1})


@pytest.mark.parametrize("status", ["IN_PROGRESS", "PENDING"])
def test_a_scan_that_is_under_way_is_pending(client: Any, status: str) -> None:
    assert answered(client, status).state == "pending"


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FINDINGS_UNAVAILABLE"])
def test_any_other_status_is_no_scan(client: Any, status: str) -> None:
    found = answered(client, status)
    assert (found.state, found.problem) == ("unavailable", f"{status}: told so")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ServerException", "ThrottlingException"])
def test_a_call_that_fails_is_no_verdict(client: Any, code: str) -> None:
    with Stubber(client) as stubber, pytest.raises(RetryableError, match=f"from ecr: {code}: not now"):
        stubber.add_client_error("describe_image_scan_findings", code, "not now")
        fetch_findings(client, ACCOUNT, NAME, DIGEST)


def test_the_registrys_own_region_and_account_are_asked(client: Any) -> None:
    asked = []

    def open_api(service: str, region: str, proxy: object, left_s: float) -> Any:
        asked.append((service, region))
        return client

    registry = RegistryClient(open_api=open_api)
    with Stubber(client) as stubber:
        stubber.add_response("describe_image_scan_findings", {"imageScanStatus": {"status": "PENDING"}})
        assert registry.scan_findings(IMAGE, DIGEST, RegistryAccess(), 1e9).state == "pending"
    assert asked == [("ecr", "us-east-1")]


@pytest.mark.parametrize("image", ["ghcr.io/example/web", "public.ecr.aws/example/web"])
def test_other_registries_are_not_asked(image: str) -> None:
    with pytest.raises(StalledError, match="is not a private ECR registry, and only ECR is asked"):
        RegistryClient().scan_findings(parse_repository_image(image), DIGEST, RegistryAccess(), 1e9)
