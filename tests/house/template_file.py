"""template.yaml as data, with CloudFormation's short tags kept as one-key mappings."""

from __future__ import annotations

import functools
import json
from typing import Any

import yaml

from tests.house.source_files import ROOT


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` as {"Ref": "x"} and `!GetAtt a.b` as {"Fn::GetAtt": "a.b"}."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)


@functools.cache
def dashboard() -> dict[str, Any]:
    """The dashboard's body as it is with ticks, before its references are resolved."""
    included = of_type("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Transform"]
    body = yaml.load((ROOT / included["Parameters"]["Location"]).read_text(), Loader=_Loader)
    text, variables = body["Fn::Sub"]
    for name, value in variables.items():
        _condition, there, _else = value["Fn::If"]
        text = text.replace(f"${{{name}}}", there["Fn::Sub"])
    found: dict[str, Any] = json.loads(text)
    return found


@functools.cache
def template() -> dict[str, Any]:
    """The whole template."""
    found: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)
    return found


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Properties of all resources of a type, by logical id."""
    return {name: one.get("Properties", {}) for name, one in template()["Resources"].items() if one["Type"] == kind}
