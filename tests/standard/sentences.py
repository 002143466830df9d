"""Conditions of the standard that dicom-validator's grammar misreads, put so that it reads them."""

# By words that occur in no other condition of the edition. Without these, the first is taken to
# demand a URN beside every long code, for the grammar drops what follows its "and"; the others are
# taken for no condition at all, and what they demand would never be missed.
_PLAIN = {
    # PS3.3 Table 8.8-1a: a code is in one of three attributes, by its length and its form.
    "is not present and the Code Value is a URN or URL":
        "Required if Code Value (0008,0100) and Long Code Value (0008,0119) are not present.",
    "is not present and the Code Value is not a URN or URL":
        "Required if Code Value (0008,0100) and URN Code Value (0008,0120) are not present.",
    "if the code value length is 16 characters or less":
        "Required if Long Code Value (0008,0119) and URN Code Value (0008,0120) are not present.",
    # PS3.3 Table C.17-5: what follows depends on a heading and on a purpose.
    "is TEXT, NUM, CODE, DATETIME, DATE, TIME, UIDREF or PNAME":
        "Required if Value Type (0040,A040) is TEXT, NUM, CODE, DATETIME, DATE, TIME, UIDREF or "
        "PNAME.",
    # PS3.3 Tables C.7.6.16-2, -4 and -5: the one of their alternatives that asks for our objects.
    'or SOP Class UID is Segmentation Storage ("1.2.840.10008.5.1.4.1.1.66.4") and Frame of':
        "Required if Frame of Reference UID (0020,0052) is present and SOP Class UID (0008,0016) "
        'is "1.2.840.10008.5.1.4.1.1.66.4".',
}  # fmt: skip


def readable(text: str) -> str:
    """The same demand in words that the grammar knows, or the text itself."""
    for words, plain in _PLAIN.items():
        if words in text:
            return plain
    return text
