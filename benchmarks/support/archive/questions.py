"""What an archive's users ask, each time with other keys of studies that are there."""

import http.client
import json
import random
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from benchmarks.support.archive.plan import PlannedStudy, series_uid
from benchmarks.support.find_client import FindClient
from benchmarks.support.million import accession_number, patient_id, patients_of
from dicom_node.association.requestor import end, open_association
from dicom_node.peers import Peer
from storage.settings import Settings

Ask = Callable[[], int]
"""Ask once; how much was found."""

RETURNED = (
    "StudyInstanceUID StudyDate StudyTime AccessionNumber PatientName PatientID"
    " ModalitiesInStudy StudyDescription NumberOfStudyRelatedInstances"
).split()
_QIDO = "/dicom-web/studies"
_WINDOW = 12
"""Studies in a row, whose dates make a range."""
_WORDS = "schadel", "thorax", "low dose", "becken"


class Keys:
    """Of studies taken by chance: the same ones in each run."""

    def __init__(self, studies: Sequence[PlannedStudy]) -> None:
        self._studies = studies
        self._with_slices = [one for one in studies if one.modality in ("CT", "MR")]
        self._chance = random.Random(7)  # noqa: S311 - which studies are asked for, no secret

    def study(self) -> PlannedStudy:
        return self._chance.choice(self._with_slices)

    def accession_number(self) -> str:
        return accession_number(self.study().number)

    def patient_id(self) -> str:
        return patient_id(self.study().patient)

    def dates(self) -> str:
        at = self._chance.randrange(max(1, len(self._studies) - _WINDOW))
        window = self._studies[at : at + _WINDOW]
        return f"{window[0].received_at:%Y%m%d}-{window[-1].received_at:%Y%m%d}"

    def date(self) -> str:
        return f"{self.study().received_at:%Y%m%d}"

    def name(self) -> str:
        """Family and given name of a patient, and whatever follows; in ASCII, for C-FIND."""
        while True:
            (patient,) = patients_of({self.study().patient})
            name = str(patient["patient_name"]).partition("=")[0].rstrip("^")
            # Numbered ones: of the others there are hundreds of one name.
            if name.isascii() and any(map(str.isdecimal, name)):
                return f"{name}*"

    def word(self) -> str:
        return self._chance.choice(_WORDS)


def dimse_questions(settings: Settings, keys: Keys) -> Iterator[tuple[str, Ask]]:
    peer = Peer("MEDIVIEW", "127.0.0.1", settings.dicom_port)
    model = StudyRootQueryRetrieveInformationModelFind
    contexts = [build_context(model, [ExplicitVRLittleEndian])]
    made: dict[str, Callable[[], dict[str, str]]] = {
        "PatientID": lambda: {"PatientID": keys.patient_id()},
        "StudyDate": lambda: {"StudyDate": keys.date()},
        "PatientName, a wildcard": lambda: {"PatientName": keys.name()},
    }
    for name, make in made.items():

        def ask(make: Callable[[], dict[str, str]] = make) -> int:
            # Each time over an association of its own: the node ends those that wait too long.
            association = open_association(peer, "BENCH", contexts)
            try:
                return FindClient(association).find("STUDY", make(), RETURNED)
            finally:
                end(association)

        yield f"C-FIND by {name}", ask


def web_questions(settings: Settings, keys: Keys) -> Iterator[tuple[str, Ask]]:
    def get(path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", settings.http_port, timeout=600)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        found = json.loads(body or b"[]")
        return len(found if isinstance(found, list) else found.get("items", found))

    def of_series() -> str:
        study = keys.study()
        return f"{study.study_instance_uid}/series/{series_uid(study, study.series[0])}/instances"

    paths: dict[str, Callable[[], str]] = {
        "QIDO by PatientID": lambda: f"{_QIDO}?PatientID={keys.patient_id()}",
        "QIDO by StudyDate, limit=10": lambda: f"{_QIDO}?StudyDate={keys.dates()}&limit=10",
        "QIDO by AccessionNumber": lambda: f"{_QIDO}?AccessionNumber={keys.accession_number()}",
        "QIDO by PatientName, a wildcard, limit=10": lambda: (
            f"{_QIDO}?PatientName={quote(keys.name())}&limit=10"
        ),
        "QIDO by ModalitiesInStudy, limit=10": lambda: f"{_QIDO}?ModalitiesInStudy=MR&limit=10",
        "QIDO limit=10, all fields": lambda: f"{_QIDO}?limit=10&includefield=all",
        "QIDO series of a study": lambda: f"{_QIDO}/{keys.study().study_instance_uid}/series",
        "QIDO instances of a series, limit=50": lambda: f"{_QIDO}/{of_series()}?limit=50",
        "/api/v1/studies?limit=20": lambda: "/api/v1/studies?limit=20",
        "/api/v1/studies?limit=20, a word": lambda: (
            f"/api/v1/studies?limit=20&q={quote(keys.word())}"
        ),
        "/api/v1/studies?limit=20, a patient ID": lambda: (
            f"/api/v1/studies?limit=20&q={keys.patient_id()}"
        ),
        "/api/v1/jobs?limit=20": lambda: "/api/v1/jobs?limit=20",
        "/health": lambda: "/health",
        "/metrics": lambda: "/metrics",
    }
    for name, path in paths.items():

        def ask(path: Callable[[], str] = path, *, is_text: bool = name == "/metrics") -> int:
            return _text(settings, path()) if is_text else get(path())

        yield name, ask


def _text(settings: Settings, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", settings.http_port, timeout=600)
    connection.request("GET", path)
    lines = connection.getresponse().read().count(b"\n")
    connection.close()
    return lines
