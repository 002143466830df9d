"""What can be imported from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from dicom_node.archives.archive import Archive
from dicom_node.archives.receiving import Receiving
from dicom_node.peers import PeerFailed


@dataclass(frozen=True)
class Part:
    """What is fetched at once, and again from its beginning where that broke off: a study of an
    archive, some files of a folder.

    `key` is the same in every run, and another one where the content is known to have changed.
    """

    key: str
    fetch: Callable[[Receiving], None]
    """Raises PeerFailed, and what `Receiving` raises."""


def fetch_whole(
    source: object,
    archive: Archive,
    study_instance_uid: str,
    stated: int,
    receiving: Receiving,
    failed: str,
) -> None:
    """Fetch a study of which an archive stated how many instances it has, 0 where it did not.

    `failed`: the sentence, after the source's name, where the archive says that it sent a part.
    Raises PeerFailed: what came stays here, and the next run asks for the study again.
    """
    receiving.expect_study(study_instance_uid)
    fetched = archive.fetch(study_instance_uid, receiving, lambda _done, _total: None)
    if fetched.failed:
        raise PeerFailed(
            f"{source} {failed.format(fetched.failed)} Study: {study_instance_uid}.",
            remedy="Its log says why; the next run asks for the study again.",
        )
    if receiving.arrived < max(stated, 1):
        listed = f"{stated} instances" if stated else "a study"
        raise PeerFailed(
            f"{source} listed {listed} and sent {receiving.arrived} of them. Study:"
            f" {study_instance_uid}.",
            remedy="Its log says why; the next run asks for the study again.",
        )


class ImportSource(Protocol):
    """`str()` names it in sentences."""

    name: str
    """Of letters, digits, dots and dashes: by it an interrupted import is found again."""

    def parts(self) -> Iterator[Part]:
        """All that there is, in an order that stays. Raises PeerFailed."""

    def close(self) -> None:
        """Let go of its connections; it is used no more."""
