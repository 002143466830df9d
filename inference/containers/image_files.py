"""What files of an image say: one read out of a tar archive, and whose the image's own user is."""

import io
import tarfile
from dataclasses import dataclass

from inference.containers.manifest import MANIFEST_AT_MOST_BYTES

_GROUPS = range(1, 65536)


@dataclass(frozen=True)
class ImageUser:
    """The group of an image's own user, and where Python packages of that user lie.

    monai-deploy's packager installs for the image's user (`pip install --user`), in a home that
    others cannot look into.
    """

    group: int
    python_user_base: str


def only_file(archive: bytes) -> bytes | None:
    """What `cp … -` gives is a tar archive of one file."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            member = files.next()
            if member is None or not member.isreg() or member.size > MANIFEST_AT_MOST_BYTES:
                return None
            stream = files.extractfile(member)
            return None if stream is None else stream.read()
    except tarfile.TarError:
        return None


def image_user(stated: str, passwd: bytes) -> ImageUser | None:
    """`stated`: of the image's configuration, by name or number; None of root, and of one that the
    image does not list in `passwd`."""
    wanted = stated.partition(":")[0]
    for line in passwd.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) != 7 or wanted not in (fields[0], fields[2]):
            continue
        group, home = fields[3], fields[5]
        if not (group.isascii() and group.isdecimal() and int(group) in _GROUPS):
            return None
        is_path = home.startswith("/") and home.isprintable()
        return ImageUser(int(group), f"{home.rstrip('/')}/.local") if is_path else None
    return None
