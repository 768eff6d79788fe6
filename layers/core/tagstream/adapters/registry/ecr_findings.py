"""What ECR's scans have found in an image, asked by the function's own IAM role.

Source: ECR DescribeImageScanFindings; botocore's service model of ECR (ScanStatus, FindingSeverity).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tagstream.adapters.http.retrying_session import REASON
from tagstream.errors import RetryableError
from tagstream.ports.registry import ScanFindings

COMPLETE = frozenset({"COMPLETE", "ACTIVE"})
"""ACTIVE is a continuous scan of Inspector, whose findings of now are there."""
PENDING = frozenset({"IN_PROGRESS", "PENDING"})
NO_SCAN = frozenset({"ScanNotFoundException", "ImageNotFoundException", "RepositoryNotFoundException"})


class ScanApi(Protocol):
    """The one call of boto3's ecr client that is used here."""

    def describe_image_scan_findings(self, **request: Any) -> Mapping[str, Any]:
        """Status and findings of an image's scan."""


def fetch_findings(api: ScanApi, account: str, repository: str, digest: str) -> ScanFindings:
    """What the scan of one image has found.

    Args:
        api: of the registry's region.
        account: whose registry it is.
        repository: without the host.
        digest: of a single image; ECR scans no index.

    Raises:
        RetryableError: ReadOperationFailed, with what AWS said.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = api.describe_image_scan_findings(
            registryId=account, repositoryName=repository, imageId={"imageDigest": digest}, maxResults=1
        )
    except ClientError as error:
        said = error.response.get("Error", {})
        code, text = said.get("Code", ""), f"{said.get('Code', '')}: {said.get('Message', '')}"
        if code in NO_SCAN:
            return ScanFindings(state="unavailable", problem=text)
        raise RetryableError(f"failed to read scan findings from ecr: {text}", reason=REASON) from error
    except BotoCoreError as error:
        raise RetryableError(f"failed to read scan findings from ecr: {error}", reason=REASON) from error
    status = answer.get("imageScanStatus") or {}
    state = str(status.get("status", ""))
    if state in PENDING:
        return ScanFindings(state="pending")
    if state not in COMPLETE:
        told = ": ".join(filter(None, (state, str(status.get("description") or ""))))
        return ScanFindings(state="unavailable", problem=told or "ECR does not say why")
    counts = (answer.get("imageScanFindings") or {}).get("findingSeverityCounts") or {}
    return ScanFindings(state="complete", counts={str(name): int(count) for name, count in counts.items()})
