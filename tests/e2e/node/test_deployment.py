"""The files by which others run the node say what the code says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from storage.settings import Settings
from storage.settings.unknown import setting_names
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"}


def example_lines() -> dict[str, str]:
    text = (ROOT / ".env.example").read_text()
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", text, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, Any] = document["services"]
    return services


def own(services: dict[str, Any]) -> dict[str, Any]:
    """The services that run our image."""
    return {name: one for name, one in services.items() if one["image"].startswith("mediview:")}


def test_the_example_names_every_setting_and_no_other() -> None:
    assert set(example_lines()) == set(setting_names(Settings)) | COMPOSE_ONLY


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    uncommented = tmp_path / "env"
    uncommented.write_text("".join(f"{name}={value}\n" for name, value in example_lines().items()))
    assert Settings(_env_file=uncommented) == Settings()  # type: ignore[call-arg]


def test_compose_sets_only_settings_that_exist(services: dict[str, Any]) -> None:
    known = set(setting_names(Settings))
    for name, service in own(services).items():
        assert set(service["environment"]) <= known, name


def test_compose_values_are_accepted(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = dict.fromkeys(COMPOSE_ONLY, "secret123")
    for name, value in own(services)["api"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{(\w+):\?[^}]*\}", lambda m: secrets[m[1]], value))
    settings = Settings()
    settings.check_http_binding()
    settings.check_binding(settings.dicom_host, "The SCP")
    assert settings.object_store == "s3"
    assert settings.resolved_database_url.endswith("secret123@postgres/mediview")


def test_compose_runs_commands_that_exist(services: dict[str, Any]) -> None:
    commands = {name: service["command"] for name, service in own(services).items()}
    assert set(commands) == {
        "migrate", "scp", "api", "worker", "worker-control", "worker-language", "beat",
    }  # fmt: skip
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
