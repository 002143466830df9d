"""How fast is a query among 1,000,000 instances in 20,000 studies: C-FIND, QIDO-RS and the list.

    python -m benchmarks.query [--rounds 200] [--database sqlite|postgresql] [--only TEXT]

C-FIND is asked by a client of our own over a real socket, each query over an association of
its own (A-ASSOCIATE to A-RELEASE) and, beside that, over one that stands. HTTP is asked over
one connection that is kept. The servers are processes of their own.
"""

import argparse
import gc
import http.client
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from benchmarks.support.figures import Surroundings, write_figures
from benchmarks.support.find_client import FindClient
from benchmarks.support.million import (
    DAYS,
    FIRST_DAY,
    INSTANCES,
    LARGE_SERIES_UID,
    LARGE_STUDY,
    STUDIES,
    accession_number,
    fill,
    patient_id,
    study_date,
    study_uid,
)
from benchmarks.support.servers import wait_for_port
from dicom_node.association.requestor import end, open_association
from dicom_node.peers import Peer
from storage.db.engine import make_engine
from storage.maintenance.upgrade import upgrade
from storage.settings import Settings
from tests.postgres import postgres
from tests.services import free_port

ROOT = Path(__file__).parents[1]
MODEL = StudyRootQueryRetrieveInformationModelFind
RETURNED = (
    "StudyInstanceUID StudyDate StudyTime AccessionNumber PatientName PatientID"
    " ModalitiesInStudy StudyDescription NumberOfStudyRelatedInstances"
).split()
Ask = Callable[[], int]
"""One query with other values each time; how much it found."""


@contextmanager
def servers(settings: Settings) -> Iterator[None]:
    """SCP and API, each a process, with the environment's settings."""
    environment = {
        **os.environ,
        "MEDIVIEW_DATA_DIR": str(settings.data_dir),
        "MEDIVIEW_DATABASE_URL": settings.database_url,
        "MEDIVIEW_DICOM_PORT": str(settings.dicom_port),
        "MEDIVIEW_HTTP_PORT": str(settings.http_port),
        "MEDIVIEW_LOG_LEVEL": "WARNING",
        "MEDIVIEW_UNKNOWN_PEERS_MAY": "store,query",
    }
    programs = (
        "from dicom_node.server.processes import run_scp; run_scp(settings)",
        "from api.serve import run_api; raise SystemExit(run_api(settings))",
    )
    head = (
        "from storage.settings import load_settings; from api.logs import configure_logging;"
        "settings = load_settings(); configure_logging(settings);"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", head + program], cwd=ROOT, env=environment)
        for program in programs
    ]
    try:
        wait_for_port(settings.dicom_port)
        wait_for_port(settings.http_port)
        yield
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait()


@contextmanager
def filled(database: str, folder: Path) -> Iterator[Settings]:
    """A node whose index holds the million."""

    def settings(database_url: str) -> Settings:
        return Settings(
            data_dir=folder / database,
            database_url=database_url,
            dicom_port=free_port(),
            http_port=free_port(),
        )

    def ready(chosen: Settings) -> Settings:
        upgrade(chosen)
        engine = make_engine(chosen.resolved_database_url)
        fill(engine)
        engine.dispose()
        return chosen

    if database == "sqlite":
        yield ready(settings(""))
        return
    with postgres() as server:
        yield ready(settings(server.new_database()))


def dimse_queries(settings: Settings, chance: random.Random) -> Iterator[tuple[str, Ask]]:
    peer = Peer("MEDIVIEW", "127.0.0.1", settings.dicom_port)
    contexts = [build_context(MODEL, [ExplicitVRLittleEndian])]

    def week() -> str:
        first = FIRST_DAY + timedelta(chance.randrange(DAYS - 7))
        return f"{first:%Y%m%d}-{first + timedelta(6):%Y%m%d}"

    keys: dict[str, Callable[[], dict[str, str]]] = {
        "PatientID": lambda: {"PatientID": patient_id(chance.randint(21, 10_000))},
        "AccessionNumber": lambda: {
            "AccessionNumber": accession_number(chance.randint(1, STUDIES))
        },
        "StudyDate, a day": lambda: {"StudyDate": study_date(chance)},
        "StudyDate, a week": lambda: {"StudyDate": week()},
    }
    for name, make in keys.items():

        def alone(make: Callable[[], dict[str, str]] = make) -> int:
            association = open_association(peer, "BENCH", contexts)
            try:
                return FindClient(association).find("STUDY", make(), RETURNED)
            finally:
                end(association)

        yield f"C-FIND by {name}, an association each", alone
        association = open_association(peer, "BENCH", contexts)
        client = FindClient(association)

        def together(client: FindClient = client, make: Callable[[], dict[str, str]] = make) -> int:
            return client.find("STUDY", make(), RETURNED)

        yield f"C-FIND by {name}", together
        end(association)


