"""Whether a folder lies on a file system that several hosts use at once."""

from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
# Of these pages in memory do not show what another host has written (for NFS: RFC 1813 4.11, the
# Linux client looks when a file is opened and when it is locked).
_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "virtiofs", "afs", "lustre", "gpfs", "beegfs")
)
# Gluster, JuiceFS, SSHFS and others. Some are local, which costs them time alone.
_IN_USER_SPACE = "fuse"


def is_on_network(folder: Path) -> bool:
    """Whether it may be; False where the system does not say (proc(5) has the format)."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    resolved = folder.resolve()
    deepest, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        mounted = Path(_unescaped(fields[4]))
        # One that was mounted over another stands behind it.
        if resolved.is_relative_to(mounted) and len(mounted.parts) >= deepest:
            deepest, kind = len(mounted.parts), kinds[0]
    return kind in _NETWORK or kind.partition(".")[0] == _IN_USER_SPACE


def _unescaped(path: str) -> str:
    for character in " \t\n\\":
        path = path.replace(f"\\{ord(character):03o}", character)
    return path
