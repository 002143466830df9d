"""The checks of `mediview doctor`, one function each."""

import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal

import httpx
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from api.server.checks.exposure import (
    Check,
    check_access_groups,
    check_ae_titles,
    check_hl7,
    check_network,
    check_proxy,
    check_public_address,
    check_sign_in,
    check_tls_peers,
)
from api.server.checks.health import check_broker, check_clock, check_series_tries
from api.server.checks.index import database_check, vacuum_check
from api.server.checks.jobs import jobs_check
from api.server.checks.model_servers import model_server_checks
from api.server.checks.reference_values import check_reference_file
from api.server.checks.site import (
    check_container_engine,
    check_out_of_reach,
    check_rules,
    check_worklists,
)
from api.server.checks.storage import (
    check_data_dir,
    check_data_disk,
    check_disk_outlook,
    check_integrity,
    check_occupied_uids,
    check_refused_rows,
    check_unreadable,
)
from api.server.own_addresses import own_dicom_peer, own_http_url
from api.server.own_node import own_node
from api.server.viewer_folder import is_viewer_built, viewer_folder
from dicom_node.peers import Peer
from dicom_node.scu import echo
from inference.deliveries.destinations import DestinationStorage, probe_peer
from inference.language.tasks import TASKS, readiness
from inference.pipelines.catalogue import catalogue
from inference.self_test.run import run_self_test
from storage.container import open_storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.jobs.series_tries import SeriesTries
from storage.objects.opening import open_objects
from storage.processes.heartbeats import Heartbeats
from storage.processes.process_roles import HL7, working_roles
from storage.settings import Settings
from storage.settings.renamed import renamed_settings
from storage.settings.unknown import unknown_settings

_OLDEST_PYTHON = (3, 11)


def diagnose(settings: Settings) -> Iterator[Check]:
    """Every check in the order in which one depends on the other."""
    yield _python()
    yield from _unknown_settings(settings)
    yield check_data_dir(settings)
    yield from check_data_disk(settings)
    yield database_check(settings)
    yield _objects(settings)
    yield _broker(settings)
    yield _dicom(settings)
    yield _http(settings)
    yield check_network(settings)
    yield check_proxy(settings)
    yield check_public_address(settings)
    yield from check_hl7(settings)
    with ExitStack() as stack:
        try:
            storage = stack.enter_context(open_storage(settings))
        except (MediViewError, SQLAlchemyError, OSError):
            yield Check("workers", "fail", "unknown without the database", "Repair that first.")
        else:
            yield from check_disk_outlook(
                storage.settings, storage.volumes, storage.retention, storage.disk_samples
            )
            yield check_sign_in(settings, storage.accounts)
            yield from check_ae_titles(storage.peers)
            yield from check_tls_peers(settings, storage.peers)
            yield from _workers(settings, storage.heartbeats)
            yield jobs_check(storage.settings, storage.jobs)
            yield from vacuum_check(storage.engine)
            yield _clock(storage.engine)
            yield check_unreadable(storage.unreadable)
            yield _series(storage.series_tries)
            yield check_refused_rows(storage.engine)
            yield check_integrity(storage.engine, storage.damaged, storage.volumes.folder)
            yield check_occupied_uids(storage.engine)
            yield check_access_groups(storage.webhooks, storage.access_groups)
            yield from model_server_checks(storage.settings, storage.circuit_breakers)
            yield from check_rules(storage.settings, storage.peers)
            yield from check_worklists(storage.settings, storage.peers)
            yield from check_out_of_reach(storage.peers, storage.circuit_breakers, utcnow())
    yield from check_container_engine(settings)
    for component in run_self_test():
        works: Literal["ok", "fail"] = "ok" if component.ok else "fail"
        yield Check(component.name, works, component.detail, component.remedy)
    yield from _pipelines(settings)
    yield from check_reference_file(settings)
    yield from _language(settings)
    yield from _destinations(settings)
    yield _viewer(settings)
    yield _dcmtk()


def _python() -> Check:
    running = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        return Check("python", "fail", f"{running} is too old", "Install Python 3.11 or newer.")
    return Check("python", "ok", running)


def _unknown_settings(settings: Settings) -> Iterator[Check]:
    for unknown in unknown_settings(type(settings)):
        yield Check("settings", "fail", f"{unknown.name} is not a setting", unknown.remedy)
    for renamed in renamed_settings(type(settings)):
        yield Check("settings", "note", f"{renamed.name} is an old name", renamed.remedy)


def _series(series_tries: SeriesTries) -> Check:
    found = check_series_tries(series_tries)
    if not found.ok:
        return Check("series", "fail", found.detail)
    return Check("series", "ok", "none is set aside")


def _clock(engine: Engine) -> Check:
    clock = check_clock(engine)
    if not clock.ok:
        return Check("clock", "note", clock.detail)
    return Check("clock", "ok", "was not set within the last hour")


