"""The files by which others run the node say what the code says."""

import re
import shlex
import shutil
import stat
import subprocess
import sys
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
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, Any] = document["services"]
    return services


@pytest.fixture(scope="module")
def secret_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What compose mounts, as its script makes it, by the name of the secret."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run([ROOT / "scripts/compose-secrets.sh", folder], check=True, capture_output=True)
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
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


def test_secrets_are_made_once_and_are_in_no_environment(
    services: dict[str, Any], secret_files: dict[str, Path]
) -> None:
    folder = secret_files["audit_key"].parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    before = {path.name: path.read_text() for path in folder.iterdir()}
    subprocess.run([ROOT / "scripts/compose-secrets.sh", folder], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
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


def test_every_lasting_service_is_watched_or_has_no_port(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if service.get("ports"):
            assert "healthcheck" in service, name


def test_compose_keeps_state_in_named_volumes() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for name, service in document["services"].items():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in document["volumes"], name


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
