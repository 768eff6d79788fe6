"""Versions and version ranges as Masterminds/semver reads them."""
