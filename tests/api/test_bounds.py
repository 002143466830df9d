"""What a body may have in it is bounded, item by item: a body of 1 MiB is 300,000 mistakes else."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ValidationError

from api.app import create_app
from storage.settings import load_settings
from tests.api.client import ApiNode, is_problem

_LONGEST = 5 * 1024 * 1024
# Of a pattern: a set of characters, and what repeats without end.
_CLASS = re.compile(r"\\.|\[(?:\\.|[^\]])*\]")
_WITHOUT_END = re.compile(r"[*+]|\{\d+,\}")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(load_settings(data_dir=tmp_path_factory.mktemp("data")))


def test_every_text_list_and_free_object_of_a_body_has_a_limit(app: FastAPI) -> None:
    description = app.openapi()
    schemas = description["components"]["schemas"]
    bodies = [
        (f"{method} {path}", content["schema"])
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    assert len(bodies) > 40
    endless = {one for where, schema in bodies for one in _endless(schema, where, schemas, ())}
    assert sorted(endless) == []


def _endless(
    schema: dict[str, Any], where: str, schemas: dict[str, Any], within: tuple[str, ...]
) -> Iterator[str]:
    """Where a schema sets no limit, by the names of models and their members."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in within:
            yield from _endless(schemas[name], name, schemas, (*within, name))
        return
    for kind in ("anyOf", "oneOf", "allOf"):
        outside = {name: one for name, one in schema.items() if name != kind}
        for one in schema.get(kind, ()):
            yield from _endless({**outside, **one}, where, schemas, within)
    match schema.get("type"):
        case "array":
            if "maxItems" not in schema:
                yield f"{where}: a list"
            yield from _endless(schema.get("items", {}), f"{where}[]", schemas, within)
        case "object":
            for name, one in schema.get("properties", {}).items():
                yield from _endless(one, f"{where}.{name}", schemas, within)
            free = schema.get("additionalProperties")
            if free and "maxProperties" not in schema:
                yield f"{where}: an object"
            if isinstance(free, dict):
                yield from _endless(free, f"{where}{{}}", schemas, within)
        case "string" if not _is_bounded(schema):
            yield f"{where}: a text"


def _is_bounded(text: dict[str, Any]) -> bool:
    if text.keys() & {"enum", "const", "format"}:
        return True
    if "pattern" in text and not _WITHOUT_END.search(_CLASS.sub("x", text["pattern"])):
        return True
    return int(text.get("maxLength", _LONGEST + 1)) <= _LONGEST


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models_in(field.annotation)
    for one in get_args(annotation):
        yield from _models_in(one)


def test_a_long_list_of_mistakes_is_one_mistake(app: FastAPI) -> None:
    """Before each is looked at: pydantic makes an error of each."""
    models = {
        model
        for one in iter_route_contexts(app.routes)
        if (body := getattr(one.route, "body_field", None)) is not None
        for model in _models_in(body.field_info.annotation)
    }
    lists = [
        (model, field.alias or name)
        for model in models
        for name, field in model.model_fields.items()
        if re.match(r"(typing\.(Annotated|Union|Optional)\[)*list\[", str(field.annotation))
    ]
    assert len(lists) > 20
    for model, name in lists:
        with pytest.raises(ValidationError) as refused:
            model.model_validate({name: [None] * 21_000})
        assert refused.value.error_count() < 50, (model, name)


def test_the_description_of_an_edited_mask_is_short_as_a_file_too(api: ApiNode) -> None:
    edit = b'{"segment_numbers": [' + b"1," * 2_500_000 + b"1]}"
    answer = api.client.post(
        "/api/studies/1.2/segmentations/1.3/edits",
        files={"edit": ("edit.json", edit), "labels": ("labels.gz", b"")},
    )
    is_problem(answer, 413, "limit_exceeded")