def web_queries(settings: Settings, chance: random.Random) -> Iterator[tuple[str, Ask]]:
    connection = http.client.HTTPConnection("127.0.0.1", settings.http_port, timeout=60)

    def get(path: str) -> int:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
        found = json.loads(body)
        return len(found if isinstance(found, list) else found["items"])

    def study() -> str:
        return study_uid(chance.randint(1, STUDIES - 2))

    def first_series() -> str:
        uid = study()
        return f"{uid}/series/{uid}.1"

    qido = "/dicom-web/studies"
    words = ("muller", "IVAN*", "o'brien*", "*knie", "Kowalski")
    paths: dict[str, Callable[[], str]] = {
        "QIDO by PatientID": lambda: f"{qido}?PatientID={patient_id(chance.randint(21, 10_000))}",
        "QIDO by AccessionNumber": lambda: (
            f"{qido}?AccessionNumber={accession_number(chance.randint(1, STUDIES))}"
        ),
        "QIDO by StudyDate, a day": lambda: f"{qido}?StudyDate={study_date(chance)}",
        "QIDO by StudyInstanceUID": lambda: f"{qido}?StudyInstanceUID={study()}",
        "QIDO page, limit 101": lambda: f"{qido}?limit=101&offset=0",
        "QIDO page, offset 15,000": lambda: f"{qido}?limit=101&offset=15000",
        "QIDO by name, `smith1*`, limit 101": lambda: f"{qido}?PatientName=smith1*&limit=101",
        "QIDO by name, `*jurgen*`, limit 101": lambda: f"{qido}?PatientName=*jurgen*&limit=101",
        "QIDO fuzzy name, limit 101": lambda: (
            f"{qido}?PatientName=jur+mul&fuzzymatching=true&limit=101"
        ),
        "QIDO series of a study": lambda: f"{qido}/{study()}/series",
        "QIDO instances of a series": lambda: f"{qido}/{first_series()}/instances",
        "QIDO 5,000 instances of a series": lambda: (
            f"{qido}/{LARGE_STUDY}/series/{LARGE_SERIES_UID}/instances"
        ),
        "/api/studies, first page": lambda: "/api/studies?limit=50",
        "/api/studies, offset 15,000": lambda: "/api/studies?limit=50&offset=15000",
        "/api/studies, a word": lambda: f"/api/studies?limit=50&q={chance.choice(words)[:4]}",
        "/api/studies, two words": lambda: "/api/studies?limit=50&q=muller+schadel",
    }
    for name, path in paths.items():

        def asked(path: Callable[[], str] = path) -> int:
            return get(path())

        yield name, asked
    connection.close()


def measure(ask: Ask, rounds: int) -> tuple[list[float], float]:
    """Percentiles 5, 10, … 95 in milliseconds, and matches on average."""
    times, found = [], 0
    # Else the client's own collections, of all that it has imported, count as the server's time.
    gc.collect()
    gc.freeze()
    for _ in range(max(3, rounds // 20)):
        ask()
    for _ in range(rounds):
        started = time.perf_counter()
        found += ask()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.quantiles(times, n=20, method="inclusive"), found / rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    parser.add_argument("--only", default="", help="queries whose name has this in it")
    parser.add_argument("--json", type=Path, help="write quartiles there, as if of three rounds")
    options = parser.parse_args()
    around = Surroundings()
    folder = Path(tempfile.mkdtemp(prefix="bench-query-"))
    rows: dict[str, dict[str, tuple[list[float], float]]] = {}
    databases = options.database or ["sqlite", "postgresql"]
    try:
        for database in databases:
            with filled(database, folder) as settings, servers(settings):
                chance = random.Random(5)  # noqa: S311 - which studies are asked for, no secret
                for source in (dimse_queries, web_queries):
                    for name, ask in source(settings, chance):
                        if options.only not in name:
                            continue
                        rounds = options.rounds if "5,000" not in name else 10
                        rows.setdefault(name, {})[database] = measure(ask, rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{INSTANCES:,} instances, {STUDIES:,} studies; load {around.load_before:.1f}\n")
    heads = [f"{database}: {what}" for database in databases for what in ("median ms", "p95 ms")]
    print(f"| query | matches | {' | '.join(heads)} |\n|---|{'---|' * (len(heads) + 1)}")
    for name, by_database in rows.items():
        matches = next(iter(by_database.values()))[1]
        cells = [f"{by_database[one][0][at]:.1f}" for one in databases for at in (9, 18)]
        print(f"| {name} | {matches:,.0f} | {' | '.join(cells)} |")
    if options.json:
        quartiles = {
            f"{name}, ms": {one: found[0][4::5] for one, found in by_database.items()}
            for name, by_database in rows.items()
        }
        write_figures(options.json, around, quartiles)


if __name__ == "__main__":
    main()
