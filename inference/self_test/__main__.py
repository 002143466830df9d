"""Tests the parts that are named and prints a line of JSON for each; `run` reads them."""

import json
import sys
from dataclasses import asdict

from inference.self_test.components import check_components

if __name__ == "__main__":
    for component in check_components(sys.argv[1:]):
        print(json.dumps(asdict(component)), flush=True)
