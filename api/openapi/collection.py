"""The API as a collection of requests that Postman, Bruno and Insomnia import (format 2.1).

https://schema.getpostman.com/json/collection/v2.1.0/docs/index.html
"""

import json
from collections.abc import Mapping
from typing import Any

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_REFERENCE = "#/components/schemas/"
_DEEPEST = 6
_JSON = ("application/json", "application/dicom+json")
_SIMPLE: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "null": None,
}


def collection(description: Mapping[str, Any]) -> dict[str, Any]:
    """A folder for each tag, a request for each operation; `node` and `key` are variables."""
    folders: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in description["tags"]}
    schemas = description["components"]["schemas"]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            folders[operation["tags"][0]].append(_item(path, method, operation, schemas))
    about = {tag["name"]: tag["description"] for tag in description["tags"]}
    return {
        "info": {
            "name": description["info"]["title"],
            "description": description["info"]["description"],
            "schema": _SCHEMA,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}],
        },
        "variable": [
            {"key": "node", "value": "http://localhost:8080"},
            {"key": "key", "value": ""},
        ],
        "item": [
            {"name": name, "description": about[name], "item": items}
            for name, items in folders.items()
            if items
        ],
    }


def _item(
    path: str, method: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    address = path.replace("{", ":").replace("}", "")
    query = [_value(one) for one in parameters if one["in"] == "query"]
    asked = "&".join(f"{one['key']}={one['value']}" for one in query if not one["disabled"])
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "header": [
            _value(one) for one in parameters if one["in"] == "header" and one.get("required")
        ],
        "url": {
            "raw": f"{{{{node}}}}{address}" + (f"?{asked}" if asked else ""),
            "host": ["{{node}}"],
            "path": address.strip("/").split("/"),
            "query": query,
            "variable": [_value(one) for one in parameters if one["in"] == "path"],
        },
    }
    if not operation.get("security"):
        request["auth"] = {"type": "noauth"}
    content = operation.get("requestBody", {}).get("content", {})
    kind = next((one for one in _JSON if one in content), None)
    if kind:
        request["header"].append({"key": "Content-Type", "value": kind})
        example = _example(content[kind]["schema"], schemas, 0)
        request["body"] = {
            "mode": "raw",
            "raw": json.dumps(example, indent=2),
            "options": {"raw": {"language": "json"}},
        }
    elif "multipart/form-data" in content:
        fields = _resolved(content["multipart/form-data"]["schema"], schemas)["properties"]
        request["body"] = {
            "mode": "formdata",
            "formdata": [
                {"key": name, "type": "file" if name == "files" else "text", "value": ""}
                for name in fields
            ],
        }
    return {"name": operation["summary"], "request": request, "response": []}


def _value(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """What is not required is there, switched off."""
    schema = parameter.get("schema", {})
    examples = [*schema.get("examples", []), schema.get("default"), ""]
    value = next(one for one in examples if one is not None)
    return {
        "key": parameter["name"],
        "value": value if isinstance(value, str) else json.dumps(value),
        "description": parameter.get("description", ""),
        "disabled": not parameter.get("required", False),
    }


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(_REFERENCE)]
    return schema


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Any:
    """A value of the form; what is optional is left out where it has no example."""
    schema = _resolved(schema, schemas)
    fixed = [schema[name] for name in ("const", "default") if name in schema]
    given = [*schema.get("examples", []), *fixed, *schema.get("enum", [])]
    if given:
        return given[0]
    several = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if several:
        return _example(several[0], schemas, depth)
    if schema.get("type") == "array":
        is_wanted = schema.get("minItems", 0) > 0 and depth < _DEEPEST
        return [_example(schema["items"], schemas, depth + 1)] if is_wanted else []
    if "properties" in schema and depth < _DEEPEST:
        required = set(schema.get("required", ()))
        return {
            name: _example(one, schemas, depth + 1)
            for name, one in schema["properties"].items()
            if name in required or "examples" in one
        }
    return _SIMPLE.get(str(schema.get("type")), {})
