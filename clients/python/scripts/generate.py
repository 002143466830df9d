"""Write what of this package is made from something else, or compare it: generate.py [--check].

`types.py` comes from the API's description (`mediview openapi`, or the file of --description),
`_sync/` from `_async/`. Needs ruff, for the format.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "src" / "mediview_client"
_HEADER = '"""{} Made by scripts/generate.py; change that, or {}."""\n'

# What the methods of the client answer; the types within them come along.
ROOTS = (
    "AnalyzeStarted",
    "ChangePage",
    "Completed",
    "FeedbackPayload",
    "FindingPayload",
    "JobPayload",
    "ModelDetail",
    "ModelPayload",
    "PartUrl",
    "PipelinePayload",
    "ReportPayload",
    "StudyDetail",
    "StudySummary",
    "UploadPayload",
    "WebhookDeliveryPayload",
    "WebhookPayload",
    "WebhookPinged",
    "WebhookWithSecret",
    "WorklistItemPayload",
)
_REFERENCE = "#/components/schemas/"
_SIMPLE = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}
_SYNC = (
    (r"\bAsync(Iterator)\b", r"\1"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAwaitable\[([^\[\]]*)\]", r"\1"),
    (r"from collections\.abc import Awaitable, ", "from collections.abc import "),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\ba(close|read|iter_lines|iter_bytes)\b", r"\1"),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\b_async\b", "_sync"),
)
_BY_HAND = {"__init__.py", "runtime.py"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="Compare only; 1 where it differs.")
    parser.add_argument("--description", type=Path, help="The API's description as JSON.")
    arguments = parser.parse_args()
    if arguments.description:
        description = json.loads(arguments.description.read_text())
    else:
        mediview = Path(sys.executable).with_name("mediview")
        description = json.loads(subprocess.check_output([mediview, "openapi"]))
    differing = [path for path, text in generated(description).items() if not _is_as(path, text)]
    for path in differing:
        print(path.relative_to(PACKAGE.parents[1]))
        if not arguments.check:
            path.write_text(generated(description)[path])
    return 1 if arguments.check and differing else 0


def generated(description: Mapping[str, Any]) -> dict[Path, str]:
    """Every generated file of the package with its text."""
    files = {PACKAGE / "types.py": _types(description["components"]["schemas"])}
    for path in sorted((PACKAGE / "_async").glob("*.py")):
        if path.name not in _BY_HAND:
            files[PACKAGE / "_sync" / path.name] = _as_sync(path.read_text(), path.name)
    return _formatted(files)


def _is_as(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def _as_sync(text: str, name: str) -> str:
    for pattern, replacement in _SYNC:
        text = re.sub(pattern, replacement, text)
    return f"# Made from _async/{name} by scripts/generate.py.\n{text}"


def _types(schemas: Mapping[str, Any]) -> str:
    lines = [
        _HEADER.format("What the API answers.", "the node's own description"),
        "from typing import Any, Literal, NotRequired, TypedDict\n",
    ]
    for name in sorted(_reachable(schemas), key=_type_name):
        lines += ["\n", *_typed_dict(_type_name(name), schemas[name])]
    return "\n".join(lines)


def _reachable(schemas: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(schemas[name])
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_REFERENCE)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _type_name(schema_name: str) -> str:
    return schema_name.removesuffix("Payload")


def _typed_dict(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if schema.get("additionalProperties") is True:
        yield f"{name} = dict[str, Any]"
        return
    yield f"class {name}(TypedDict):"
    described = " ".join(schema.get("description", "").split())
    if described:
        yield textwrap.indent(textwrap.fill(f'"""{described}"""', 90), "    ") + "\n"
    required = schema.get("required", ())
    for key, value in schema["properties"].items():
        if value.get("deprecated"):
            # What is about to go is for programs that have it already.
            continue
        type_ = _type_of(value)
        yield f"    {key}: {type_ if key in required else f'NotRequired[{type_}]'}"
        note = " ".join(value.get("description", "").split())
        if note:
            yield textwrap.indent(textwrap.fill(f'"""{note}"""', 90), "    ")


def _type_of(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f'"{_type_name(schema["$ref"].removeprefix(_REFERENCE))}"'
    if "anyOf" in schema:
        types = [_type_of(one) for one in schema["anyOf"]]
        joined = " | ".join(one.strip('"') for one in types)
        return f'"{joined}"' if any(one.startswith('"') for one in types) else joined
    words = [schema["const"]] if "const" in schema else schema.get("enum")
    if words:
        return f"Literal[{', '.join(map(repr, words))}]"
    if schema.get("type") == "array":
        # JSON knows no tuples; those of the API have items of one type.
        items = schema.get("prefixItems", [schema.get("items", {})])
        return f"list[{_type_of(items[0])}]"
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return f"dict[str, {_type_of(extra)}]"
    return _SIMPLE.get(schema.get("type", ""), "Any")


def _formatted(files: Mapping[Path, str]) -> dict[Path, str]:
    """The texts as ruff has them in this repository."""
    ruff = Path(sys.executable).with_name("ruff")
    with tempfile.TemporaryDirectory(dir=PACKAGE) as folder:
        copies = {path: Path(folder) / f"{number}.py" for number, path in enumerate(files)}
        for path, copy in copies.items():
            copy.write_text(files[path])
        subprocess.run([ruff, "check", "--fix", "--quiet", "--select", "I", folder], check=True)
        subprocess.run([ruff, "format", "--quiet", folder], check=True)
        return {path: copy.read_text() for path, copy in copies.items()}


if __name__ == "__main__":
    sys.exit(main())
