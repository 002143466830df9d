"""Binary values of words in little endian order."""

_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def little_endian_bytes(vr: str, value: bytes, little_endian: bool) -> bytes:
    """A binary value as DICOMweb sends it: little endian, whatever the file's order."""
    size = _WORD_BYTES.get(vr, 1)
    if little_endian or size == 1:
        return value
    whole = len(value) - len(value) % size
    swapped = bytearray(value)
    for position in range(size):
        swapped[position:whole:size] = value[size - 1 - position : whole : size]
    return bytes(swapped)
