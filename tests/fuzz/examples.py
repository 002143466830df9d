"""An example of a JSON schema, from which a fuzzer sets out."""

from typing import Any

from pydantic import BaseModel

_DEEPEST = 6
_BY_TYPE: dict[str, Any] = {
    "string": "1.2.3",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "null": None,
}


def example_of(form: type[BaseModel]) -> Any:
    """With every field that is known, whether it is needed or not; its values may be refused."""
    schema = form.model_json_schema()
    return _example(schema, schema.get("$defs", {}), 0)


def _example(schema: dict[str, Any], named: dict[str, Any], depth: int) -> Any:
    if "$ref" in schema:
        return _example(named[schema["$ref"].rpartition("/")[2]], named, depth + 1)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _example(schema[choice][0], named, depth)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("type") == "array":
        items = schema.get("items")
        return [_example(items, named, depth + 1)] if items and depth < _DEEPEST else []
    if schema.get("type") == "object":
        fields = schema.get("properties", {}) if depth < _DEEPEST else {}
        return {name: _example(one, named, depth + 1) for name, one in fields.items()}
    return _BY_TYPE.get(str(schema.get("type")))
