"""A strict FHIR server over a socket: it refuses what the version does not know, and follows
hl7.org/fhir/R4/http.html for transactions, conditional creates and updates, and references."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from fhirclient.models import fhirelementfactory

Json = dict[str, Any]
Fault = Callable[["Handler", Callable[[], tuple[int, Json]]], None]
WRITTEN = ("DiagnosticReport", "Observation", "ImagingStudy", "ImagingSelection", "Device")


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class FhirServer:
    """`faults` are used up by the next transactions, `found` by the next searches of patients.
    `seen` are headers of requests."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.resources: dict[str, list[Json]] = {}
        self.faults: list[Fault] = []
        self.found: list[Json] = []
        self.seen: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.transactions = 0
        self.lacks: set[str] = set()
        self.accepts: Callable[[dict[str, str]], bool] = lambda headers: True
        self.url = ""
        self._lock = threading.Lock()
        self._number = 0

    def add(self, kind: str, resource: Json) -> str:
        self._number += 1
        stored = {"resourceType": kind, "id": f"s{self._number}", **resource}
        self.resources[f"{kind}/s{self._number}"] = [stored]
        return f"{kind}/s{self._number}"

    def of(self, kind: str) -> list[Json]:
        """The newest version of each."""
        return [one[-1] for url, one in self.resources.items() if url.startswith(f"{kind}/")]

    def find(self, kind: str, query: str) -> list[str]:
        name, _, value = query.partition("=")
        if name != "identifier":
            raise Refused(400, f"{name} is no search parameter of this server.")
        wanted = [_token(one) for one in _VALUE.findall(unquote(value))]
        return [
            f"{kind}/{one['id']}"
            for one in self.of(kind)
            if any(
                i.get("value") == code and system in (None, i.get("system"))
                for i in one.get("identifier", ())
                for system, code in wanted
            )
        ]

    def transact(self, bundle: Json) -> tuple[int, Json]:
        with self._lock:
            self.validate(bundle)
            before = {url: list(versions) for url, versions in self.resources.items()}
            try:
                return 200, self._applied(bundle)
            except Refused:
                self.resources = before
                raise

    def validate(self, resource: Json) -> None:
        if self.version == "R5":
            from fhir.resources import get_fhir_model_class

            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            return
        kind = resource["resourceType"]
        found = fhirelementfactory.FHIRElementFactory.instantiate(kind, resource)
        assert found.as_json() == resource

    def _applied(self, bundle: Json) -> Json:
        assert bundle["type"] == "transaction"
        self.transactions += 1
        targets: dict[str, str] = {}
        answers, changes = [], []
        for entry in bundle["entry"]:
            request, resource = entry["request"], entry["resource"]
            kind = resource["resourceType"]
            query = request.get("ifNoneExist") or request["url"].partition("?")[2]
            assert "id" not in resource
            assert request["url"].partition("?")[0] == kind
            matches = self.find(kind, query)
            if len(matches) > 1:
                raise Refused(412, f"Several {kind} match.")
            if matches:
                url, status = matches[0], "200"
                is_written = request["method"] == "PUT"
            else:
                url, status, is_written = self.add(kind, {}), "201", True
            assert entry["fullUrl"] not in targets, "a full URL twice"
            targets[entry["fullUrl"]] = url
            answers.append({"response": {"status": status, "location": url}})
            if is_written:
                changes.append((url, resource))
        for url, resource in changes:
            content = self._resolved(resource, targets, resource)
            stored = {**content, "id": url.partition("/")[2]}
            if self.resources[url] == [{"resourceType": url.partition("/")[0], "id": stored["id"]}]:
                self.resources[url] = []
            self.resources[url].append(stored)
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": answers}

    def _resolved(self, value: Any, targets: dict[str, str], root: Json) -> Any:
        if isinstance(value, list):
            return [self._resolved(one, targets, root) for one in value]
        if not isinstance(value, dict):
            return value
        found = {name: self._resolved(one, targets, root) for name, one in value.items()}
        reference = found.get("reference")
        if isinstance(reference, str):
            if reference.startswith("#"):
                assert reference[1:] in {one["id"] for one in root["contained"]}
            elif reference in targets:
                found["reference"] = targets[reference]
            elif reference not in self.resources:
                raise Refused(400, f"{reference} is not there.")
        return found

    def capabilities(self) -> Json:
        resources = [
            {
                "type": kind,
                "interaction": [{"code": "search-type"}],
                "conditionalUpdate": f"update {kind}" not in self.lacks,
                "conditionalCreate": True,
            }
            for kind in (*WRITTEN, "Patient")
        ]
        interactions = [] if "transaction" in self.lacks else [{"code": "transaction"}]
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": {"R4": "4.0.1", "R5": "5.0.0"}[self.version],
            "rest": [{"mode": "server", "interaction": interactions, "resource": resources}],
        }


