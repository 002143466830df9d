"""Run an import, and compare what the node then holds."""

from contextlib import closing
from pathlib import Path

from dicom_node.imports.importer import Imported, import_all
from dicom_node.imports.journal import Journal
from dicom_node.imports.sources import ImportSource
from storage.container import Storage
from storage.core.entities import Instance
from storage.core.sources import of_import
from tests.inference.small import mr_series, study_uid


def bring_in(storage: Storage, source: ImportSource, run_pipelines: bool = False) -> Imported:
    path = storage.settings.data_dir / "imports" / f"{source.name}.jsonl"
    label = of_import(source.name, run_pipelines=run_pipelines)
    with closing(source), Journal(path) as journal:
        return import_all(storage.ingest, source, journal, label)


def instances(storage: Storage, name: str) -> list[Instance]:
    found = []
    for series in storage.index.series_of(study_uid(name)):
        found += storage.index.instances_of(series.study_instance_uid, series.series_instance_uid)
    return found


def stored_files(storage: Storage, name: str) -> list[bytes]:
    return sorted(storage.instances.read(one) for one in instances(storage, name))


def write(folder: Path, name: str, count: int = 5) -> list[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    files = mr_series(name, count)
    for number, content in enumerate(files):
        (folder / f"{name}{number}").write_bytes(content)
    return sorted(files)
