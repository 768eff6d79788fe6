"""A host's published API description (OpenAPI 3.0), and what of a request or an answer is not as it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import yaml
from openapi_schema_validator import OAS30Validator

FOLDER = Path(__file__).parents[2] / "data" / "git_hosts"

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation that a request names, with the parts of its path."""

    name: str
    definition: Json
    parts: Mapping[str, str]


@dataclass(frozen=True)
class Description:
    """A description, of which only what tagstream uses is there."""

    document: Json

    def operation(self, method: str, path: str) -> Operation | None:
        """Find the operation of a request by its raw path, which is below the server's URL."""
        base = self.document["servers"][0]["url"]
        if not path.startswith(base):
            return None
        for template, methods in self.document["paths"].items():
            names = re.findall(r"\{(\w+)\}", template)
            pattern = "([^/]+)".join(re.escape(one) for one in re.split(r"\{\w+\}", template))
            found = re.fullmatch(pattern, path.removeprefix(base))
            definition = methods.get(method.lower())
            if found and definition is not None:
                parts = dict(zip(names, map(unquote, found.groups()), strict=True))
                return Operation(name=definition["operationId"], definition=definition, parts=parts)
        return None

    def problems_of_request(
        self, operation: Operation, query: Sequence[tuple[str, str]], document: object
    ) -> Iterator[str]:
        """Yield what is wrong with the parameters and the body of a request; a document of None is no body."""
        known = {one["name"]: one for one in map(self._resolved, operation.definition.get("parameters", ()))}
        for name, value in query:
            if name not in known:
                yield f"{operation.name}: unknown parameter {name}"
            else:
                yield from self._problems(f"parameter {name}", known[name]["schema"], _as_typed(value, known[name]))
        missing = {name for name, one in known.items() if one.get("required")} - {name for name, _ in query}
        yield from (f"{operation.name}: parameter {name} is missing" for name in sorted(missing))
        body = operation.definition.get("requestBody")
        if document is None:
            if body is not None and body.get("required"):
                yield f"{operation.name}: the body is missing"
        elif body is None:
            yield f"{operation.name}: a body that nobody asked for"
        else:
            yield from self._problems(operation.name, body["content"]["application/json"]["schema"], document)

    def problems_of_answer(self, operation: Operation, status: int, document: object) -> Iterator[str]:
        """Yield what is wrong with an answer of the fake; refusals are not described in detail."""
        described = operation.definition["responses"].get(str(status))
        if described is not None:
            schema = described["content"]["application/json"]["schema"]
            yield from self._problems(f"answer of {operation.name}", schema, document)

    def _problems(self, where: str, schema: Json, value: object) -> Iterator[str]:
        whole = {"allOf": [schema], "components": self.document["components"]}
        for error in OAS30Validator(whole).iter_errors(value):
            yield f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
        yield from self._undescribed(where, schema, value)

    def _undescribed(self, where: str, schema: Json, value: object) -> Iterator[str]:
        """Yield members that no schema names, also where the description lets others in."""
        if isinstance(value, list):
            items: Json = next((one["items"] for one in self._layers(schema) if "items" in one), {})
            for one in value:
                yield from self._undescribed(where, items, one)
        elif isinstance(value, Mapping):
            members: dict[str, Json] = {}
            for layer in self._layers(schema):
                members |= layer.get("properties", {})
            for name, one in value.items():
                if name in members:
                    yield from self._undescribed(f"{where}/{name}", members[name], one)
                else:
                    yield f"{where}: unknown member {name}"

    def _layers(self, schema: Json) -> Iterator[Json]:
        """Yield a schema and all that it is composed of."""
        resolved = self._resolved(schema)
        yield resolved
        for one in resolved.get("allOf", ()):
            yield from self._layers(one)

    def _resolved(self, schema: Json) -> Json:
        found: Any = schema
        while "$ref" in found:
            place: Any = self.document
            for part in found["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            found = place
        return cast("Json", found)


def _as_typed(value: str, parameter: Json) -> object:
    kind = parameter["schema"].get("type")
    if kind in ("integer", "number") and re.fullmatch(r"-?\d+", value):
        return int(value)
    return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value


@cache
def described(host: str) -> Description:
    """Read the description of a host."""
    return Description(yaml.safe_load((FOLDER / f"{host}.yaml").read_text()))
