"""What the fakes that speak GraphQL share: a document is checked against the schema, then carried out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute_sync, parse, validate


def graphql_answer(
    schema: GraphQLSchema, text: str, root: Mapping[str, Any], variables: Mapping[str, Any]
) -> ExecutionResult:
    """Carry out a document by the functions of ``root``; what the schema says is wrong is in the result's errors."""
    try:
        document, problems = _checked(schema, text)
    except GraphQLError as error:
        return ExecutionResult(data=None, errors=[error])
    if problems:
        return ExecutionResult(data=None, errors=list(problems))
    done = execute_sync(schema, document, root, variable_values=dict(variables))
    assert isinstance(done, ExecutionResult)
    return done


@cache
def _checked(schema: GraphQLSchema, text: str) -> tuple[DocumentNode, tuple[GraphQLError, ...]]:
    """Parse a document and check it. Our documents are few, and a check costs ten times as much as to carry one out."""
    document = parse(text)
    return document, tuple(validate(schema, document))
