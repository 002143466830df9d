"""Models that administrators add over HTTP: uploaded in parts, verified, activated and tried."""

import base64
import hashlib
import io
import os
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from api.models import by_worker
from api.models.upload_folder import upload_folder
from api.uploads import room
from inference.model_registry.adding import add_model
from inference.model_registry.apart import alone_on_host
from inference.model_trial.process import try_in_process
from storage.audit import Code
from storage.core.errors import InvalidRequest
from storage.settings import Settings
from tests.api.access.closed import audited, closed_node, closed_settings, confirm
from tests.api.client import ApiNode, api_node, is_problem, zipped
from tests.api.models.test_run_by_workers import worker
from tests.inference.orchestration import complete_series
from tests.inference.plain_models import onnx_model
from tests.inference.small import study_uid

NAME = "plain-spleen"


@pytest.fixture
def node(api_settings: Settings) -> Iterator[ApiNode]:
    with api_node(api_settings.model_copy(update={"model_uploads": "any"})) as node:
        yield node


def archive_of(folder: Path) -> bytes:
    """Of the folder itself, as people zip it."""
    files = {str(one.relative_to(folder.parent)): one.read_bytes() for one in folder.rglob("*.*")}
    return zipped(files)


def uploaded(node: ApiNode, data: bytes) -> str:
    """In parts, as large models come."""
    begun = node.client.post(
        "/api/v1/uploads/multipart",
        json={"filename": "m.zip", "content_type": "application/zip", "size_bytes": len(data)},
    ).json()
    upload_id = str(begun["upload_id"])
    parts = node.client.post(f"/api/v1/uploads/{upload_id}/parts", json={"part_numbers": [1]})
    (part,) = parts.json()["items"]
    assert httpx.put(part["url"], content=data).is_success
    assert node.client.post(f"/api/v1/uploads/{upload_id}/complete").is_success
    return upload_id


def added(node: ApiNode, data: bytes) -> httpx.Response:
    return node.client.post("/api/v1/models", json={"upload_id": uploaded(node, data)})


def is_clean(settings: Settings) -> bool:
    """But for the file that is locked while models change."""
    left = {*settings.data_dir.glob("model-upload-*"), *settings.resolved_models_dir.glob("*")}
    return {one.name for one in left} <= {".fetching"}


@pytest.mark.slow
def test_a_model_is_uploaded_verified_activated_and_tried(node: ApiNode, tmp_path: Path) -> None:
    complete_series(node.storage, "head", 40)
    upload_id = uploaded(node, archive_of(onnx_model(tmp_path / "plain")))
    answer = node.client.post("/api/v1/models", json={"upload_id": upload_id})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/api/v1/models/{NAME}"
    (version,) = answer.json()["versions"]
    assert (version["state"], version["ready"]) == ("added", False)
    again = node.client.post("/api/v1/models", json={"upload_id": upload_id})
    is_problem(again, 409, "upload_not_received")
    is_problem(node.client.post(f"/api/v1/models/{NAME}/activate"), 409, "model_held")
    # A trial proves it first, whatever its state.
    uid = study_uid("head")
    with worker(node, try_in_process):
        trial = node.client.post(f"/api/v1/models/{NAME}/trials/{uid}", timeout=240)
    assert trial.status_code == 200, trial.text
    (tried,) = trial.json()["items"]
    assert tried["taken"]
    assert tried["findings"][0].startswith("Spleen volume: ")
    with Image.open(io.BytesIO(base64.b64decode(tried["picture"]))) as picture:
        assert picture.format == "PNG"
    assert node.storage.findings.of_study(uid) == []
    assert node.storage.jobs.list() == ([], 0)
    with worker(node, try_in_process):
        verified = node.client.post(f"/api/v1/models/{NAME}/verify", timeout=240).json()
    assert verified["versions"][0]["state"] == "verified"
    active = node.client.post(f"/api/v1/models/{NAME}/activate").json()
    assert active["versions"][0]["state"] == "active"
    is_problem(
        node.client.post(f"/api/v1/models/{NAME}/trials/{study_uid('nobody')}"), 404, "not_found"
    )