_VALUE = re.compile(r"(?:\\.|[^,\\])+")
_TOKEN = re.compile(r"(?:((?:\\.|[^|$\\])*)\|)?((?:\\.|[^|$\\])*)")


def _token(text: str) -> tuple[str | None, str]:
    """System and code of one of several values (hl7.org/fhir/R4/search.html#escaping)."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise Refused(400, "The token has too many parts.")
    system, code = found.groups()
    return None if system is None else _unescaped(system), _unescaped(code)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


class Handler(BaseHTTPRequestHandler):
    fhir: FhirServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _serve(self, body: bytes) -> None:
        fhir = self.fhir
        path = urlsplit(self.path).path.removeprefix("/fhir").strip("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        fhir.seen.append(headers)
        fhir.paths.append(self.path)
        if path == "metadata":
            self.answer(200, fhir.capabilities())
            return
        if not fhir.accepts(headers):
            self.answer(401, outcome("Who are you?"))
            return
        if not path and fhir.faults:
            fhir.faults.pop(0)(self, lambda: fhir.transact(json.loads(body)))
            return
        try:
            self.answer(*self._answered(path, body))
        except Refused as error:
            self.answer(error.status, outcome(str(error)))
        except (AssertionError, ValueError, TypeError) as error:
            self.answer(422, outcome(f"{type(error).__name__}: {error}"[:2000]))

    def _answered(self, path: str, body: bytes) -> tuple[int, Json]:
        if not path:
            return self.fhir.transact(json.loads(body))
        query = urlsplit(self.path).query
        if path.endswith("/_search"):
            form = parse_qs(body.decode())
            query = f"identifier={quote(form['identifier'][0])}"
            if self.fhir.found:
                return 200, self.fhir.found.pop(0)
        kind = path.partition("/")[0]
        found = [{"resource": self.fhir.resources[one][-1]} for one in self.fhir.find(kind, query)]
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        return 200, {**bundle, "entry": found} if found else bundle

    def answer(self, status: int, content: Json, **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def outcome(text: str, severity: str = "error") -> Json:
    issue = {"severity": severity, "code": "processing", "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def lost(handler: Handler, apply: Callable[[], tuple[int, Json]]) -> None:
    """It is written, and nobody hears of it."""
    apply()
    handler.connection.close()


def refusing(status: int, text: str = "It cannot be.", **headers: str) -> Fault:
    return lambda handler, apply: handler.answer(status, outcome(text), **headers)


def endless(handler: Handler, apply: Callable[[], tuple[int, Json]]) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 1_000_000)
    except OSError:
        handler.close_connection = True


def hanging(handler: Handler, apply: Callable[[], tuple[int, Json]]) -> None:
    time.sleep(5)
    handler.close_connection = True


@contextmanager
def fhir_server(version: str = "R4") -> Iterator[FhirServer]:
    if version == "R5":
        pytest.importorskip("fhir.resources", reason="fhir.resources is missing (PyPI)")
    fhir = FhirServer(version)
    handler = type("OwnHandler", (Handler,), {"fhir": fhir})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, name="fhir")
    thread.start()
    fhir.url = f"http://127.0.0.1:{server.server_port}/fhir"
    try:
        yield fhir
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
