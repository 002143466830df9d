"""An object of the bucket as a file, for what reads files."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.objects.store import ObjectStore


@contextmanager
def local_copy(objects: ObjectStore, key: str) -> Iterator[Path]:
    """Until the block ends. Raises NotFound, StorageUnavailable."""
    with tempfile.TemporaryDirectory(prefix="mediview-object-") as folder:
        path = Path(folder) / key.rpartition("/")[2]
        with objects.open(key) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield path
