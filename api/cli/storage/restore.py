"""`mediview restore`: a backup, into an empty data folder and an empty database."""

from api.cli.console import out
from api.cli.operator import record_use
from api.cli.starting import start
from api.cli.storage.backup import At, Place, open_store
from storage.audit import Code


def restore(place: Place = "", at: At = "") -> None:
    """Restore a backup into an empty data folder, database and bucket, of any kind and host.

    One that is cut off goes on when it is started again.
    """
    from storage.backup.restoring import restore as put_back
    from storage.container import open_storage
    from storage.core.data_folder.unfinished_restore import NAME_LOST, restore_begun

    settings = start(log_level="ERROR")
    store = open_store(settings, place)
    begun = restore_begun(settings.data_dir)
    if begun == NAME_LOST:
        begun = ""  # the newest, if it may
    manifest = store.manifest(at or begun)
    done = put_back(settings, store, manifest)
    with open_storage(settings) as storage:
        record_use(storage.audit, Code.IMPORT, "C", command="restore", backup=manifest.name)
    out.print(
        f"The backup {manifest.name} is restored: {manifest.instances} instances"
        f" and {done.indexed} that came while it was taken.",
        soft_wrap=True,
    )
    out.print("Start the node, and run 'mediview doctor'. Everybody signs in again.")
