"""The viewer beside OHIF: the same browser, node, images and machine, in one run.

    .venv/bin/python -m benchmarks.viewer [--data ../shared/data] [--rounds 3] [--studies 20]
    .venv/bin/python -m benchmarks.viewer --slices 700 --studies 0 --rounds 1

Debian's Chromium, headless, draws in software. Rounds are interleaved and medians shown. Each
opening has a browser context of its own, so nothing is kept from the one before; a second
opening of the same page follows, with the code in the cache; and one from the list of studies, as
people come to it. OHIF comes from its npm package. With --slices a CT of so many slices is made,
and opened in the place of the shared data.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.dicomweb import copies
from benchmarks.support.dicomweb_servers import ROOT, our_node
from benchmarks.support.http_loader import message, store_all
from benchmarks.support.viewer_pages import Memory, Opened, Watched
from tests import builders
from tests.e2e.support.browser import FLAGS
from tests.e2e.support.ohif import ohif_site
from tests.services import free_port, tool

_SERIES = {"CT": "ct_chest_LIDC-IDRI-0001", "MR": "mr_t1_head"}
_SLICES_OF_A_COPY = 30
_MATRIX = 512


@dataclass(frozen=True)
class Viewer:
    name: str
    url: str
    path: str
    leave: Callable[[Page], None]
    """Back to the list, by the viewer's own means."""
    enter: Callable[[Page, str], None]

    def address(self, study_instance_uid: str) -> str:
        return f"{self.url}{self.path}{study_instance_uid}"


def _leave_ours(page: Page) -> None:
    page.keyboard.press("Escape")
    page.get_by_test_id("study-row").first.wait_for()


def _enter_ours(page: Page, study_instance_uid: str) -> None:
    page.locator(f"a[href='/study/?study={study_instance_uid}']").first.click()


def _leave_ohif(page: Page) -> None:
    _push(page, "/")
    page.wait_for_timeout(500)


def _enter_ohif(page: Page, study_instance_uid: str) -> None:
    _push(page, f"/viewer?StudyInstanceUIDs={study_instance_uid}")


