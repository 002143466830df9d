"""`mediview demo`: a study for someone who has none, followed to its result."""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.console import err, out
from api.cli.starting import start
from api.cli.studies.send import send_with_progress
from api.server.own_addresses import own_dicom_peer
from api.server.own_node import own_node
from dicom_node.peers import Peer
from dicom_node.scu import SendItem, echo
from storage.core.errors import MediViewError, NotConfigured, StorageUnavailable
from storage.settings import Settings

_POLL_S = 0.5
_FILM_PIPELINE = "film-field"
_ENDED = ("results", "delivered", "refused", "failed")


class DemoFailed(MediViewError):
    """The demo study did not come to a result."""

    code = "demo_failed"


def demo(
    template: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Another T1-weighted head, in NIfTI."),
    ] = None,
    film: Annotated[
        bool, typer.Option("--film", help="A chest film in place of the head, for film-field.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="Send it as a new study.")] = False,
    timeout_s: Annotated[float, typer.Option(help="How long to wait for the result.")] = 300.0,
) -> None:
    """Make a T1-weighted head study or a chest film, send it to the running node, wait for its
    result."""
    if film and template is not None:
        raise typer.BadParameter("--template names a head; --film draws a chest. Leave one out.")
    settings = start()
    peer = own_dicom_peer(settings)
    if not echo(peer, settings.ae_title).ok:
        raise StorageUnavailable(
            f"No node answers as {peer}.", remedy="Start it with `mediview up` in another terminal."
        )
    salt = secrets.token_hex(8) if new else ""
    if film:
        study = _film(settings, peer, salt, timeout_s)
    else:
        study = _head(settings, peer, template, salt, timeout_s)
    _tell(settings, study)
    raise typer.Exit(0 if study["state"] in ("results", "delivered") else 1)


def _head(
    settings: Settings, peer: Peer, template: Path | None, salt: str, timeout_s: float
) -> dict[str, Any]:
    """Sent and analysed as any other study."""
    from api.demo.study import (
        drawn_template,
        read_template,
        send_items,
        study_instance_uid,
        write_instances,
    )

    if template is None:
        err.print("Drawing a head: it is nobody's, and of an adult's usual size.")
        head = drawn_template()
    else:
        head = read_template(template)
    files = write_instances(head, salt)
    _send(send_items(files, head, salt), peer, settings)
    return _follow(settings, study_instance_uid(head, salt), timeout_s)


def _film(settings: Settings, peer: Peer, salt: str, timeout_s: float) -> dict[str, Any]:
    """Sent, and then the pipeline is asked for: it runs on request alone."""
    from api.demo.chest import draw_film
    from api.demo.film import send_item, series_instance_uid, study_instance_uid
    from inference.pipelines.single_images.film_field import FilmField

    err.print("Drawing a chest film: it is nobody's, and its exposed field is turned by 2°.")
    drawn = draw_film()
    _send([send_item(drawn, salt)], peer, settings)
    deadline = time.monotonic() + timeout_s
    err.print(f"Asking for {_FILM_PIPELINE}, which runs on request, once the series is complete.")
    _request(settings, series_instance_uid(drawn, salt), deadline)
    study = _follow(
        settings, study_instance_uid(drawn, salt), max(0.0, deadline - time.monotonic())
    )
    pipeline = FilmField()
    out.print(
        f"{pipeline.name} {pipeline.version}: computed without AI, unverified."
        f" {pipeline.card.intended_use}",
        markup=False,
    )
    return study


def _send(items: Sequence[SendItem], peer: Peer, settings: Settings) -> None:
    results = send_with_progress(items, peer, settings)
    refused = [result for result in results if not result.ok]
    if refused:
        raise DemoFailed(
            f"{len(refused)} of {len(results)} instances were refused: {refused[0].error}",
            remedy="`mediview doctor` tells what is wrong.",
        )


def _request(settings: Settings, series_instance_uid: str, deadline: float) -> None:
    """Ask for the pipeline once the series is complete. Raises DemoFailed."""
    wanted = {"series_instance_uid": series_instance_uid, "pipeline": _FILM_PIPELINE}
    with own_node(settings, scopes=("api:read", "api:write")) as client:
        while time.monotonic() < deadline:
            try:
                answer = client.post("/api/jobs", json=wanted)
            except httpx.TransportError as error:
                raise _no_api(client) from error
            if answer.is_success:
                return
            if answer.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
                problem = answer.json()
                raise DemoFailed(
                    f"{_FILM_PIPELINE} was not started: {problem.get('detail', answer.text)}",
                    remedy=problem.get("remedy", ""),
                )
            # Still arriving, or received and not yet in the index.
            time.sleep(_POLL_S)
    raise _too_late()


def _follow(settings: Settings, study_instance_uid: str, timeout_s: float) -> dict[str, Any]:
    """Show the study's state until it has ended. Raises DemoFailed when that takes too long."""
    url = f"/api/studies/{study_instance_uid}"
    deadline = time.monotonic() + timeout_s
    progress = Progress(
        BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err
    )
    with own_node(settings) as client, progress:
        task = progress.add_task("Waiting", total=1.0)
        while time.monotonic() < deadline:
            study = _ask(client, url)
            if study is not None:
                running = [job["progress"] for job in study["jobs"]]
                progress.update(
                    task, completed=max(running, default=0.0), description=study["state_text"]
                )
                if study["state"] in _ENDED:
                    return study
            time.sleep(_POLL_S)
    raise _too_late()


def _too_late() -> DemoFailed:
    return DemoFailed(
        "There is no result in the time that --timeout-s allows.",
        remedy="Look at the node's output; `mediview doctor` tells whether its workers run.",
    )


def _no_api(client: httpx.Client) -> NotConfigured:
    return NotConfigured(
        f"The node's API does not answer at {client.base_url}.",
        remedy="Start it with `mediview up`, or check MEDIVIEW_HTTP_PORT.",
    )


def _ask(client: httpx.Client, url: str) -> dict[str, Any] | None:
    try:
        answer = client.get(url)
    except httpx.TransportError as error:
        raise _no_api(client) from error
    if answer.status_code != httpx.codes.OK:
        return None
    study: dict[str, Any] = answer.json()
    return study


def _tell(settings: Settings, study: dict[str, Any]) -> None:
    uid = study["study_instance_uid"]
    out.print(study["state_text"], markup=False)
    with own_node(settings) as client:
        answer = client.get(f"/api/studies/{uid}/findings")
    for finding in answer.json()["items"] if answer.status_code == httpx.codes.OK else []:
        unit = (finding["unit"] or {}).get("value", "")
        value = "" if finding["value"] is None else f": {finding['value']:.1f} {unit}"
        out.print(f"  {finding['label']}{value}", markup=False)
    out.print(f"See it at {viewer_url(settings, uid)}", markup=False, soft_wrap=True)


def viewer_url(settings: Settings, study_instance_uid: str) -> str:
    """The viewer's page of one study, as a browser reaches it."""
    return f"{settings.resolved_public_url}/study/?study={study_instance_uid}"