def test_nothing_is_added_over_http_unless_the_site_says_so(api: ApiNode, tmp_path: Path) -> None:
    refused = added(api, archive_of(onnx_model(tmp_path / "plain")))
    is_problem(refused, 503, "not_configured")
    assert "MEDIVIEW_MODEL_UPLOADS is off" in refused.json()["detail"]
    assert is_clean(api.storage.settings)


def test_what_arrived_is_compared_with_the_digest_of_who_sent_it(
    node: ApiNode, tmp_path: Path
) -> None:
    data = archive_of(onnx_model(tmp_path / "plain"))
    upload_id = uploaded(node, data)
    digest = hashlib.sha256(data).hexdigest()
    other = node.client.post("/api/v1/models", json={"upload_id": upload_id, "sha256": "0" * 64})
    is_problem(other, 422, "upload_digest_differs")
    assert digest[:12] in other.json()["detail"]
    assert is_clean(node.storage.settings)
    same = node.client.post("/api/v1/models", json={"upload_id": upload_id, "sha256": digest})
    assert same.status_code == 201, same.text
    assert node.client.get("/api/v1/models").json()["uploads"] == "any"


def link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("m/model.onnx")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def pipe() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("m/model.onnx")
        entry.external_attr = (stat.S_IFIFO | 0o666) << 16
        archive.writestr(entry, "")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no archive", "damaged or incomplete"),
        # The directory would begin behind the archive's end.
        (zipped({"m/mediview.json": b"{}"})[:-4] + b"\xff" * 4, "damaged or incomplete"),
        (zipped({f"m/{'b' * 3_000}": b"x"}), "has a name of 3000 bytes; 255 are allowed"),
        (zipped({f"m/{'ä' * 200}": b"x"}), "has a name of 400 bytes; 255 are allowed"),
        (zipped({f"{'a/' * 2_000}x": b"y"}), "2001 folders deep"),
        (zipped({f"{'a' * 200}/{'b' * 200}/" * 3 + "x": b"y"}), "1024 are allowed"),
        (pipe(), "a pipe or a device"),
        (zipped({"../../evil.txt": b"x"}), "leads out of the archive"),
        (zipped({"/etc/evil.txt": b"x"}), "leads out of the archive"),
        (zipped({"m/a": b"x", "m/a/b": b"x"}), "both a file and a folder"),
        (link(), "or is a link"),
        (zipped({"m/mediview.json": b"{}"}), "The files in m "),
        (zipped({"mediview.json": b"{}"}), "The files in the archive "),
        (zipped({f"m/{number}": b"" for number in range(2_001)}), "2000 are allowed"),
    ],
)
def test_an_archive_that_is_no_model_leaves_nothing(node: ApiNode, data: bytes, says: str) -> None:
    refused = added(node, data)
    assert refused.status_code in (400, 413, 422), refused.text
    assert says in refused.json()["detail"]
    assert refused.json()["remedy"]
    # Where the node keeps its data is no client's business.
    assert str(node.storage.settings.data_dir) not in refused.text
    assert is_clean(node.storage.settings)


