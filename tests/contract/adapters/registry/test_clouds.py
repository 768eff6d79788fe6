"""Logins by cloud identity: ECR's API, ACR's exchange, Google's keys and federation."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
import pytest
from botocore.config import Config
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.http.cloud_call import CloudCall
from tagstream.adapters.http.host_pauses import HostPauses
from tagstream.adapters.http.retrying_session import RetryingSession
from tagstream.adapters.http.session import Session
from tagstream.adapters.registry import login_aws, login_gcp
from tagstream.adapters.registry.client import RegistryClient
from tagstream.adapters.registry.login_aws import EcrTokens, open_boto3_api
from tagstream.adapters.registry.login_gcp import MEMBER as GCP_FILE
from tagstream.adapters.registry.login_gcp import GcpTokens, signed_by_role
from tagstream.adapters.registry.logins import Logins
from tagstream.domain.objects.dockerconfig import Credentials
from tagstream.domain.objects.image_name import ECR_HOSTS, ImageName
from tagstream.errors import AuthenticationError, RetryableError
from tagstream.ports.registry import PullSecret, RegistryAccess
from tests.contract.registry_calls import NAME, image, soon
from tests.embedded.aws import EmbeddedAws
from tests.embedded.certificates import token_signer
from tests.embedded.fault_proxy import Fault, FaultProxy, Received, running_fault_proxy

ACCOUNT_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
AWS_SESSION = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")


class FakeEcr:
    """Gives out one password; remembers which API it was opened as."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []

    def open(self, service: str, region: str, proxy: object, left_s: float) -> FakeEcr:
        self.opened.append((service, region))
        return self

    def get_authorization_token(self) -> Mapping[str, Any]:
        entry = {
            "authorizationToken": base64.b64encode(b"AWS:the-password").decode(),
            "expiresAt": SystemClock().now() + timedelta(hours=12),
        }
        return {"authorizationData": [entry] if self.opened[-1][0] == "ecr" else entry}


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


def call() -> CloudCall:
    session = RetryingSession(session=Session(), pauses=HostPauses(), clock=SystemClock(), deadline_s=soon())
    return CloudCall(session=session)


def answered(document: object) -> Fault:
    return Fault(body=json.dumps(document).encode())


@pytest.mark.parametrize(
    ("registry", "opened"),
    [
        (ACCOUNT_REGISTRY, ("ecr", "eu-west-1")),
        (f"{ACCOUNT_REGISTRY}:443", ("ecr", "eu-west-1")),
        ("123456789012.dkr-ecr.us-west-2.on.aws", ("ecr", "us-west-2")),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", ("ecr", "us-gov-west-1")),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", ("ecr", "cn-north-1")),
        ("public.ecr.aws", ("ecr-public", "us-east-1")),
    ],
)
def test_ecr_is_asked_in_the_registrys_own_region(registry: str, opened: tuple[str, str]) -> None:
    api = FakeEcr()
    tokens = EcrTokens(api.open)
    credentials, usable_s = tokens.fetch(tokens.region(registry), None, SystemClock().now(), 9.0)
    assert credentials == Credentials(username="AWS", password="the-password")
    assert api.opened == [opened]
    assert 10 * 3600 < usable_s < 11 * 3600


def test_another_host_is_no_registry_of_aws() -> None:
    client, access = RegistryClient(open_api=FakeEcr().open), RegistryAccess(provider="aws")
    with running_fault_proxy() as proxy, pytest.raises(RetryableError) as raised:
        proxy.respond = lambda request: Fault(status=401, headers=(("WWW-Authenticate", 'Basic realm="r"'),))
        client.list_tags(image(proxy.address), access, soon())
    assert raised.value.message.startswith(f"scan failed: invalid AWS registry: '{proxy.address}'. must match ")


@pytest.mark.parametrize(
    "registry",
    [
        f"{ACCOUNT_REGISTRY}.example.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.nc",
        f"evil.example.com.{ACCOUNT_REGISTRY}",
        f"{ACCOUNT_REGISTRY}:8443",
        "gcr.io",
    ],
)
def test_a_roles_password_goes_to_no_host_that_only_looks_like_ecr(registry: str) -> None:
    with pytest.raises(RetryableError) as raised:
        EcrTokens(FakeEcr().open).region(registry)
    assert raised.value.message == f"invalid AWS registry: '{registry}'. must match {ECR_HOSTS}"


