"""What takes the whole container is in the table of docs/development.md, each with its reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_LAYERS = ("storage", "dicom_node", "inference", "api")
_WHOLE = re.compile(r"(?<![\w.])(?:container\.)?Storage(?:Dep)?(?!\w)")
_ROW = re.compile(r"^\| `([\w/.]+)` \| `([\w.]+)` \| .+ \|$", re.MULTILINE)


def _annotations(scope: ast.AST) -> Iterator[ast.expr]:
    """Of a function's parameters, or of a class's fields."""
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        given = scope.args
        for one in (*given.posonlyargs, *given.args, *given.kwonlyargs):
            if one.annotation is not None:
                yield one.annotation
    elif isinstance(scope, ast.ClassDef):
        yield from (one.annotation for one in scope.body if isinstance(one, ast.AnnAssign))


def _takes_whole(scope: ast.AST) -> bool:
    found = " ".join(map(ast.unparse, _annotations(scope)))
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) and scope.decorator_list:
        # A route, which the framework puts together; what it hands on is looked at where it goes.
        found = found.replace("StorageDep", "")
    return bool(_WHOLE.search(found))


def _takers(source: str) -> Iterator[str]:
    def within(scope: ast.AST, name: str) -> Iterator[str]:
        for one in ast.iter_child_nodes(scope):
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{name}.{one.name}".lstrip(".")
                if _takes_whole(one):
                    yield inner.removesuffix(".__init__")
                yield from within(one, inner)
            else:
                yield from within(one, name)

    if _WHOLE.search(source):
        yield from within(ast.parse(source), "")


def test_what_takes_the_whole_container_is_listed_with_its_reason() -> None:
    listed = set(_ROW.findall((_ROOT / "docs/development.md").read_text(encoding="utf-8")))
    found = {
        (str(path.relative_to(_ROOT)), name)
        for layer in _LAYERS
        for path in (_ROOT / layer).rglob("*.py")
        for name in _takers(path.read_text(encoding="utf-8"))
    }
    assert found - listed == set(), (
        "These take the whole Storage. Hand them the members that they use, or a Protocol of"
        " storage/container/has.py; what puts a process, a job or a request together is listed in"
        " docs/development.md with its reason."
    )
    assert listed - found == set(), (
        "docs/development.md lists what takes the whole Storage no more."
    )


def test_each_way_to_take_it_is_found() -> None:
    source = """
def one(storage: Storage) -> None: ...
def two(storage: "container.Storage | None") -> None: ...
class Three:
    def __init__(self, storage: Storage) -> None:
        def inner(*, of: Storage) -> None: ...
class Four:
    opens: Callable[[Storage], None]
def five(storage: StorageDep) -> None: ...
@router.get("/")
def route(storage: StorageDep) -> None: ...
def narrow(storage: SendingStorage) -> None: ...
"""
    found = ["one", "two", "Three", "Three.__init__.inner", "Four", "five"]
    assert list(_takers(source)) == found
