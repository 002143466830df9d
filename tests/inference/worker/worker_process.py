"""One process of the node's work, with the small pipeline: `python -m` with a JSON argument."""

import json
import os
import sys
from pathlib import Path

from storage.processes import garbage_collection


def main(role: str, options: str) -> int:
    # As the `mediview` command has it.
    garbage_collection.pause()
    from inference.worker.app import run_worker
    from inference.worker.beat import run_beat
    from storage.settings import load_settings
    from tests.inference.endless import endless
    from tests.inference.small import BrightRegion

    garbage_collection.resume()
    given = json.loads(options)
    settings = load_settings(**given["settings"])
    paths = {name: Path(given[name]) for name in ("runs", "hold") if given.get(name)}
    pipelines = (endless(**paths) if "ENDLESS" in os.environ else BrightRegion(**paths),)
    if role == "beat":
        run_beat(settings)
        return 0
    if role == "control":
        return run_worker(settings, "control", pipelines)
    if role in ("language", "interactive", "gpu"):
        return run_worker(settings, role, pipelines)
    return run_worker(settings, "jobs", pipelines)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