@pytest.mark.parametrize(("provider", "named"), [("azure", "Azure"), ("gcp", "GCP")])
@pytest.mark.parametrize("registry", ["registry.example.com", "r.azurecr.io.example.com", "gcr.io.example", "agcr.io"])
def test_a_clouds_token_goes_to_no_other_registry(provider: Any, named: str, registry: str) -> None:
    secret = PullSecret(name="cloud", data={"clientID": b"c", "tenantID": b"t", "clientSecret": b"s", GCP_FILE: b"{}"})
    access = RegistryAccess(provider=provider, pull_secrets=(secret,))
    login = Logins(SystemClock(), FakeEcr().open, login_gcp.no_role).login(ImageName(registry, "a/b"), access, call())
    with pytest.raises(RetryableError) as raised:
        login.fetch()
    assert raised.value.message.startswith(f"invalid {named} registry: '{registry}'. must match ^")


def test_the_embedded_ecr_gives_a_password_to_a_client_of_the_session_that_is_there(aws: EmbeddedAws) -> None:
    made: list[tuple[str, str]] = []

    def make_client(service: str, config: Config, region: str) -> Any:
        made.append((service, region))
        return AWS_SESSION.client("ecr", region_name=region, config=config, endpoint_url=aws.endpoint)

    tokens = EcrTokens(partial(open_boto3_api, make_client))
    credentials, usable_s = tokens.fetch("us-east-1", None, SystemClock().now(), 9.0)
    assert made == [("ecr", "us-east-1")]
    assert credentials.username == "AWS"
    assert credentials.password
    assert usable_s > 0


def test_an_identity_for_google_is_signed_with_the_keys_and_the_region_of_the_session() -> None:
    signed = signed_by_role(AWS_SESSION, "//iam.example/pool")
    headers = {one["key"]: one["value"] for one in signed["headers"]}  # type: ignore[attr-defined]
    assert signed["url"] == "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    assert headers["x-goog-cloud-target-resource"] == "//iam.example/pool"
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/")
    assert "/eu-west-1/sts/aws4_request" in headers["Authorization"]


@pytest.mark.parametrize(
    ("provider", "registry", "told"),
    [
        ("aws", ACCOUNT_REGISTRY, "there is no role to sign in to ecr with"),
        ("gcp", "gcr.io", "no AWS credentials to federate from"),
    ],
)
def test_a_client_without_a_role_says_so(provider: Any, registry: str, told: str) -> None:
    file = {"type": "external_account", "audience": "a", "credential_source": {"environment_id": "aws1"}}
    secret = PullSecret(name="cloud", data={GCP_FILE: json.dumps(file).encode()})
    access = RegistryAccess(provider=provider, pull_secrets=(secret,))
    logins = Logins(SystemClock(), login_aws.no_role, login_gcp.no_role)
    with pytest.raises(AuthenticationError, match=told):
        logins.login(ImageName(registry, "a/b"), access, call()).fetch()


def acr(proxy: FaultProxy, **members: str) -> RegistryAccess:
    data = {"tenantID": "t-1", "clientID": "c-1", "clientSecret": "s" * 30, **members}
    data.setdefault("authorityHost", f"http://{proxy.address}")
    secret = PullSecret(name="acr", data={name: value.encode() for name, value in data.items()})
    return RegistryAccess(provider="azure", pull_secrets=(secret,))


def azure_server(request: Received) -> Fault | None:
    if request.path.startswith("/t-1/"):
        return answered({"access_token": "aad", "expires_in": 3600})
    if request.path == "/oauth2/exchange":
        return answered({"refresh_token": "refresh-token"})
    if request.path.startswith("/oauth2/token"):
        return answered({"access_token": "acr-token"})
    if request.headers.get("Authorization") == "Bearer acr-token":
        return answered({"tags": ["1.0.0"]})
    realm = f'Bearer realm="http://{request.headers["Host"]}/oauth2/token",service="acr"'
    return Fault(status=401, headers=(("WWW-Authenticate", realm),))


def test_acr_takes_an_applications_identity_and_it_is_kept(proxy: FaultProxy) -> None:
    proxy.respond = azure_server
    client = RegistryClient()
    tags = [client.list_tags(image(proxy.address), acr(proxy), soon()).tags for _ in range(2)]
    paths = [one.path.partition("?")[0] for one in proxy.received]
    password = base64.b64encode(b"00000000-0000-0000-0000-000000000000:refresh-token").decode()
    asked = [one.headers["Authorization"] for one in proxy.received if one.path.startswith("/oauth2/token")]
    listed = f"/v2/{NAME}/tags/list"
    assert tags == [("1.0.0",)] * 2
    assert asked == [f"Basic {password}"]
    assert paths == [listed, "/t-1/oauth2/v2.0/token", "/oauth2/exchange", "/oauth2/token", listed, listed]


