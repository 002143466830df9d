"""A setting that does not exist is named, with the one that was meant, and never with its value."""

import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from api.server.checks.doctor import diagnose
from storage.settings import Settings, load_settings
from storage.settings.renamed import RENAMED
from storage.settings.unknown import UnknownSetting, setting_names, unknown_settings


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MEDIVIEW_DESTINATION", "MEDIVIEW_DESTINATIONS"),
        ("mediview_dicom_prot", "MEDIVIEW_DICOM_PORT"),
        ("MEDIVIEW_QQQQ", ""),
    ],
)
def test_a_misspelt_setting_is_found(name: str, nearest: str) -> None:
    made = {name: "s3cret", "MEDIVIEW_DICOM_PORT": "11112", "PATH": "/bin", "HF_HOME": "/x"}
    (unknown,) = unknown_settings(Settings, made)
    assert unknown == UnknownSetting(name.upper(), nearest)
    assert (nearest or ".env.example") in unknown.remedy


def test_small_letters_are_the_same() -> None:
    assert unknown_settings(Settings, {"mediview_dicom_port": "11112"}) == []


def test_the_file_counts_as_the_environment_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "env"
    file.write_text("MEDIVIEW_AE_TITEL=ONE\nMEDIVIEW_AUTH=none\nPOSTGRES_PASSWORD=x\n")
    monkeypatch.setitem(Settings.model_config, "env_file", str(file))
    assert [one.name for one in unknown_settings(Settings, {})] == ["MEDIVIEW_AE_TITEL"]


def test_doctor_and_every_role_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEDIVIEW_STEP_TIMES", "MEDIVIEW_SHARED", "MEDIVIEW_LONG_TESTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MEDIVIEW_AUDIT_KEE", "s3cret")
    checks = diagnose(load_settings(data_dir=tmp_path))
    check = next(one for one in checks if one.name == "settings")
    assert (check.state, check.detail) == ("fail", "MEDIVIEW_AUDIT_KEE is not a setting")
    assert check.remedy == "Did you mean MEDIVIEW_AUDIT_KEY?"
    logged = log_of_a_role(tmp_path)
    assert "MEDIVIEW_AUDIT_KEE" in logged
    assert "s3cret" not in logged


def test_a_former_name_counts_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIVIEW_EVENT_KEPT_S", "120")
    monkeypatch.setenv("mediview_audit_keep_days", "7")
    monkeypatch.setenv("MEDIVIEW_UPLOAD_KEPT_S", "60")
    monkeypatch.setenv("MEDIVIEW_UPLOAD_RETENTION_S", "90")
    settings = load_settings(data_dir=tmp_path)
    assert (settings.event_retention_s, settings.audit_retention_days) == (120, 7)
    assert settings.upload_retention_s == 90, "the name of today wins"
    checks = takewhile(lambda one: one.name != "data folder", diagnose(settings))
    found = [one for one in checks if one.name == "settings"]
    assert [(one.state, one.remedy) for one in found] == [
        ("note", "Rename it to MEDIVIEW_AUDIT_RETENTION_DAYS."),
        ("note", "Rename it to MEDIVIEW_EVENT_RETENTION_S."),
        ("note", "Rename it to MEDIVIEW_UPLOAD_RETENTION_S."),
    ]


@pytest.mark.parametrize("now", RENAMED.values())
def test_each_former_name_leads_to_a_setting(now: str) -> None:
    assert now in setting_names(Settings)


def log_of_a_role(data_dir: Path) -> str:
    """In a process of its own: a role sets up logging for all that comes after it."""
    start = "from pathlib import Path; from api.cli.starting import start_role; import sys;"
    started = subprocess.run(
        [sys.executable, "-c", f"{start} start_role(data_dir=Path(sys.argv[1]))", str(data_dir)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return started.stdout + started.stderr
