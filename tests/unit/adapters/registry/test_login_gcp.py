"""The signed request by which Google believes an AWS role."""

from __future__ import annotations

import boto3
import pytest

from tagstream.adapters.registry.login_gcp import signed_by_role


def test_a_role_signs_for_one_audience_and_never_shows_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "the-secret-key",
        "AWS_SESSION_TOKEN": "session",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    request = signed_by_role(boto3.Session(), "//iam.example/pool")
    headers = {one["key"].lower(): one["value"] for one in request["headers"]}  # type: ignore[attr-defined]
    signed = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert request["url"] == "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    assert headers["x-goog-cloud-target-resource"] == "//iam.example/pool"
    assert headers["host"] == "sts.eu-west-1.amazonaws.com"
    assert {"host", "x-goog-cloud-target-resource", "x-amz-security-token"} <= set(signed)
    assert "the-secret-key" not in repr(request)
