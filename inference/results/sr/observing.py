"""The pipeline as the observer of what it states (PS3.16 TID 1002)."""

import highdicom as hd
from pydicom.sr.codedict import codes

from inference.pipeline import Pipeline
from inference.result_identity import DEVICE_SERIAL_NUMBER, DEVICE_UID, MANUFACTURER


def pipeline_context(pipeline: Pipeline) -> hd.sr.ObserverContext:
    return hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=DEVICE_UID,
            name=f"{pipeline.name} {pipeline.version}",
            manufacturer_name=MANUFACTURER,
            model_name=MANUFACTURER,
            serial_number=DEVICE_SERIAL_NUMBER,
        ),
    )
