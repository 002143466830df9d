"""By which way an instance came, by its `source`: `dimse:CALLINGAE`, `import:NAME`, `stow`, …"""

from collections.abc import Iterable

from storage.core.entities import Instance

_DIMSE = "dimse:"
_IMPORT = "import:"
_IMPORT_TO_RUN = "import-to-run:"


def of_import(name: str, *, run_pipelines: bool) -> str:
    return f"{_IMPORT_TO_RUN if run_pipelines else _IMPORT}{name}"


def senders_of(instances: Iterable[Instance]) -> tuple[str, ...]:
    """The AE titles from which instances came; none of those that came by other ways."""
    sources = dict.fromkeys(one.source for one in instances)
    return tuple(one.removeprefix(_DIMSE) for one in sources if one.startswith(_DIMSE))


def are_imported(instances: Iterable[Instance]) -> bool:
    """Whether all of them were brought in to be kept: nothing runs on them by itself."""
    sources = {one.source for one in instances}
    return bool(sources) and all(one.startswith(_IMPORT) for one in sources)
