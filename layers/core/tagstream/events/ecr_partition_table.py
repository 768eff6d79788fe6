"""The DNS domain of ECR's registries in each AWS partition; the first region prefix that matches decides.

Source: fluxcd/pkg auth/aws registry pattern (amazonaws.com[.cn], amazonaws.eu, sc2s.sgov.gov, c2s.ic.gov,
cloud.adc-e.uk, csp.hci.ic.gov).
"""

from __future__ import annotations

DOMAIN_BY_REGION_PREFIX: tuple[tuple[str, str], ...] = (
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-iso-", "c2s.ic.gov"),
)
