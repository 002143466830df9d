"""The user that an image names, by its own list of users."""

import pytest

from inference.containers.engine_options import user_options
from inference.containers.image_files import ImageUser, image_user

PASSWD = (
    b"root:x:0:0:root:/root:/bin/bash\n"
    b"holoscan:x:1000:1001::/home/holoscan:/bin/bash\n"
    b"odd:x:7:99999:::\nbroken\n"
)


@pytest.mark.parametrize("stated", ["holoscan", "1000", "1000:5", "holoscan:users"])
def test_packages_that_were_installed_for_the_user_of_a_package_are_found(stated: str) -> None:
    found = image_user(stated, PASSWD)
    assert found == ImageUser(1001, "/home/holoscan/.local")
    assert user_options("podman", found.group)[-1] == "--user=65534:1001"


@pytest.mark.parametrize("stated", ["", "root", "0", "odd", "nobody-known", "broken"])
def test_root_and_users_that_are_not_listed_change_nothing(stated: str) -> None:
    assert image_user(stated, PASSWD) is None
    assert user_options("podman")[-1] == "--user=65534:65534"