def test_a_refused_application_is_named_without_its_secret(proxy: FaultProxy) -> None:
    def respond(request: Received) -> Fault | None:
        if request.path.startswith("/t-1/"):
            return Fault(status=401, body=b"bad secret: " + b"s" * 30)
        return azure_server(request)

    proxy.respond = respond
    with pytest.raises(RetryableError) as raised:
        RegistryClient().list_tags(image(proxy.address), acr(proxy), soon())
    expected = f"POST http://{proxy.address}/t-1/oauth2/v2.0/token: unexpected status code 401 Unauthorized"
    assert raised.value.message == f"scan failed: {expected}: bad secret: REDACTED"


@pytest.mark.parametrize("host", ["http://login.example.com", "http://169.254.169.254", "file:///x"])
def test_an_identity_never_goes_to_an_authority_without_tls(proxy: FaultProxy, host: str) -> None:
    proxy.respond = azure_server
    with pytest.raises(AuthenticationError):
        RegistryClient().list_tags(image(proxy.address), acr(proxy, authorityHost=host), soon())


@pytest.mark.parametrize("provider", ["azure", "gcp"])
def test_a_cloud_without_a_secret_says_what_it_needs(provider: Any) -> None:
    with pytest.raises(AuthenticationError) as raised:
        RegistryClient().list_tags(image("127.0.0.1:1"), RegistryAccess(provider=provider), soon())
    expected = f"failed to configure authentication options: provider {provider} needs a secret with "
    assert raised.value.message.startswith(expected)


def key_file(proxy: FaultProxy) -> bytes:
    pem = token_signer()[0].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = {
        "type": "service_account",
        "client_email": "scan@project.example",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "token_uri": f"http://{proxy.address}/token",
    }
    return json.dumps(file).encode()


def unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def test_a_service_accounts_key_becomes_an_access_token(proxy: FaultProxy) -> None:
    proxy.respond = lambda request: answered({"access_token": "google-token", "expires_in": 1000})
    tokens = GcpTokens(call=call(), now=SystemClock().now(), identity=lambda audience: {})
    found = tokens.fetch(key_file(proxy))
    header, claims, signature = parse_qs(proxy.received[0].body.decode())["assertion"][0].split(".")
    key = token_signer()[0].public_key()
    key.verify(unpacked(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    said = json.loads(unpacked(claims))
    assert found == (Credentials(username="oauth2accesstoken", password="google-token"), 800.0)
    assert said["iss"] == "scan@project.example"
    assert said["exp"] - said["iat"] == 3600


def test_a_role_federates_into_a_service_account(proxy: FaultProxy) -> None:
    def respond(request: Received) -> Fault | None:
        if request.path == "/sts":
            form = parse_qs(request.body.decode())
            subject = json.loads(unquote(form["subject_token"][0]))
            return answered({"access_token": f"federated-for-{subject['for']}", "expires_in": 3600})
        bearer = request.headers["Authorization"].removeprefix("Bearer ")
        return answered({"accessToken": f"account-of-{bearer}"})

    proxy.respond = respond
    file = {
        "type": "external_account",
        "audience": "//iam.example/pool",
        "token_url": f"http://{proxy.address}/sts",
        "service_account_impersonation_url": f"http://{proxy.address}/impersonate",
        "credential_source": {"environment_id": "aws1"},
    }
    tokens = GcpTokens(call=call(), now=SystemClock().now(), identity=lambda audience: {"for": audience})
    credentials, _ = tokens.fetch(json.dumps(file).encode())
    assert credentials.password == "account-of-federated-for-//iam.example/pool"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"[]", "the secret's 'credentials.json' is not a JSON object"),
        (b'{"type":"authorized_user"}', "must be of type service_account or external_account"),
        (b'{"type":"service_account"}', "has no 'client_email'"),
        (b'{"type":"service_account","client_email":"a","private_key":"x"}', "'private_key' is not a private key"),
        (b'{"type":"external_account","audience":"a"}', "must have an AWS credential_source"),
        (b'{"type":"service_account","token_uri":"http://x.example/"}', "'token_uri' must be an https URL"),
    ],
)
def test_credential_files_that_do_not_work_are_refused(content: bytes, text: str) -> None:
    tokens = GcpTokens(call=call(), now=SystemClock().now(), identity=lambda audience: {})
    with pytest.raises(AuthenticationError) as raised:
        tokens.fetch(content)
    assert text in raised.value.message
