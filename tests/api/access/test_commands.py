"""`mediview users` and `mediview keys` as an operator types them."""

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from storage.container import open_storage
from storage.settings import load_settings
from tests.api.access.closed import PASSWORD, closed_node, closed_settings, sign_in
from tests.api.cli.test_cli import PROGRAM, environment, mediview
from tests.migrated import upgrade
from tests.patience import PATIENCE_S
from tests.ready_processes import run


def with_password(folder: Path, *arguments: str, password: str = PASSWORD) -> str:
    output = run(
        [PROGRAM, "users", *arguments, "--password-stdin"],
        check=False,
        cwd=folder,
        env=environment(folder),
        input=f"{password}\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert "Traceback" not in output.stderr
    assert password not in output.stdout + output.stderr
    return output.stdout + output.stderr


@pytest.mark.slow
def test_an_operator_makes_the_first_account_and_a_key(tmp_path: Path) -> None:
    settings = closed_settings(tmp_path)
    assert "root may sign in as admin" in with_password(tmp_path, "add", "Root", "--role", "admin")
    named = mediview(tmp_path, "users", "set-name", "root", "Hopper^Grace")
    assert "root signs as Hopper^Grace" in named.stdout
    assert "already" in with_password(tmp_path, "add", "root", "--role", "admin")
    short = with_password(tmp_path, "add", "eve", "--role", "viewer", password="short")
    assert "has 5 characters" in short
    assert "is not a role" in with_password(tmp_path, "add", "eve", "--role", "king")
    made = mediview(
        tmp_path, "keys", "create", "ris", "--role", "integrator",
        "--scope", "dicomweb:read,api:read", "--expires", "12h",
    )  # fmt: skip
    secret = made.stdout.strip()
    assert secret.startswith("mvk_")
    assert secret not in made.stderr
    with closed_node(settings) as closed:
        with closed.client() as root:
            # Somebody else typed the password.
            assert sign_in(root, "root").json()["step"] == "password"
            assert root.get("/api/studies").status_code == 401
        with closed.client(headers={"Authorization": f"Bearer {secret}"}) as ris:
            assert ris.get("/dicom-web/studies").status_code == 200
            assert ris.post("/api/analyze").status_code == 403
            listed = mediview(tmp_path, "keys", "list").stdout
            assert "ris" in listed
            assert secret not in listed
            assert "is revoked" in mediview(tmp_path, "keys", "revoke", "ris").stdout
            # It was looked up by the last request, and is known for a second.
            time.sleep(1.1)
            assert ris.get("/dicom-web/series").status_code == 401
    assert "integrator" in mediview(tmp_path, "keys", "list").stdout
    assert "revoked" in mediview(tmp_path, "keys", "list").stdout
    wrong = mediview(tmp_path, "keys", "create", "x", "--role", "viewer", "--expires", "soon")
    assert wrong.returncode == 1
    assert "is not a time span" in wrong.stderr


@pytest.mark.slow
def test_accounts_change_and_the_last_administrator_stays(tmp_path: Path) -> None:
    upgrade(load_settings(data_dir=tmp_path / "data"))
    with_password(tmp_path, "add", "root", "--role", "admin")
    with_password(tmp_path, "add", "eve", "--role", "viewer")
    output = mediview(tmp_path, "users", "disable", "root")
    assert output.returncode == 1
    assert "Nobody would be left" in output.stderr
    changed = mediview(
        tmp_path, "users", "set-roles", "eve", "--role", "admin", "--role", "radiologist"
    )
    assert "eve is admin, radiologist now" in changed.stdout
    assert "disabled" in mediview(tmp_path, "users", "disable", "root").stdout
    assert "another password" in with_password(
        tmp_path, "set-password", "eve", password="another pass phrase"
    )
    listed = mediview(tmp_path, "users", "list").stdout
    assert "2 accounts" in listed
    assert "argon2" not in listed
    assert mediview(tmp_path, "users", "set-password", "nobody").returncode == 1
    with open_storage(load_settings(data_dir=tmp_path / "data")) as storage:
        account = storage.accounts.check("eve", "another pass phrase")
        assert account is not None
        assert account.must_change_password
    with_password(tmp_path, "set-password", "eve", "--own", password="another pass phrase")
    assert "0 second factors" in mediview(tmp_path, "users", "reset-second-factor", "eve").stdout
    with open_storage(load_settings(data_dir=tmp_path / "data")) as storage:
        assert not storage.accounts.get("eve").must_change_password
        assert storage.accounts.check("root", PASSWORD) is None
        assert storage.accounts.check("eve", "another pass phrase")


def test_a_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    upgrade(load_settings(data_dir=tmp_path / "data"))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "users", "add", "ada", "--role", "viewer"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    stated = b""
    try:
        for prompt in (b"Password", b"confirm"):
            # The space after the colon comes once the terminal no longer shows what is typed, and
            # what was typed before is thrown away.
            while not (
                prompt.lower() in stated.lower().rpartition(b"\n")[2] and stated.endswith(b": ")
            ):
                stated += os.read(ours, 4096)
            os.write(ours, f"{PASSWORD}\n".encode())
        assert process.wait(PATIENCE_S) == 0
        stated += os.read(ours, 4096)
    finally:
        os.close(ours)
        process.kill()
        process.wait()
    assert PASSWORD.encode() not in stated
    with open_storage(load_settings(data_dir=tmp_path / "data")) as storage:
        assert storage.accounts.check("ada", PASSWORD)


@pytest.mark.slow
def test_doctor_and_the_demo_ask_a_node_that_wants_sign_in(tmp_path: Path) -> None:
    settings = closed_settings(tmp_path)
    with closed_node(settings) as closed:
        closed.storage.accounts.add("root", PASSWORD, ["admin"])
        output = mediview(
            tmp_path,
            "doctor",
            auth="required",
            http_port=settings.http_port,
            dicom_port=settings.dicom_port,
        ).stdout
        # The parts and their reasons, not the short answer that strangers get.
        assert "Not running: mediview beat, mediview worker" in output
        assert "sign-in" in output
        # The command's own key is gone again.
        assert closed.storage.api_keys.all() == []