def test_an_archive_that_would_fill_the_disk_is_refused_by_what_it_states(
    api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 kB of zeros beside 3 MiB: a ratio that weights might have."""
    # The archive itself has room.
    monkeypatch.setattr(room, "_MARKS_LEFT", 1)
    free_bytes = shutil.disk_usage(api_settings.data_dir.parent).free
    zeros = {f"m/{number}": bytes(60 << 20) for number in range(7)}
    data = zipped({**zeros, "m/random": os.urandom(3 << 20)})
    changed = {"model_uploads": "any", "free_disk_mark_bytes": free_bytes - (400 << 20)}
    with api_node(api_settings.model_copy(update=changed)) as node:
        is_problem(added(node, data), 507, "storage_full")
        assert is_clean(node.storage.settings)
        blown_up = added(node, zipped({"m/zeros": bytes(65 << 20)}))
        is_problem(blown_up, 413, "limit_exceeded")
        assert "200 times is allowed" in blown_up.json()["detail"]


def test_an_upload_is_used_once_also_by_two_requests_at_once(node: ApiNode, tmp_path: Path) -> None:
    upload_id = uploaded(node, archive_of(onnx_model(tmp_path / "plain")))

    def add(_: int) -> int:
        answer = httpx.post(f"{node.url}/api/v1/models", json={"upload_id": upload_id}, timeout=60)
        return answer.status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(4))) == [201, 409, 409, 409]


def test_what_a_killed_process_left_is_removed_and_its_upload_may_be_used_again(
    api_settings: Settings, tmp_path: Path
) -> None:
    settings = api_settings.model_copy(update={"model_uploads": "any"})
    with api_node(settings) as node:
        upload_id = uploaded(node, archive_of(onnx_model(tmp_path / "plain")))
        # As one leaves it that is killed while it unpacks.
        node.storage.uploads.set_state(upload_id, "ACCEPTED")
        (settings.data_dir / f"model-upload-{upload_id}-abc" / "model").mkdir(parents=True)
        (settings.resolved_models_dir / ".adding-abc" / "m").mkdir(parents=True)
    with upload_folder(settings, "of another process") as used, api_node(settings) as node:
        assert list(settings.data_dir.glob("model-upload-*")) == [used]
        answer = node.client.post("/api/v1/models", json={"upload_id": upload_id})
        assert answer.status_code == 201, answer.text
        assert not list(settings.resolved_models_dir.glob(".adding-*"))


def test_one_trial_or_self_test_runs_at_a_time(
    node: ApiNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete_series(node.storage, "head", 40)
    assert added(node, archive_of(onnx_model(tmp_path / "plain"))).status_code == 201
    monkeypatch.setattr(by_worker, "WAIT_S", 2.0)
    with alone_on_host(node.storage.settings, "Another"), worker(node, try_in_process):
        for what in ("verify", f"trials/{study_uid('head')}"):
            busy = node.client.post(f"/api/v1/models/{NAME}/{what}")
            is_problem(busy, 429, "too_many_requests")


def test_no_key_brings_code_or_runs_what_nobody_verified(tmp_path: Path) -> None:
    with closed_node(closed_settings(tmp_path, model_uploads="any")) as closed:
        complete_series(closed.storage, "head", 40)
        trial = f"/api/v1/models/{NAME}/trials/{study_uid('head')}"
        with closed.with_key("loader", "admin", "admin") as key:
            refused = key.post("/api/v1/models", json={"upload_id": "any"})
            is_problem(refused, 403, "not_a_person")
            add_model(
                closed.storage.settings,
                closed.storage.model_states,
                closed.storage.shadow_runs,
                onnx_model(tmp_path / "plain"),
                "petra",
                hold=True,
            )
            is_problem(key.post(trial), 403, "not_a_person")
            is_problem(key.post(f"/api/v1/models/{NAME}/verify"), 403, "not_a_person")
        with closed.signed_in("petra", "admin") as petra:
            is_problem(petra.post(trial), 403, "confirmation_required")
            verified = petra.post(f"/api/v1/models/{NAME}/verify")
            is_problem(verified, 403, "confirmation_required")
            assert confirm(petra).status_code == 204
            # It is looked for: what comes of one that is there is in `test_model_trials`.
            elsewhere = petra.post(f"/api/v1/models/{NAME}/trials/{study_uid('nowhere')}")
            is_problem(elsewhere, 404, "not_found")


def test_the_name_of_a_model_of_the_release_is_taken(tmp_path: Path) -> None:
    with closed_node(closed_settings(tmp_path)) as closed:
        model = onnx_model(tmp_path / "plain", name="lung-density", version="1.2.0")
        settings = closed.storage.settings
        with pytest.raises(InvalidRequest, match="lung-density is the name of a model of"):
            add_model(
                settings, closed.storage.model_states, closed.storage.shadow_runs, model, "petra"
            )
        assert list(settings.resolved_models_dir.glob("lung-density*")) == []


def test_a_version_is_removed_by_a_person_once_it_runs_no_more(tmp_path: Path) -> None:
    with closed_node(closed_settings(tmp_path)) as closed:
        storage = closed.storage
        model = onnx_model(tmp_path / "plain")
        add_model(storage.settings, storage.model_states, storage.shadow_runs, model, "petra")
        address = f"/api/v1/models/{NAME}/versions/1.2"
        with closed.with_key("loader", "admin", "admin") as key:
            is_problem(key.delete(address), 403, "not_a_person")
        with closed.signed_in("petra", "admin") as petra:
            is_problem(petra.delete(address), 403, "confirmation_required")
            assert confirm(petra).status_code == 204
            is_problem(petra.delete(address), 409, "model_held")
            assert petra.post(f"/api/v1/models/{NAME}/retire").is_success
            assert petra.delete(address).status_code == 204
            is_problem(petra.delete(address), 404, "not_found")
            listed = petra.get("/api/v1/models").json()["items"]
            assert NAME not in {one["name"] for one in listed}
        assert len(audited(storage, code=Code.SECURITY_ALERT, action="D", outcome=0)) == 1
        assert is_clean(storage.settings)


def openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


def sign(folder: Path, key: Path, *more: str) -> None:
    """As docs/pipelines.md writes it."""
    names = sorted(one.name for one in folder.iterdir())
    with (folder / "SHA256SUMS").open("w") as sums:
        subprocess.run(["sha256sum", *names], cwd=folder, check=True, stdout=sums)
    if more:
        openssl("pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", "SHA256SUMS",
                "-out", "SHA256SUMS.sig", cwd=folder)  # fmt: skip
    else:
        openssl("dgst", "-sha256", "-sign", str(key), "-out", "SHA256SUMS.sig", "SHA256SUMS",
                cwd=folder)  # fmt: skip


KEYS: dict[str, tuple[list[str], list[str]]] = {
    "ec": (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], []),
    "rsa": (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], []),
    "ed25519": (["-algorithm", "ED25519"], ["-rawin"]),
}


@pytest.fixture(scope="module", params=KEYS)
def signing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A key pair of openssl, and how it signs."""
    folder = tmp_path_factory.mktemp("keys")
    made, signs = KEYS[request.param]
    openssl("genpkey", *made, "-out", "site.key", cwd=folder)
    (folder / "public").mkdir()
    openssl("pkey", "-in", "site.key", "-pubout", "-out", "public/site.pem", cwd=folder)
    return folder, signs


def test_only_what_the_site_signed_is_added(
    api_settings: Settings, tmp_path: Path, signing: Any
) -> None:
    keys, signs = signing
    changed = {"model_uploads": "signed", "model_keys": keys / "public"}
    model = onnx_model(tmp_path / "plain")
    with api_node(api_settings.model_copy(update=changed)) as node:
        unsigned = added(node, archive_of(model))
        is_problem(unsigned, 400, "invalid_request")
        assert "plain is not signed: it has no SHA256SUMS" in unsigned.json()["detail"]
        sign(model, keys / "site.key", *signs)
        answer = added(node, zipped({f"plain/{one.name}": one.read_bytes() for one in
                                     model.iterdir()}))  # fmt: skip
        assert answer.status_code == 201, answer.text
        assert answer.json()["history"][0]["detail"] == "Signed by site.pem."
        files = {f"plain/{one.name}": one.read_bytes() for one in model.iterdir()}
        swapped = added(node, zipped({**files, "plain/model.onnx": b"another"}))
        assert (
            "model.onnx of plain is another file than the one that was signed"
            in (swapped.json()["detail"])
        )
        brought = added(node, zipped({**files, "plain/more.bin": b"x"}))
        assert "more.bin of plain was not signed" in brought.json()["detail"]
        listed = added(node, zipped({**files, "plain/SHA256SUMS": files["plain/SHA256SUMS"] * 2}))
        assert "is of none of the site's keys (site.pem)" in listed.json()["detail"]
