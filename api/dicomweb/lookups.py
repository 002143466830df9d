"""From the UIDs of a path to what the index holds under them."""

from functools import lru_cache

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL

from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.index.driver.instance_lookup import InstanceLookup
from storage.index.repository import Content, Index
from storage.settings import Settings

PREFIX = "/dicom-web"


def find_instance(
    lookup: InstanceLookup, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
) -> Instance:
    """The instance, if it lies in that study and series. Raises NotFound."""
    instance = lookup.instance(sop_instance_uid)
    if (instance.study_instance_uid, instance.series_instance_uid) != (
        study_instance_uid,
        series_instance_uid,
    ):
        raise NotFound(
            "The instance is not part of that series and study.",
            remedy="Search for it with /dicom-web/instances?SOPInstanceUID=…",
        )
    return instance


async def find_instance_soon(
    lookup: InstanceLookup, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
) -> Instance:
    """As `find_instance`, in a thread of its own only where the database may let us wait."""
    uids = (study_instance_uid, series_instance_uid, sop_instance_uid)
    if lookup.is_quick:
        return find_instance(lookup, *uids)
    return await run_in_threadpool(find_instance, lookup, *uids)


def find_instances(
    index: Index, study_instance_uid: str, series_instance_uid: str | None = None
) -> list[Instance]:
    """All instances of a study or series, in order. Raises NotFound where there are none."""
    instances = index.instances_of(study_instance_uid, series_instance_uid)
    if not instances:
        what = "series in that study" if series_instance_uid else "study"
        raise NotFound(f"There is no such {what}.", remedy="Search for it with /dicom-web/studies.")
    return instances


def service_url(request: Request, settings: Settings) -> str:
    """The address of these services as the client reaches them, without a final slash."""
    base = settings.public_url
    if not base:
        server = request.scope.get("server") or ("", None)
        base = _base_url(request.scope["scheme"], request.headers.get("host", ""), *server)
    return base.rstrip("/") + PREFIX


@lru_cache(256)
def _base_url(scheme: str, host: str, server_host: str, server_port: int | None) -> str:
    """What the Host header says; some clients leave the port out of it (dicomweb-client)."""
    headers = [(b"host", host.encode("latin-1"))] if host else []
    server = (server_host, server_port)
    base = URL(scope={"scheme": scheme, "server": server, "path": "/", "headers": headers})
    if base.port is None and base.hostname == server_host and server_port not in (None, 80, 443):
        base = base.replace(port=server_port)
    return str(base)


def instance_path(instance: Instance) -> str:
    return (
        f"/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
        f"/instances/{instance.sop_instance_uid}"
    )


def content_key(instance: Instance | Content) -> str:
    """Names the bytes as they leave: the digest is of the data set alone, without its file meta."""
    stored = f"{instance.digest}.{instance.size_bytes}.{instance.transfer_syntax_uid}"
    return f"{stored}.{instance.patient_digest}" if instance.patient_digest else stored
