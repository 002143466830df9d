"""Puts a box around what is bright on a film, and counts what it is given; needs pydicom alone."""

import json
from pathlib import Path

import pydicom

given, written = Path("/input"), Path("/output")
paths = list(given.iterdir())
film = pydicom.dcmread(paths[0])
rows, columns = int(film.Rows), int(film.Columns)
pixels = memoryview(film.PixelData).cast("H")
bright = [divmod(n, columns) for n in range(rows * columns) if pixels[n] > 2000]
top, bottom = bright[0][0], bright[-1][0] + 1
left, right = min(one[1] for one in bright), max(one[1] for one in bright) + 1
answers = {
    "measurements": [{"label": "Files given", "value": len(paths), "unit": "1"}],
    "classifications": {"Opacity": 0.75},
    "boxes": [{"label": "Opacity", "box": [left, top, right, bottom], "confidence": 0.9}],
}
(written / "results.json").write_text(json.dumps(answers))
