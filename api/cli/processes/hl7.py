"""`mediview hl7`: the listener for orders by HL7 v2."""

from api.cli.starting import start_role
from storage.core.errors import NotConfigured


def hl7() -> None:
    """Take orders by HL7 v2 over MLLP."""
    from dicom_node.hl7.listener import run_listener

    settings = start_role()
    if not settings.hl7_port:
        raise NotConfigured(
            "No port is named for the HL7 listener.",
            remedy="Set MEDIVIEW_HL7_PORT; 2575 is the registered one.",
        )
    run_listener(settings)
