"""The studies of an archive that speaks DIMSE as parts of an import: C-FIND, C-GET, C-MOVE."""

from collections.abc import Iterator, Mapping
from functools import partial

from dicom_node.archives.ae import AeArchive
from dicom_node.archives.move_receiver import MoveReceiver
from dicom_node.archives.receiving import Receiving
from dicom_node.imports.matching import check_study_keys
from dicom_node.imports.sources import Part, fetch_whole
from dicom_node.peers import Peer, PeerFailed
from storage.settings import Settings

_MOST_STUDIES = 200_000


class QueryRetrieveSource:
    def __init__(
        self,
        peer: Peer,
        query: Mapping[str, str],
        settings: Settings,
        move_to: tuple[str, int] | None = None,
        *,
        over_tls: bool = False,
    ) -> None:
        """`query`: what studies must match, by keyword, as C-FIND has it. Raises InvalidRequest.

        `move_to`: AE title and port at which the archive knows the import itself, for C-MOVE where
        it has no C-GET. What is moved to the node comes as if it were sent. `over_tls`: the archive
        sends it over TLS.
        """
        self._query = check_study_keys(query)
        self.receiver = (
            None if move_to is None else MoveReceiver(*move_to, settings, over_tls=over_tls)
        )
        self._archive = AeArchive(
            peer, settings, may_move=self.receiver is not None, receiver=self.receiver
        )
        self.name = peer.ae_title.replace(" ", "-").replace("_", "-")

    def __str__(self) -> str:
        return str(self._archive)

    def parts(self) -> Iterator[Part]:
        """A study each; one that has more instances than before is another part."""
        found = self._archive.studies(self._query, _MOST_STUDIES)
        if not found.is_complete:
            raise PeerFailed(
                f"{self} has more than {_MOST_STUDIES} studies that match.",
                remedy="Import them year by year, as with --match StudyDate=20240101-20241231.",
            )
        for study in sorted(found.studies, key=lambda one: one.study_instance_uid):
            uid = study.study_instance_uid
            fetch = partial(self._fetch, uid, study.instance_count)
            yield Part(f"{uid} {study.instance_count}", fetch)

    def close(self) -> None:
        self._archive.close()
        if self.receiver is not None:
            self.receiver.close()

    def _fetch(self, study_instance_uid: str, stated: int, receiving: Receiving) -> None:
        fetch_whole(
            self,
            self._archive,
            study_instance_uid,
            stated,
            receiving,
            "could not send {} instances of a study.",
        )
