"""A built viewer takes the place of the one before at one moment: `scripts/replace-folder.sh`."""

import subprocess
import threading
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "replace-folder.sh"
PAGES = [Path("index.html"), Path("study", "index.html")]


def built(folder: Path, text: str) -> Path:
    for page in PAGES:
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text)
    return folder


def replace(new: Path, old: Path) -> None:
    subprocess.run([str(SCRIPT), str(new), str(old)], check=True, timeout=60)


def test_who_reads_finds_a_whole_folder_at_every_moment(tmp_path: Path) -> None:
    out = built(tmp_path / "out", "0")
    (out / "left over").touch()
    missing: list[Path] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            missing.extend(page for page in PAGES if not (out / page).is_file())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(1, 6):
            new = built(tmp_path / "out.new", str(number))
            replace(new, out)
            assert not new.exists()
            assert [(out / page).read_text() for page in PAGES] == [str(number)] * 2
    finally:
        is_over.set()
        reader.join()
    assert not missing
    assert not (out / "left over").exists()


def test_the_first_folder_needs_none_before_it(tmp_path: Path) -> None:
    new = built(tmp_path / "out.new", "1")
    replace(new, tmp_path / "out")
    assert (tmp_path / "out" / "index.html").read_text() == "1"
    assert not new.exists()


def test_a_link_is_replaced_and_not_what_it_names(tmp_path: Path) -> None:
    elsewhere = built(tmp_path / "elsewhere", "theirs")
    (tmp_path / "out").symlink_to(elsewhere)
    replace(built(tmp_path / "out.new", "1"), tmp_path / "out")
    assert (tmp_path / "out" / "index.html").read_text() == "1"
    assert (elsewhere / "index.html").read_text() == "theirs"