def _objects(settings: Settings) -> Check:
    kind = settings.s3_endpoint_url if settings.object_store == "s3" else "files in the data folder"
    try:
        open_objects(settings).check()
    except MediViewError as error:
        return Check("objects", "fail", f"{kind}: {error.message}", error.remedy)
    return Check("objects", "ok", kind)


def _broker(settings: Settings) -> Check:
    part = check_broker(settings)
    if part.ok:
        return Check("broker", "ok", "redis" if settings.broker_url else "files in the data folder")
    return Check("broker", "fail", part.detail)


def _dicom(settings: Settings) -> Check:
    peer = own_dicom_peer(settings)
    answer = echo(peer, settings.ae_title)
    if answer.ok:
        return Check("DICOM", "ok", f"{peer} answers C-ECHO in {answer.seconds * 1000:.0f} ms")
    return Check(
        "DICOM",
        "fail",
        answer.error,
        "Start the node with `mediview up`, or set MEDIVIEW_DICOM_PORT.",
    )


def _http(settings: Settings) -> Check:
    url = own_http_url(settings)
    try:
        with own_node(settings) as client:
            health = client.get("/health").json()
        if "remedy" in health and "parts" not in health:
            return Check("HTTP", "fail", f"{url}: {health['detail']}", health["remedy"])
        wrong = [
            f"{name}: {part['detail']}" for name, part in health["parts"].items() if not part["ok"]
        ]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return Check(
            "HTTP",
            "fail",
            f"no MediViewAI answers at {url}",
            "Start the node with `mediview up`, or set MEDIVIEW_HTTP_PORT.",
        )
    if wrong:
        return Check("HTTP", "fail", f"{url} is degraded. {' '.join(wrong)}")
    return Check("HTTP", "ok", f"{url} is healthy")


def _workers(settings: Settings, heartbeats: Heartbeats) -> Iterator[Check]:
    for role in (*working_roles(settings), *((HL7,) if settings.hl7_port else ())):
        if heartbeats.is_alive(role.name, utcnow()):
            yield Check(role.name, "ok", "gives signs of life")
        else:
            yield Check(
                role.name,
                "fail",
                "no sign of life for half a minute",
                f"Start it with `mediview up`, or alone with `{role.command}`.",
            )


def _pipelines(settings: Settings) -> Iterator[Check]:
    for pipeline in catalogue(settings):
        readiness = pipeline.readiness()
        if readiness.ready:
            yield Check(pipeline.name, "ok", readiness.detail)
        elif readiness.optional:
            yield Check(pipeline.name, "note", readiness.detail)
        else:
            yield Check(pipeline.name, "fail", readiness.detail)


def _language(settings: Settings) -> Iterator[Check]:
    for task in (one for one in TASKS.values() if not one.is_pipeline):
        found = readiness(settings, task.setting)
        if found.ready:
            yield Check(task.variable, "ok", found.detail)
        elif found.optional:
            yield Check(task.variable, "note", f"empty: {task.without}")
        else:
            yield Check(task.variable, "fail", found.detail)


def _destinations(settings: Settings) -> Iterator[Check]:
    try:
        with open_storage(settings) as storage:
            yield from _destination_checks(storage)
    except MediViewError:
        # The database has its own line. Those of the settings are known without it.
        for destination in settings.destinations:
            answer = echo(Peer.of(destination), settings.ae_title)
            sentence = answer.error or f"{Peer.of(destination)} answers C-ECHO."
            yield _destination_check(destination.name, answer.ok, sentence, settings)


def _destination_checks(storage: DestinationStorage) -> Iterator[Check]:
    destinations = storage.peers.destinations()
    if not destinations:
        yield Check(
            "destinations",
            "note",
            "none: results stay in this node",
            "Set MEDIVIEW_DESTINATIONS=pacs=AETITLE@host:port to send them to a PACS.",
        )
    for destination in destinations:
        try:
            answer = probe_peer(storage, destination)
        except MediViewError as error:
            yield Check(f"to {destination.name}", "fail", error.message, error.remedy)
            continue
        yield _destination_check(destination.name, answer.ok, answer.sentence, storage.settings)


def _destination_check(name: str, ok: bool, sentence: str, settings: Settings) -> Check:
    if ok:
        return Check(f"to {name}", "ok", sentence)
    return Check(
        f"to {name}",
        "fail",
        sentence,
        f"Start it, and let it know this node's AE title {settings.ae_title}."
        " Results wait until then; nothing is lost.",
    )


def _viewer(settings: Settings) -> Check:
    if is_viewer_built(settings):
        return Check("viewer", "ok", str(viewer_folder(settings)))
    return Check("viewer", "fail", "not built", "Run `make viewer`, or set MEDIVIEW_VIEWER_DIR.")


def _dcmtk() -> Check:
    # Not storescu: pynetdicom installs one of that name as well.
    found = shutil.which("dcmdump")
    if found:
        return Check("DCMTK", "ok", found)
    return Check(
        "DCMTK",
        "note",
        "not installed; only tests and your own experiments use it",
        "apt-get install dcmtk",
    )
