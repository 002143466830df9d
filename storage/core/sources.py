"""By which way an instance came: its `source` is `dimse:CALLINGAE`, `stow`, `result:JOB`, …

What is fetched from an archive by C-GET or C-MOVE is `dimse:` and its AE title, else `fetch:NAME`.
"""

from collections.abc import Iterable

from storage.core.entities import Instance

_DIMSE = "dimse:"
REPORT_SOURCE = "report"
_IMPORT = "import:"
_IMPORT_TO_RUN = "import-to-run:"
_FETCH = "fetch:"


def of_import(name: str, *, run_pipelines: bool) -> str:
    return f"{_IMPORT_TO_RUN if run_pipelines else _IMPORT}{name}"


def of_archive(name: str, ae_title: str) -> str:
    """Of what is fetched from the peer of that name; without an AE title by DICOMweb."""
    return f"{_DIMSE}{ae_title}" if ae_title else f"{_FETCH}{name}"


def senders_of(instances: Iterable[Instance]) -> tuple[str, ...]:
    """The AE titles from which instances came; none of those that came by other ways."""
    sources = dict.fromkeys(one.source for one in instances)
    return tuple(one.removeprefix(_DIMSE) for one in sources if one.startswith(_DIMSE))


def are_imported(instances: Iterable[Instance]) -> bool:
    """Whether all of them were brought in to be kept: nothing runs on them by itself."""
    sources = {one.source for one in instances}
    return bool(sources) and all(one.startswith(_IMPORT) for one in sources)
