"""The description of the interface as OpenAPI 3.1, made from its declarations and the types they name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from hotspotd.console.gate import Need, Open
from hotspotd.console.interface.declared import EVENTS, PREFIX, VERSION, NoParameters, Operation, Problem

_REFERENCE: Final = "#/components/schemas/{name}"
_INTRODUCTION: Final = (
    "What a border-management system needs to show and decide in its own pages what this kiosk finds. Sign in with a"
    " badge (POST /session) and send the token as a bearer token; rights are those of the badge (docs/rights.md, and"
    " x-right of each operation). A hit is a lead for an officer, unconfirmed until a person has looked at it. Times"
    " are ISO 8601, UTC. Fields may be added; programs leave alone what they do not know."
)


def describe(operations: Iterable[Operation[Any]], events: Mapping[str, type]) -> dict[str, Any]:
    """The description of ``operations``. ``events`` are the types of what event streams carry, by name."""
    declared = list(operations)
    types: dict[int, Any] = {id(Problem): Problem}
    for operation in declared:
        for kind in (operation.gives, operation.takes, operation.path_type, operation.query_type):
            if kind is not None and kind is not NoParameters:
                types[id(kind)] = kind
    types.update({id(kind): kind for kind in events.values()})
    made, schemas = msgspec.json.schema_components(types.values(), ref_template=_REFERENCE)
    schema_of = dict(zip(types, made, strict=True))
    paths: dict[str, Any] = {}
    for operation in declared:
        told = _operation(operation, schema_of, schemas)
        if operation.media == EVENTS:
            told["x-events"] = {name: schema_of[id(kind)] for name, kind in events.items()}
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = told
    # Those of parameters stand where the parameters do.
    for operation in declared:
        for kind in (operation.path_type, operation.query_type):
            schemas.pop(kind.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hotspotd: a border kiosk",
            "version": VERSION,
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation[Any], schema_of: Mapping[int, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    text = (inspect.getdoc(operation.handler) or "").replace("``", "`")
    summary, _, more = text.partition("\n\n")
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.group],
        "summary": " ".join(summary.split()),
        "x-right": operation.need.value,
    }
    if more:
        told["description"] = " ".join(more.split())
    parameters = [
        *_parameters(operation.path_type, "path", schemas),
        *_parameters(operation.query_type, "query", schemas),
    ]
    if parameters:
        told["parameters"] = parameters
    if operation.takes is not None:
        content = {"application/json": {"schema": schema_of[id(operation.takes)]}}
        told["requestBody"] = {"required": True, "content": content}
    told["security"] = [{"session": []}] if _asks_who(operation.need) else []
    told["responses"] = _responses(operation, schema_of)
    return told


def _asks_who(need: Need) -> bool:
    return need not in (Open.ANYONE, Open.AT_KIOSK)


def _parameters(kind: type[msgspec.Struct], place: str, schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    if kind is NoParameters:
        return []
    schema = schemas[kind.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": place, "required": name in required, "schema": field}
        for name, field in schema["properties"].items()
    ]


def _responses(operation: Operation[Any], schema_of: Mapping[int, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": operation.status.phrase}
    if operation.media == EVENTS:
        done["content"] = {EVENTS: {"schema": {"type": "string"}}}
    elif operation.gives is not None:
        done["content"] = {operation.media: {"schema": schema_of[id(operation.gives)]}}
    refused = {HTTPStatus.FORBIDDEN, *operation.refuses}
    if _asks_who(operation.need):
        refused.add(HTTPStatus.UNAUTHORIZED)
    # A parameter that nobody declared is refused too.
    refused.add(HTTPStatus.BAD_REQUEST)
    if operation.takes is not None:
        refused |= {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
    content = {"application/json": {"schema": schema_of[id(Problem)]}}
    problems = {str(int(status)): {"description": status.phrase, "content": content} for status in sorted(refused)}
    busy = {"description": "The kiosk cannot do it now", "content": content}
    return {str(int(operation.status)): done, **problems, "5XX": busy}
