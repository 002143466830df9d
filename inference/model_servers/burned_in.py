"""What may not go to a model server, since it leaves the node with it."""

from pydicom.dataset import Dataset

from storage.core.text.padding import unpadded


def burned_in(header: Dataset) -> str:
    """Why an image may not leave, where it states that its pixels name the patient; else empty.

    Burned In Annotation, PS3.3 C.7.6.1.
    """
    if unpadded(str(header.get("BurnedInAnnotation") or "")) != "YES":
        return ""
    return (
        "The image states that text is burned into it (0028,0301), which may name the patient; it"
        " is not sent to a model server."
    )
