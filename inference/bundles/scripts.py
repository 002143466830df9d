"""The scripts of a bundle as modules: read from their sources, and found after all others.

Only `scripts` is always the bundle's: some package that is installed may bear this name, too.

Digests cover the sources. A compiled file beside them would run in their place, and is neither
read nor written.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

_FOLDER = "scripts"


@contextmanager
def scripts_of(folder: Path) -> Iterator[None]:
    """Modules of a bundle can be imported in it; those of the one before are forgotten."""
    # Bundles name their scripts alike.
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == _FOLDER or _is_script(module):
            del sys.modules[name]
    finder = _Scripts(folder)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Source(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class _Scripts(MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None:
            return None if _is_elsewhere(fullname) else self._found(fullname, self._folder)
        for entry in map(Path, path):
            if entry.is_relative_to(self._folder) and (found := self._found(fullname, entry)):
                return found
        return None

    def _found(self, fullname: str, folder: Path) -> ModuleSpec | None:
        return FileFinder(str(folder), (_Source, [".py"])).find_spec(fullname)


def _is_elsewhere(name: str) -> bool:
    """Whether it is installed; a folder of that name without an __init__.py is no package."""
    if name == _FOLDER:
        return False
    if name in sys.stdlib_module_names:
        return True
    found = PathFinder.find_spec(name)
    return found is not None and found.loader is not None


def _is_script(module: ModuleType) -> bool:
    return isinstance(getattr(module, "__loader__", None), _Source)
