"""The manifests of a MONAI Application Package, read within bounds.

https://github.com/Project-MONAI/monai-deploy, guidelines: `/etc/monai/app.json` says how the
application is run, `/etc/monai/pkg.json` what it needs. Older packages hyphenate names.
"""

import json
import math
import posixpath
import re
import shlex
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from inference.models.description import VERSION_PATTERN

MANIFEST_AT_MOST_BYTES = 256 * 1024
APP_FILE, PACKAGE_FILE = "app.json", "pkg.json"
MANIFEST_FOLDERS = ("/etc/monai", "/etc/holoscan")
_WORKING_DIRECTORY = "/var/monai/"
_PATH = re.compile(r"^/[A-Za-z0-9._/-]{1,200}$")
TEMPORARY_FOLDER = "/tmp"  # noqa: S108 - in the container, whose own it is
# What a container needs for itself, or what its application lies in.
_NO_FOLDERS = ("/", "/bin", "/dev", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr")
_UNITS = {"Mi": 1024**2, "Gi": 1024**3}
_Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
_Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x1f]*$")]


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Place(_Manifest):
    path: str = ""


class AppManifest(_Manifest):
    """`app.json`. `command` is a list, a list as JSON text, or a line for a shell."""

    command: tuple[_Text, ...] = Field(min_length=1, max_length=100)
    version: str = Field(pattern=VERSION_PATTERN)
    working_directory: str = Field(
        _WORKING_DIRECTORY,
        validation_alias=AliasChoices("workingDirectory", "working-directory", "working_directory"),
    )
    input: Place = Place()
    output: Place = Place()
    timeout: int = Field(0, ge=0, le=65_536)
    """In seconds; 0: none."""
    environment: dict[_Name, _Text] = Field({}, max_length=200)

    @field_validator("command", mode="before")
    @classmethod
    def _split(cls, stated: Any) -> Any:
        if not isinstance(stated, str):
            return stated
        try:
            return json.loads(stated) if stated.lstrip()[:1] == "[" else shlex.split(stated)
        except ValueError as error:
            raise ValueError(f"cannot be taken apart: {error}") from error

    @field_validator("environment", "input", "output", mode="before")
    @classmethod
    def _null_is_nothing(cls, stated: Any) -> Any:
        return {} if stated is None else stated

    @property
    def input_path(self) -> str:
        return self._absolute(self.input.path or "input/")

    @property
    def output_path(self) -> str:
        return self._absolute(self.output.path or "output/")

    @property
    def workdir(self) -> str:
        return posixpath.normpath(self.working_directory or _WORKING_DIRECTORY)

    def _absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.workdir, path))

    def problem(self) -> str:
        """Why its folders cannot be given to a container; empty where they can."""
        for path in (self.workdir, self.input_path, self.output_path):
            if not _PATH.match(path):
                return f"{path[:100]} is not a path of letters, digits, dots and hyphens"
        own = (*_NO_FOLDERS, TEMPORARY_FOLDER)
        for path in (self.input_path, self.output_path):
            if any(path == one or (one != "/" and _is_within(path, one)) for one in own):
                return f"{path} belongs to the container itself"
        first, second = self.input_path, self.output_path
        if _is_within(first, second) or _is_within(second, first):
            return f"{first} and {second} are the same or lie within each other"
        return ""


class Resources(_Manifest):
    cpu: float = Field(1, gt=0, le=1024)
    gpu: int = Field(0, ge=0, le=64)
    memory_bytes: int = Field(_UNITS["Gi"], validation_alias=AliasChoices("memory", "memory_bytes"))

    @field_validator("memory_bytes", mode="before")
    @classmethod
    def _read(cls, stated: Any) -> Any:
        if not isinstance(stated, str):
            return stated
        match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)(Mi|Gi)", stated.strip())
        if match is None:
            raise ValueError(f"'{stated[:40]}' is not an amount in Mi or Gi")
        return math.ceil(float(match[1]) * _UNITS[match[2]])


class PackageManifest(_Manifest):
    """`pkg.json`, as far as it says what is needed and where models lie."""

    resources: Resources = Resources()
    model_root: str = Field(
        "", validation_alias=AliasChoices("modelRoot", "model-root", "model_root")
    )

    @field_validator("resources", mode="before")
    @classmethod
    def _null_is_nothing(cls, stated: Any) -> Any:
        return {} if stated is None else stated


def _is_within(path: str, folder: str) -> bool:
    return posixpath.commonpath((path, folder)) == folder
