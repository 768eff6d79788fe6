"""Versions and version ranges as Masterminds/semver v3 parses, orders and checks them."""
