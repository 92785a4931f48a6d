"""GET /openapi.json: the routes as an OpenAPI 3.1 document, made from the route table and the typed structs.

Nothing is written down twice: paths, parameters, bodies and answers are those that the server runs on.
https://spec.openapis.org/oas/v3.1.0
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from queen import __version__
from queen.api.codec import answer
from queen.http.auth import PUBLIC_PATHS
from queen.http.message import JSON, TEXT, Request, Response
from queen.http.operation import Operation, Parameter
from queen.http.routes import Route

_REFERENCE = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_PHRASES = {200: "Done", 201: "Stored", 204: "Nothing", 503: "Not now"}


class Error(msgspec.Struct):
    """What every refused request gets: a text for people and a word for programs."""

    error: str
    code: str


class OpenApiResource:
    """The document, rendered once."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._response = answer(document([*routes, *self.routes()]))

    def routes(self) -> list[Route]:
        """The endpoint."""
        operation = Operation("This description of the server, OpenAPI 3.1", {200: dict[str, Any]})
        return [Route("GET", "/openapi.json", self.openapi, operation)]

    async def openapi(self, _request: Request) -> Response:
        """The same for everybody."""
        return self._response


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of the routes that have a description."""
    described = [(route, route.operation) for route in routes if route.operation is not None]
    kinds = list(dict.fromkeys([Error, *(kind for _, operation in described for kind in _kinds(operation))]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    by_kind = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route, operation in described:
        paths.setdefault(route.pattern, {})[route.method.lower()] = _operation(route, operation, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Queen",
            "version": __version__,
            "description": "A message queue kept in PostgreSQL.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _kinds(operation: Operation) -> Iterator[Any]:
    if operation.body is not None:
        yield operation.body
    yield from (kind for kind in operation.answers.values() if kind not in (None, str))


def _operation(route: Route, operation: Operation, by_kind: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _operation_id(route),
        "parameters": [
            *(_path_parameter(name) for name in _PATH_PARAMETER.findall(route.pattern)),
            *map(_query_parameter, operation.query),
        ],
        "responses": {
            **{str(status): _answer(status, kind, by_kind) for status, kind in operation.answers.items()},
            "default": {"description": "Refused", "content": {JSON: {"schema": by_kind[Error]}}},
        },
        "security": [] if route.pattern in PUBLIC_PATHS else [{}, {"token": []}],
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": {JSON: {"schema": by_kind[operation.body]}},
        }
    return described


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.pattern.removeprefix("/api/v1"))
    return "_".join([route.method.lower(), *words])


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.meaning,
        "schema": parameter.schema(),
    }


def _answer(status: int, kind: Any, by_kind: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _PHRASES[status]}
    if kind is str:
        described["content"] = {TEXT: {"schema": {"type": "string"}}}
    elif kind is not None:
        described["content"] = {JSON: {"schema": by_kind[kind]}}
    return described
