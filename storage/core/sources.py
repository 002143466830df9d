"""By which way an instance came: its `source` is `dimse:CALLINGAE`, `stow`, `result:JOB`, …

What is fetched from an archive by C-GET or C-MOVE is `dimse:` and its AE title, else `fetch:NAME`.
A Key Object Selection that comes over HTTP names who sent it, `stow:NAME`, with `may-reject:`
before it where that was an administrator. `limited:` stands before the source of what came over
HTTP from somebody who sees the studies of some groups alone.
"""

from collections.abc import Collection, Iterable

from storage.core.entities import Instance

DIMSE = "dimse:"
REPORT_SOURCE = "report"
SUPERSEDED_REPORT_SOURCE = f"{REPORT_SOURCE}:superseded"
"""Of a signed report once more, with the notice that results under it were withdrawn."""
_RESULT = "result:"
_READER = "reader:"
_WITHDRAWAL = "rejection:"
_IMPORT = "import:"
_IMPORT_TO_RUN = "import-to-run:"
_FETCH = "fetch:"
_MAY_REJECT = "may-reject:"
LIMITED = "limited:"
_OWN = frozenset({REPORT_SOURCE, SUPERSEDED_REPORT_SOURCE})

# PS3.4 B.5. pydicom, which has it by name, takes a command that never reads DICOM 0.2 s to load.
KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
# Names of an identity provider may have any length.
_NAME_CHARACTERS = 64


_STRANGERS = "strangers"


def share_of(source: str, known_titles: Collection[str]) -> str:
    """Whose turn what has such a source takes: all unknown AE titles have one together.

    Who calls under no known title chooses one, and may call under thousands.
    """
    named = named_sender(source)
    if named.startswith(DIMSE) and named.removeprefix(DIMSE) not in known_titles:
        return _STRANGERS
    return source


def of_result(job_id: str) -> str:
    return f"{_RESULT}{job_id}"


def of_reader(name: str) -> str:
    """Of what a person has drawn or said: `name` is theirs, or the job's whose results it is on."""
    return f"{_READER}{name}"


def of_withdrawal(job_id: str) -> str:
    return f"{_WITHDRAWAL}{job_id}"


def is_own(source: str) -> bool:
    """Whether the node made the instance itself: nothing that arrives is stored with such a
    source, whatever its sender calls itself."""
    return source in _OWN or source.startswith((_RESULT, _READER, _WITHDRAWAL))


def returns_as_own(source: str) -> bool:
    """Whether what has such a source counts as the node's own again when others send it back.

    Not its rejection notes: what they withdrew would be shown once the jobs are gone that say so.
    A note that a PACS sends hides it, as far as that PACS may reject.
    """
    return is_own(source) and not source.startswith(_WITHDRAWAL)


def is_of_reader(source: str) -> bool:
    """Whether the node made the instance of what a person has drawn or stated (`of_reader`)."""
    return source.startswith(_READER)


def of_import(name: str, *, run_pipelines: bool) -> str:
    return f"{_IMPORT_TO_RUN if run_pipelines else _IMPORT}{name}"


def of_archive(name: str, ae_title: str) -> str:
    """Of what is fetched from the peer of that name; without an AE title by DICOMweb."""
    return f"{DIMSE}{ae_title}" if ae_title else f"{_FETCH}{name}"


def of_note(way: str, name: str, *, may_reject: bool) -> str:
    """Of a Key Object Selection that comes over HTTP; `may_reject`: as the sender's rights are."""
    return f"{_MAY_REJECT if may_reject else ''}{way}:{name[:_NAME_CHARACTERS]}"


def of_limited_caller(source: str) -> str:
    return f"{LIMITED}{source}"


def was_allowed_to_reject(source: str) -> bool:
    """Whether the instance came over HTTP from somebody who might reject images then."""
    return source.startswith(_MAY_REJECT)


def named_sender(source: str) -> str:
    """The way and who, for people."""
    return source.removeprefix(LIMITED).removeprefix(_MAY_REJECT)


def senders_of(instances: Iterable[Instance]) -> tuple[str, ...]:
    """The AE titles from which instances came; none of those that came by other ways."""
    sources = dict.fromkeys(one.source for one in instances)
    return tuple(one.removeprefix(DIMSE) for one in sources if one.startswith(DIMSE))


def are_imported(instances: Iterable[Instance]) -> bool:
    """Whether all of them were brought in to be kept: nothing runs on them by itself."""
    sources = {one.source for one in instances}
    return bool(sources) and all(one.startswith(_IMPORT) for one in sources)
