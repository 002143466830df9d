"""Each worklist of another system is given its own header, and none of the others'."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import ValidationError

from inference.ups_sources.listening import source_of
from storage.settings import Settings
from tests.inference.orchestration import storage_in

TWO = "ris=https://ris.example/dicom-web,ward=https://ward.example/ups"


@contextmanager
def service() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the headers that it was given."""
    given: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given.append(self.headers.get("Authorization", ""))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", given
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_service_sees_its_own_header_alone(tmp_path: Path) -> None:
    with service() as (ris, at_ris), service() as (ward, at_ward), service() as (open_one, at_open):
        settings = {
            "ups_sources": f"ris={ris},ward={ward},open={open_one},old=peer:RIS2",
            "ups_authorization": "ris=Bearer of-ris\n\n ward = Basic dTpw== \n",
        }
        with storage_in(tmp_path, **settings) as storage:
            for name, address in storage.settings.ups_sources:
                if name != "old":
                    source_of(storage, name, address).search("SCHEDULED")
    assert (at_ris, at_ward, at_open) == (["Bearer of-ris"], ["Basic dTpw=="], [""])


@pytest.mark.parametrize("header", ["Bearer t", "Basic dTpw==", "Bearer a=b"])
def test_one_service_needs_no_name(header: str) -> None:
    """As ever, also beside peers, to which no header goes."""
    for sources in ("ris=https://ris.example/ups", "ris=https://ris.example/ups,old=peer:RIS2"):
        settings = Settings(ups_sources=sources, ups_authorization=header)  # type: ignore[arg-type]
        assert settings.ups_authorization_of("ris") == header
        assert settings.ups_authorization_of("old") == ""


@pytest.mark.parametrize(
    "header",
    [
        "Bearer t",
        "ris=Bearer t\nBearer u",
        "ris=Bearer t\nris=Bearer u",
        "else=Bearer t",
        "ward=",
        "Basic dTpw==",
    ],
)
def test_a_header_for_nobody_in_particular_is_refused(header: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(ups_sources=TWO, ups_authorization=header)  # type: ignore[arg-type]
    (error,) = refused.value.errors()
    assert "a line of NAME=HEADER" in error["msg"]
    assert "ris, ward" in error["msg"]
    assert "Bearer t" not in error["msg"]


def test_a_header_does_not_travel_unencrypted() -> None:
    sources = "ris=https://ris.example/ups,ward=http://ward.example/ups"
    with pytest.raises(ValidationError, match="of ward would travel unencrypted"):
        Settings(ups_sources=sources, ups_authorization="ward=Bearer t")  # type: ignore[arg-type]
    settings = Settings(ups_sources=sources, ups_authorization="ris=Bearer t")  # type: ignore[arg-type]
    assert settings.ups_authorization_of("ward") == ""


def test_one_token_is_not_for_two_servers_of_identities() -> None:
    one, other = "https://mpi.example/fhir", "https://pdq.example/fhir"
    token = {"patient_identity_authorization": "Bearer t"}
    with pytest.raises(ValidationError, match="is of one server"):
        Settings(pix_url=one, pdq_url=other, **token)  # type: ignore[arg-type]
    for pdq in (f"{one}/r4", "mllps://pdq.example:2575", ""):
        assert Settings(pix_url=one, pdq_url=pdq, **token).pdq_url == pdq  # type: ignore[arg-type]
    assert Settings(pix_url=one, pdq_url=other).pdq_url == other
