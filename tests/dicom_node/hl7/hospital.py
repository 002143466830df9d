"""A hospital around one node: a RIS over MLLP, a modality, and DCMTK as PACS."""

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from dicom_node.scu import send
from storage.core.clock import utcnow
from storage.patient_identity.entities import Origin
from tests.dicom_node.builders import ct_instance, dcmtk, encoded, item_of
from tests.dicom_node.conftest import Node
from tests.dicom_node.hl7.mllp import parsed, sent


class Hospital:
    """One node for all tests here, each with patients of its own."""

    def __init__(self, node: Node, hl7_port: int) -> None:
        self.node = node
        self._hl7_port = hl7_port
        self._number = 0

    def new_id(self) -> str:
        self._number += 1
        return f"P-{self._number:04d}"

    def adt(
        self,
        event: str,
        patient_id: str,
        name: str,
        birth_date: str = "",
        prior_id: str = "",
        issuer: str = "HOSPITAL",
        control_id: str = "",
        sex: str = "",
        sender: str = "RIS",
        recorded_at: str = "20260102030405",
    ) -> tuple[str, str]:
        """The acknowledgement code and its sentence."""
        self._number += 1
        control_id = control_id or f"ADT-{self._number}"
        segments = [
            f"MSH|^~\\&|{sender}|HOSPITAL|MEDIVIEW||20260102030405||ADT^{event}^ADT_A01|{control_id}"
            "|P|2.5.1||||||UNICODE UTF-8",
            f"EVN|{event}|{recorded_at}",
            f"PID|1||{patient_id}^^^{issuer}^MR~99^^^INSURANCE||{name}||{birth_date}|{sex}",
        ]
        if prior_id:
            segments.append(f"MRG|{prior_id}^^^{issuer}^MR")
        return self.send("\r".join(segments))

    def send(self, message: str) -> tuple[str, str]:
        (answer,) = sent(self._hl7_port, message.encode())
        read = parsed(answer)
        return read.msa.msa_1.value, read.msa.msa_3.value or ""

    def scan(
        self, patient_id: str, name: str, birth_date: str = "19700131", **attributes: str
    ) -> Dataset:
        """A study of one image, sent by a modality."""
        syntax = attributes.pop("syntax", None)
        made = ct_instance(
            patient_id=patient_id,
            patient_name=name,
            **({"transfer_syntax_uid": syntax} if syntax else {}),
        )
        made.PatientBirthDate = birth_date
        for keyword, value in attributes.items():
            setattr(made, keyword, value)
        (result,) = send([item_of(encoded(made))], peer=self.node.peer, calling_ae_title="SCANNER")
        assert result.ok, result
        return made

    def found(self, *keys: str) -> list[tuple[str, str, str]]:
        """ID, name and birth date of the studies that DCMTK's findscu finds."""
        folder = self.node.storage.settings.data_dir / f"found-{generate_uid()}"
        folder.mkdir()
        asked = ("QueryRetrieveLevel=STUDY", "StudyInstanceUID", "PatientID", "PatientName",
                 "PatientBirthDate", *keys)  # fmt: skip
        ran = dcmtk(
            "findscu", "-S", "-X", "-od", folder, *(part for key in asked for part in ("-k", key)),
            "127.0.0.1", str(self.node.port),
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        answers = [dcmread(path, force=True) for path in folder.iterdir()]
        return sorted(
            (one.PatientID, str(one.PatientName), one.PatientBirthDate) for one in answers
        )

    def shown(self, scan: Dataset) -> tuple[str, str, str]:
        """As the study list has it."""
        study = self.node.storage.index.study(scan.StudyInstanceUID)
        return study.patient_id, study.patient_name, study.patient_birth_date

    def served(self, scan: Dataset) -> Dataset:
        """As every service reads it that makes something of it."""
        instances = self.node.storage.instances
        return dcmread(instances.open(self.node.storage.index.instance(scan.SOPInstanceUID)))

    def fetched(self, scan: Dataset) -> Dataset:
        """As DCMTK's getscu gets it."""
        folder = self.node.storage.settings.data_dir / f"got-{generate_uid()}"
        folder.mkdir()
        ran = dcmtk(
            "getscu", "-S", "-od", folder, "-k", "QueryRetrieveLevel=STUDY",
            "-k", f"StudyInstanceUID={scan.StudyInstanceUID}", "127.0.0.1", str(self.node.port),
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        (path,) = folder.iterdir()
        return dcmread(path)

    def undo_last(self, patient_id: str) -> None:
        changes, _ = self.node.storage.patient_changes.page(1, 0, patient_id)
        self.node.storage.patient_changes.undo(
            changes[0].change_id, Origin("admin", reason="wrong patient"), utcnow()
        )
