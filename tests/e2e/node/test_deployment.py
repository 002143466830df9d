"""The files by which others run the node say what the code says."""

import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.db.grants import EXCEPTIONS
from storage.processes.process_roles import PROCESS_ROLES
from storage.settings import Settings, load_settings
from storage.settings.unknown import setting_names
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]


def example_lines() -> dict[str, str]:
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", text, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = compose_file()["services"]
    return services


def compose_file() -> dict[str, Any]:
    """As compose reads it where no variable is set: ${NAME:-default} is the default."""
    text = (ROOT / "docker-compose.yml").read_text()
    document: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{[A-Z0-9_]+:-([^}]*)\}", r"\1", text))
    return document


@pytest.fixture(scope="module")
def secret_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What compose mounts, as its script makes it, by the name of the secret."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run([ROOT / "scripts/compose-secrets.sh", folder], check=True, capture_output=True)
    document = compose_file()
    return {name: folder / Path(one["file"]).name for name, one in document["secrets"].items()}


def own(services: dict[str, Any]) -> dict[str, Any]:
    """The services that run our image."""
    return {name: one for name, one in services.items() if one["image"].startswith("mediview:")}


def test_the_example_names_every_setting_and_no_other() -> None:
    assert set(example_lines()) == set(setting_names(Settings))


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    uncommented = tmp_path / "env"
    uncommented.write_text("".join(f"{name}={value}\n" for name, value in example_lines().items()))
    assert Settings(_env_file=uncommented) == Settings()  # type: ignore[call-arg]


def test_compose_sets_only_settings_that_exist(services: dict[str, Any]) -> None:
    known = set(setting_names(Settings))
    for name, service in own(services).items():
        assert set(service["environment"]) <= known, name


def test_compose_values_are_accepted(
    services: dict[str, Any],
    secret_files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, role in {"scp": "scp", "api": "api", "worker": "worker", "beat": "control"}.items():
        service, mounted = own(services)[name], tmp_path / name
        mounted.mkdir()
        for secret in service["secrets"]:
            shutil.copyfile(secret_files[secret["source"]], mounted / secret["target"])
        for variable, value in service["environment"].items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("MEDIVIEW_SECRETS_DIR", str(mounted))
        settings = load_settings()
        settings.check_http_binding()
        settings.check_binding(settings.dicom_host, "The SCP")
        assert f"//mediview_{role}:" in settings.resolved_database_url
        assert settings.resolved_database_url.endswith("@postgres/mediview")
        assert re.fullmatch(r"redis://mediview:\w{48}@redis:6379/0", settings.broker_url)
        assert not settings.audit_key.get_secret_value()
        assert settings.object_store == "s3"
        assert settings.s3_access_key_id == secret_files["s3_access_key_id"].read_text()
        assert len(settings.s3_secret_access_key.get_secret_value()) == 64


def test_secrets_are_made_once_and_are_in_no_environment(
    services: dict[str, Any], secret_files: dict[str, Path]
) -> None:
    folder = secret_files["audit_key"].parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = {path.name: path.read_text() for path in folder.iterdir()}
    subprocess.run([ROOT / "scripts/compose-secrets.sh", folder], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert before["garage.env"].splitlines()[:2] == [
        f"GARAGE_DEFAULT_ACCESS_KEY={before['s3_access_key_id']}",
        f"GARAGE_DEFAULT_SECRET_KEY={before['s3_secret_access_key']}",
    ]
    accounts = before["postgres_accounts.sql"]
    assert [f"mediview_{role}" in accounts for role in EXCEPTIONS] == [True] * len(EXCEPTIONS)
    for service in services.values():
        assert "PASSWORD" not in " ".join(
            f"{name}={value}" for name, value in service.get("environment", {}).items()
        ).replace("POSTGRES_PASSWORD_FILE=/run/secrets/postgres_password", "")


def test_models_are_written_by_no_role(services: dict[str, Any]) -> None:
    for name, service in own(services).items():
        if name != "models":
            assert "models:/models:ro" in service["volumes"], name
    assert services["models"]["profiles"] == ["tools"]


def test_compose_runs_commands_that_exist(services: dict[str, Any]) -> None:
    commands = {name: service["command"] for name, service in own(services).items()}
    assert set(commands) == {
        *("migrate", "models", "scp", "api", "hl7", "beat"),
        *("worker", "worker-control", "worker-gpu", "worker-language", "worker-interactive"),
    }
    assert {role.arguments for role in PROCESS_ROLES} <= set(map(tuple, commands.values()))
    for command in commands.values():
        answer = mediview(*command, "--help")
        assert answer.returncode == 0, answer.stderr
        for option in (part for part in command if part.startswith("--")):
            assert option in answer.stdout


def test_nothing_is_published_beyond_loopback(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_every_service_is_watched(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert "healthcheck" in service, name


def test_what_computes_models_has_the_image_with_them_and_nothing_else_has(
    services: dict[str, Any],
) -> None:
    computing = {"models", "worker", "worker-language", "worker-interactive", "worker-gpu"}
    for name, service in own(services).items():
        target = "complete" if name in computing else "core"
        assert service["build"]["target"] == target, name
        assert service["image"].endswith("-core") == (target == "core"), name
    assert services["worker-gpu"]["build"]["args"] == {"TORCH": "cuda"}


def test_compose_keeps_state_in_named_volumes() -> None:
    document = compose_file()
    for name, service in document["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in document["volumes"] or volume.endswith(":ro"), name


def test_the_bucket_of_compose_writes_through_and_is_the_one_that_roles_use(
    services: dict[str, Any],
) -> None:
    garage = tomllib.loads((ROOT / "deploy/compose/garage.toml").read_text())
    assert garage["metadata_fsync"]
    assert garage["data_fsync"]
    assert "/var/lib/garage" in garage["data_dir"]
    assert garage["s3_api"]["s3_region"] == Settings().s3_region
    bucket = services["garage"]["environment"]["GARAGE_DEFAULT_BUCKET"]
    port = garage["s3_api"]["api_bind_addr"].rpartition(":")[2]
    for service in own(services).values():
        assert service["environment"]["MEDIVIEW_S3_BUCKET"] == bucket
        assert service["environment"]["MEDIVIEW_S3_ENDPOINT_URL"] == f"http://garage:{port}"


def test_the_image_holds_every_package_and_nothing_that_git_ignores() -> None:
    allowed = [
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    copied = set()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            copied |= {part.split("/")[0] for part in shlex.split(line)[1:-1]}
    assert {name for name in copied if name not in allowed} == set()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= copied


def mediview(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("mediview")
    return subprocess.run(
        [program, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
