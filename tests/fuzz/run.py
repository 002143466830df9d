"""Fuzz one target with atheris: `python -m tests.fuzz.run part10 --seconds 600`.

What libFuzzer finds worth keeping goes to `.test-output/fuzz/NAME/corpus`; an input that made the
target fail, or take more than ten seconds or a GiB, to `.test-output/fuzz/NAME`, and ends the run.
"""

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["storage", "dicom_node", "inference", "api", "pydicom", "hl7"],
    enable_loader_override=False,
):
    from tests.fuzz.targets import TARGETS
from tests.fuzz.seeds import seeds

_INPUT_MAX_BYTES = 16 * 1024
_TARGET_S = 10
_MEMORY_MIB = 1536


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    folder = Path(".test-output/fuzz") / given.target
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()[given.target]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = (
        f"-max_total_time={given.seconds}",
        f"-max_len={_INPUT_MAX_BYTES}",
        f"-timeout={_TARGET_S}",
        f"-rss_limit_mb={_MEMORY_MIB}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    )
    atheris.Setup([sys.argv[0], str(corpus), *options], TARGETS[given.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
