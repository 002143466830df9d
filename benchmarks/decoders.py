"""What each decoder takes for a CT slice in each transfer syntax, in milliseconds of CPU.

    python -m benchmarks.decoders

A slice of `shared/`, compressed here; the median of seven. The one that is marked is asked first.
"""

import statistics
import time
import warnings
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from storage.pixels.frame_decoder import _FASTEST, _options
from storage.pixels.frame_encoding import encoding_of
from tests.shared import SHARED

_SLICE = 60
_TIMES = 7
_SYNTAXES: dict[UID, dict[str, Any]] = {
    JPEGLSLossless: {},
    JPEGLSNearLossless: {"jls_error": 2},
    JPEG2000Lossless: {},
    JPEG2000: {"j2k_psnr": [60]},
    RLELossless: {},
}


def main() -> None:
    warnings.simplefilter("ignore")
    path = sorted((SHARED / "data" / "ct_chest_LIDC-IDRI-0001").glob("*.dcm"))[_SLICE]
    for syntax, options in _SYNTAXES.items():
        dataset = dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False, **options)
        frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
        buffer = encapsulate([frame], has_bot=False)
        how = _options(encoding_of(dataset, str(syntax)))
        first = None
        for name in get_decoder(syntax).available_plugins:
            times = []
            for _ in range(_TIMES):
                began = time.process_time()
                values, _ = get_decoder(syntax).as_array(
                    buffer, index=0, decoding_plugin=name, **how
                )
                times.append(1000 * (time.process_time() - began))
            first = values if first is None else first
            same = "the same values" if np.array_equal(first, values) else "OTHER VALUES"
            mark = "*" if _FASTEST.get(syntax) == name else " "
            print(f"{mark} {syntax.name:45} {name:10} {statistics.median(times):6.2f} ms, {same}")


if __name__ == "__main__":
    main()
