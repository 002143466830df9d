"""A filled node, its backup, its restore, and the comparison of both."""

import random
from collections.abc import Callable
from pathlib import Path

from storage.backup.key import BackupKey, new_key
from storage.backup.places import open_place
from storage.backup.restoring import restore
from storage.backup.store import BackupStore
from storage.backup.taking import take_backup
from storage.container import open_storage
from storage.core.uids import derive_uid
from storage.deletion.service import purge
from storage.maintenance.object_upload import upload_instances
from storage.maintenance.verify import verify_storage
from storage.settings import Settings
from tests.migrated import upgrade
from tests.storage.backup.contents import instances, rows
from tests.storage.instances import part10

MIB = 1 << 20
KEY = new_key()
Make = Callable[[str, str], Settings]
PASSWORD = "four hares under one moon"


def filled(settings: Settings, seed: int = 1) -> None:
    """Studies, some of them deleted, people, objects, a model, rules and layouts."""
    random_ = random.Random(seed)
    upgrade(settings)
    with open_storage(settings) as storage:
        for study in range(3):
            for number in range(random_.randint(2, 6)):
                content = part10(
                    study=f"{seed}-{study}",
                    series=f"{study}",
                    instance=f"{seed}-{study}-{number}",
                    PatientName="Łukasz^Żółć" if study else "Müller^Jürgen",
                    SpecificCharacterSet="ISO_IR 192",
                    PixelData=random_.randbytes(random_.choice((12, 4096, 70_000))),
                )
                storage.ingest.accept(content, "stow")
        storage.deletions.study(derive_uid("test", f"{seed}-0"))
        storage.accounts.add("ada", PASSWORD, ["admin"])
        storage.generated.scheme(lambda uids: [uids.derive("test")])
        storage.objects.put("reports/summary.bin", random_.randbytes(9 * MIB))
        storage.events.announce("model", {"n": random_.random(), "none": None, "ü": ["ж"]})
        if settings.object_store == "s3":
            # Some are in the bucket alone afterwards, some in both.
            upload_instances(storage.engine, storage.instances, storage.objects, 4)
            purge(storage.engine, storage.objects)
    models = settings.resolved_models_dir / "lung"
    models.mkdir(parents=True)
    (models / "weights.bin").write_bytes(random_.randbytes(100_000))
    settings.resolved_rules_file.write_text("rules: []\n")
    (settings.data_dir / "hanging-protocols.json").write_text('{"protocols": []}')


def store_at(settings: Settings, place: Path | str, key: str = KEY) -> BackupStore:
    return BackupStore(open_place(settings, str(place)), BackupKey.parse(key), create=True)


def backed_up(settings: Settings, place: Path | str) -> str:
    with open_storage(settings) as storage:
        manifest = take_backup(storage, store_at(settings, place))
    assert manifest.missing == ()
    return manifest.name


def restored(settings: Settings, place: Path | str, name: str = "") -> None:
    store = store_at(settings, place)
    restore(settings, store, store.manifest(name))


def assert_same(first: Settings, second: Settings) -> None:
    with open_storage(first) as one, open_storage(second) as other:
        assert instances(one) == instances(other)
        assert rows(one) == rows(other)
        problems = verify_storage(other.engine, other.index, other.objects, other.volumes)
        assert list(problems) == []
    for name in ("hanging-protocols.json", "sealing.key", "audit.key", "uid.key", "rules.yaml"):
        assert contents(first.data_dir / name) == contents(second.data_dir / name)
    weights = "models/lung/weights.bin"
    assert (first.data_dir / weights).read_bytes() == (second.data_dir / weights).read_bytes()


def contents(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def killed(*_: object) -> None:
    raise KeyboardInterrupt
