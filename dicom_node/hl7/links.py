"""Links between IDs of one person by ADT: A24, A37 (ITI-30), and A31 of a PIX manager (ITI-10)."""

from collections.abc import Sequence
from datetime import datetime

from dicom_node.hl7.patients import identifiers, of_issuer, origin_of
from dicom_node.hl7.reading import Message, Refused
from storage.core.errors import StateConflict
from storage.patient_identity.entities import PIX, PatientKey, Statement
from storage.patient_identity.repository import PatientChanges
from storage.settings import Settings

LINK, UNLINK, UPDATE = "A24", "A37", "A31"
TRIGGERS = frozenset({LINK, UNLINK})
_MOST_IDS = 20


def is_update_notification(message: Message, settings: Settings) -> bool:
    """Whether it names all IDs of a patient: an A31 of anybody else corrects her."""
    header = message.header
    return header.trigger_event == UPDATE and header.sending_application in settings.pix_senders


def take_links(
    changes: PatientChanges, message: Message, settings: Settings, now: datetime
) -> tuple[str, tuple[str, ...]]:
    """What became of the message, and the patient IDs in it. Raises Refused."""
    site_issuer = settings.patient_id_issuer
    is_update = message.header.trigger_event == UPDATE
    keys = _all_ids(message) if is_update else _pair(message, site_issuer)
    patient_ids = tuple(dict.fromkeys(one.patient_id for one in keys))
    if is_update and settings.pix_url and not changes.knows(keys):
        # The manager is asked when a study of hers comes; a region has millions of others.
        return "nobody here", patient_ids
    try:
        if is_update:
            recorded = changes.cross_reference(keys, PIX, now, site_issuer)
        elif message.header.trigger_event == UNLINK:
            recorded = changes.unlink(keys, origin_of(message), now, site_issuer)
        else:
            link = Statement("link", keys[0], prior=keys[1], site_issuer=site_issuer)
            found = changes.record([link], origin_of(message), now)
            if found is None:
                return "known", patient_ids
            recorded = found
    except StateConflict as error:
        raise Refused("AE", "204", f"{error.message} {error.remedy}", "PID-3") from error
    if not recorded.change_ids:
        return "nothing new", patient_ids
    return f"{len(recorded.study_instance_uids)} studies changed", patient_ids


def _all_ids(message: Message) -> Sequence[PatientKey]:
    """Of the one PID: its name is blank, as ITI-10 has it, and states nothing."""
    keys = list(identifiers(message, "PID-3"))
    if not keys:
        raise Refused("AE", "101", "PID-3 is empty.", "PID-3")
    if len(keys) > _MOST_IDS:
        raise Refused("AE", "102", f"PID-3 has more than {_MOST_IDS} IDs.", "PID-3")
    return keys


def _pair(message: Message, site_issuer: str) -> Sequence[PatientKey]:
    """One ID of each of the two PIDs, of the site's issuer where it has such a one."""
    groups = list(message.groups("PID"))
    if len(groups) != 2:
        raise Refused("AE", "100", "A link is between two PIDs.", "PID")
    found = [list(identifiers(group, "PID-3")) for group in groups]
    if not all(found):
        raise Refused("AE", "101", "PID-3 is empty.", "PID-3")
    return [of_issuer(keys, site_issuer) for keys in found]
