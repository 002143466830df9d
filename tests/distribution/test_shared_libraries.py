"""What the installed packages need of the system is what every Debian with Python has."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

# libc6, libgcc-s1, libstdc++6 and zlib1g are on every Debian with Python, slim images too.
# Anything else is missing on somebody's machine.
OF_THE_SYSTEM = re.compile(
    r"(ld-linux-.*|linux-vdso|lib(c|m|mvec|dl|resolv|rt|pthread|util|stdc\+\+|gcc_s|z))\.so.*"
)
# PostgreSQL of the tests: its preprocessor for C is not used.
UNUSED = "libecpg"
# Of the driver of a GPU, looked for only where there is one.
OF_A_DRIVER = re.compile(r"(libcuda|libnvidia-.*|libnvcuvid)\.so.*")
# CUDA's own libraries look for those of networks between GPUs, and do without.
OF_CUDA = "nvidia"
LINE = re.compile(r"^\s+(?P<name>\S+?)(?: => (?P<path>not found|\S+))?(?: \(0x[0-9a-f]+\))?$")


@pytest.mark.slow
def test_no_package_needs_a_library_that_a_bare_debian_lacks() -> None:
    environment = Path(sys.prefix).resolve()
    modules = [path for path in environment.rglob("*.so*") if path.is_file()]
    # Libraries of one package are loaded by its own code before they are looked for.
    bundled = {path.name for path in modules}
    assert len(modules) > 100
    examined = [str(path) for path in modules if OF_CUDA not in path.parts]
    printed = subprocess.run(["ldd", *examined], capture_output=True, text=True, check=False).stdout
    foreign: dict[str, set[str]] = {}
    module = ""
    for line in printed.splitlines():
        if line.endswith(":") and not line.startswith((" ", "\t")):
            module = Path(line[:-1]).name
        elif found := LINE.match(line):
            name = Path(found["name"]).name
            if name in bundled or OF_THE_SYSTEM.fullmatch(name) or OF_A_DRIVER.fullmatch(name):
                continue
            if name.startswith("libpython") or module.startswith(UNUSED):
                continue
            path = found["path"] or ""
            if not path.startswith(str(environment)):
                foreign.setdefault(name, set()).add(module)
    assert foreign == {}
