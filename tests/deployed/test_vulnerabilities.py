"""The gate for vulnerabilities in the deployed stack: the example of docs/gates.md, with findings of moto's ECR.

The embedded AWS has no scans of ECR. The scan function therefore asks moto's ECR, which scans the images that it is
told to, and finds one vulnerability in each, of severity HIGH. The registry behind ECR's name is reached by a proxy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import requests

from tests.embedded.aws import REGION, EmbeddedStack
from tests.embedded.forward_proxy import PASSWORD, USER, HttpProxy, running_proxy
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.moto_aws import running_moto
from tests.embedded.push import MANIFEST, push_image
from tests.embedded.registry import Registry, running_registry
from tests.embedded.system import System, documents

NAMESPACE, NAME = "scanned", "example/api"
HOST = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"
SECTION = (Path(__file__).parents[2] / "docs/gates.md").read_text().partition("\n## Vulnerabilities\n")[2]
EXAMPLE = re.findall(r"^```yaml\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)[0]
RIGHT = re.findall(r"--policy-document '(.*?)'\n```", SECTION, re.DOTALL)[0]


@contextmanager
def asking(stack: EmbeddedStack, endpoint: str) -> Iterator[None]:
    """Have the scan function ask this ECR."""
    functions, name = stack.client("lambda"), f"{stack.name}-scan"
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    given = {**before, "AWS_ENDPOINT_URL_ECR": endpoint}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": given})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def push(registry: Registry, ecr: Any, tag: str, *, scanned: bool = True) -> None:
    """Push an image, and have ECR know it, and scan it."""
    digest = push_image(registry.address, NAME, tag, tag.encode())
    address = f"http://{registry.address}/v2/{NAME}/manifests/{tag}"
    manifest = requests.get(address, headers={"Accept": MANIFEST}, timeout=20).text
    ecr.put_image(repositoryName=NAME, imageManifest=manifest, imageTag=tag, imageDigest=digest)
    if scanned:
        ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": tag})


def manifests(proxy: HttpProxy, git_url: str, below: str) -> bytes:
    """The page's example in a namespace of its own, behind the proxy, with an automation."""
    images, policy = EXAMPLE.split("---\n")
    text = images.replace(HOST.replace(REGION, "eu-west-1"), HOST).replace(
        "provider: aws}", "insecure: true, proxySecretRef: {name: proxy}}"
    )
    text += "---\n" + policy.replace("vulnerabilities-below: HIGH", f"vulnerabilities-below: {below}")
    address = f"http://127.0.0.1:{proxy.server_address[1]}"

    def named(version: str, kind: str, name: str, **content: object) -> Mapping[str, Any]:
        annotations = {"tagstream.dev/debounce": "0s"}
        metadata = {"name": name, "namespace": NAMESPACE, "annotations": annotations}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}

    automation = {
        "interval": "1h",
        "sourceRef": {"kind": "GitRepository", "name": "api"},
        "git": {"commit": {"author": {"email": "bot@example.com"}}},
    }
    secret = {"address": address, "username": USER, "password": PASSWORD}
    source = {"url": git_url, "interval": "1h", "ref": {"branch": "main"}}
    more = documents(
        named("v1", "Secret", "proxy", stringData=secret),
        named("source.toolkit.fluxcd.io/v1", "GitRepository", "api", spec=source),
        named("image.toolkit.fluxcd.io/v1", "ImageUpdateAutomation", "api", spec=automation),
    )
    return text.replace("flux-system", NAMESPACE).encode() + b"---\n" + more


def test_an_image_is_committed_when_its_scan_has_found_nothing_too_severe(stack: EmbeddedStack, tmp_path: Path) -> None:
    with (
        running_registry() as registry,
        running_proxy(HttpProxy) as proxy,
        git_server(tmp_path) as server,
        running_moto() as moto,
        asking(stack, moto.endpoint),
    ):
        assert isinstance(proxy, HttpProxy)
        proxy.names[HOST] = registry.address
        ecr = boto3.client(
            "ecr",
            region_name=REGION,
            endpoint_url=moto.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        ecr.create_repository(repositoryName=NAME)
        push(registry, ecr, "1.0.0")
        marker = f'image: {HOST}/{NAME}:0.1.0 # {{"$imagepolicy": "{NAMESPACE}:api"}}\n'
        bare = bare_repository(tmp_path, "api.git", {"api.yaml": marker.encode()})
        system = System(stack=stack, registry=registry.address)

        def ready() -> str:
            (policy,) = system.objects("policy", NAMESPACE)
            conditions = policy.get("status", {}).get("conditions", [])
            return next((f"{one['reason']}: {one['message']}" for one in conditions if one["type"] == "Ready"), "")

        system.cli("apply", "-f", "-", stdin=manifests(proxy, server.url("api.git"), "HIGH"))
        stack.wait_for("the verdict", lambda: ready().startswith("Vulnerable: "))
        assert "1.0.0 has vulnerabilities: 1 HIGH" in ready()

        system.cli("apply", "-f", "-", stdin=manifests(proxy, server.url("api.git"), "CRITICAL"))
        stack.wait_for("the commit", lambda: ":1.0.0 " in git("show", "main:api.yaml", folder=bare))

        push(registry, ecr, "1.1.0", scanned=False)
        system.cli("reconcile", "image", "repository", "api", "-n", NAMESPACE)
        stack.wait_for("an image without a scan", lambda: ready().startswith("NotScanned: "))
        assert ":1.0.0 " in git("show", "main:api.yaml", folder=bare)
        events = system.cli("events", "-n", NAMESPACE)
        assert "has vulnerabilities: 1 HIGH" in events and "ScanNotFoundException" in events


def test_the_right_of_the_page_is_what_the_scan_function_lacks(stack: EmbeddedStack) -> None:
    found = stack.client("cloudformation").describe_stack_resource(StackName=stack.name, LogicalResourceId="ScanRole")
    role, iam = found["StackResourceDetail"]["PhysicalResourceId"], stack.client("iam")
    right = json.loads(RIGHT)

    def decision() -> str:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::000000000000:role/{role}",
            ActionNames=["ecr:DescribeImageScanFindings"],
            ResourceArns=["arn:aws:ecr:eu-west-1:123456789012:repository/example/api"],
        )
        return str(answer["EvaluationResults"][0]["EvalDecision"])

    assert decision() == "implicitDeny"
    iam.put_role_policy(RoleName=role, PolicyName="gates", PolicyDocument=json.dumps(right))
    try:
        assert decision() == "allowed"
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="gates")
