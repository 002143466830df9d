"""Files of rules."""

from pathlib import Path

CHEST = """
version: 1
rules:
  - name: thin chest only
    pipeline: lung-density
    when:
      all:
        - BodyPartExamined: {contains: chest}
        - slice_spacing_mm: {at_most: 2.0}
        - not: {ConvolutionKernel: {matches: "^B[5-9]"}}
    priority: STAT
    destinations: [research]
"""


def rules_in(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text)
    return path