def _push(page: Page, path: str) -> None:
    """Another address of the same page, as its own links would go to it."""
    page.evaluate(
        "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')) }",
        path,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--slices", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as made:
        series = {
            kind: sorted((arguments.data / name).rglob("*.dcm")) for kind, name in _SERIES.items()
        }
        if arguments.slices:
            series = {"CT": _written(Path(made), arguments.slices)}
        _compare(Path(folder), series, arguments.rounds, arguments.studies)


def _written(folder: Path, slices: int) -> list[Path]:
    """A CT of noise over shades of grey, which compresses as little as a patient does."""
    chance = np.random.default_rng(700)
    shades = np.linspace(-900, 900, _MATRIX).astype(np.int16)
    paths = []
    planes = (
        shades[None, :] + chance.integers(-60, 60, (_MATRIX, _MATRIX), np.int16)
        for _ in range(slices)
    )
    voxels = np.stack(list(planes))
    for number, instance in enumerate(
        builders.series(voxels, modality="CT", spacing_mm=(1.0, 0.8, 0.8), seed=700)
    ):
        path = folder / f"{number:04d}.dcm"
        instance.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _compare(folder: Path, series: dict[str, list[Path]], rounds: int, studies: int) -> None:
    with (
        _viewers(folder, series, studies) as (viewers, many),
        _browser() as browser,
    ):
        print(f"load average {os.getloadavg()[0]:.1f}\n")
        for kind, files in series.items():
            _report_opening(browser, viewers, kind, files, rounds)
        if many:
            _report_memory(browser, viewers, many)
        print(f"\nload average {os.getloadavg()[0]:.1f}")


@contextmanager
def _viewers(
    folder: Path, series: dict[str, list[Path]], studies: int
) -> Iterator[tuple[list[Viewer], list[str]]]:
    """Both viewers before one node that holds the series and many small studies."""
    ohif_port = free_port()
    os.environ["MEDIVIEW_CORS_ORIGINS"] = f"http://127.0.0.1:{ohif_port}"
    with our_node(folder) as node:
        bodies = [message(file.read_bytes()) for files in series.values() for file in files]
        few = series["CT"][:_SLICES_OF_A_COPY]
        uid = pydicom.dcmread(few[0], stop_before_pixels=True).StudyInstanceUID
        numbers = range(10, 10 + studies)
        for number in numbers:
            bodies.extend(copies(few, number))
        store_all(node.port, "/dicom-web/studies", bodies, 2)
        url = f"http://127.0.0.1:{node.port}"
        with ohif_site(ohif_port, f"{url}/dicom-web") as ohif:
            ours = Viewer("MediViewAI", url, "/study/?study=", _leave_ours, _enter_ours)
            other = Viewer("OHIF", ohif, "/viewer?StudyInstanceUIDs=", _leave_ohif, _enter_ohif)
            yield [ours, other], [f"{uid[:-7]}90000{number}" for number in numbers]


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=tool("chromium", "chromium"), args=list(FLAGS)
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class _Round:
    new: Opened
    again: Opened
    slices_per_s: float
    from_list_s: float


def _report_opening(
    browser: Browser, viewers: Sequence[Viewer], kind: str, files: Sequence[Path], rounds: int
) -> None:
    study = str(pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID)
    taken: dict[str, list[_Round]] = {viewer.name: [] for viewer in viewers}
    for _ in range(rounds):
        for viewer in viewers:
            taken[viewer.name].append(_open(browser, viewer, study, len(files)))
    print(f"{kind}, {len(files)} slices | {' | '.join(taken)} | ratio")
    _line("first image, s", taken, lambda one: one.new.first_image_s)
    _line("first image, code in the cache, s", taken, lambda one: one.again.first_image_s)
    _line("first image, from the list, s", taken, lambda one: one.from_list_s)
    _line("all slices, s", taken, lambda one: one.new.complete_s)
    _line("CPU of the browser until then, s", taken, lambda one: one.new.cpu_s)
    _line("slices drawn a second, wheel", taken, lambda one: one.slices_per_s)
    print()


def _open(browser: Browser, viewer: Viewer, study: str, frames: int) -> _Round:
    watched = Watched(browser)
    try:
        new = watched.open(viewer.address(study), frames)
        again = watched.open(viewer.address(study), frames)
        watched.page.wait_for_timeout(500)
        drawn, seconds = watched.scroll()
    finally:
        watched.close()
    return _Round(new, again, drawn / seconds, _from_list(browser, viewer, study))


def _from_list(browser: Browser, viewer: Viewer, study: str) -> float:
    """Seconds from the choice of a study in a list that has been open for a while."""
    watched = Watched(browser)
    try:
        watched.page.goto(viewer.url)
        watched.page.wait_for_timeout(6000)
        viewer.enter(watched.page, study)
        return watched.wait_for_picture()
    finally:
        watched.close()


def _line(
    name: str, taken: dict[str, list[_Round]], value: Callable[[_Round], float | None]
) -> None:
    medians = []
    for rounds in taken.values():
        known = [found for one in rounds if (found := value(one)) is not None]
        medians.append(statistics.median(known) if known else float("nan"))
    print(f"{name} | {' | '.join(f'{one:.2f}' for one in medians)} | {medians[0] / medians[1]:.2f}")


def _report_memory(browser: Browser, viewers: Sequence[Viewer], studies: Sequence[str]) -> None:
    print(f"memory, {len(studies)} studies one after another | heap, MB | data, MB | process, MB")
    for viewer in viewers:
        watched = Watched(browser)
        try:
            kept = _one_after_another(watched, viewer, studies)
        finally:
            watched.close()
        for when, memory in kept.items():
            sizes = f"{memory.heap_mb:.1f} | {memory.data_mb:.2f} | {memory.process_mb:.0f}"
            print(f"{viewer.name}, {when} | {sizes}")


def _one_after_another(
    watched: Watched, viewer: Viewer, studies: Sequence[str]
) -> dict[str, Memory]:
    """Memory on the list: after the second study, by when all code has run, and after the last."""
    watched.page.goto(viewer.address(studies[0]), wait_until="commit")
    kept = {}
    for count, study in enumerate(studies, 1):
        if count > 1:
            watched.expect_picture()
            viewer.enter(watched.page, study)
        watched.wait_for_picture()
        watched.page.wait_for_timeout(1500)
        viewer.leave(watched.page)
        if count in (2, len(studies)):
            kept[f"after {count}"] = watched.memory()
    return kept


if __name__ == "__main__":
    main()
