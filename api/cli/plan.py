"""`mediview plan`: how many hosts of which kind a day's studies need, from measured costs."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from api.cli.console import out
from api.planning.costs import Costs, measured_costs
from api.planning.load import MODALITIES, USUAL_MIX, Load, parse_shares
from api.planning.sizing import GIB, Plan, Site, plan

_MBIT = 1_000_000
_TB = 1_000_000_000_000
_GB = 1_000_000_000


def plan_hosts(
    studies_per_day: Annotated[int, typer.Option(help="On a busy working day.")],
    mix: Annotated[
        str, typer.Option(help=f"Percent of studies by modality: {', '.join(MODALITIES)}.")
    ] = USUAL_MIX,
    pipelines: Annotated[
        str, typer.Option(help="Percent of studies on which each runs: lung-density=10,…")
    ] = "",
    peak_hour: Annotated[float, typer.Option(help="Percent of the studies in one hour.")] = 12,
    read: Annotated[float, typer.Option(help="Percent of the studies that are read here.")] = 100,
    sent: Annotated[float, typer.Option(help="Percent that go on to other systems.")] = 0,
    cores: Annotated[int, typer.Option(help="Of each host.")] = 16,
    memory_gib: Annotated[int, typer.Option(help="Of each host.")] = 64,
    spare_hosts: Annotated[int, typer.Option(help="That may be away in the busiest hour.")] = 1,
    utilisation: Annotated[float, typer.Option(help="Percent of the cores in use.")] = 60,
    outage_hours: Annotated[float, typer.Option(help="Without the bucket, still receiving.")] = 12,
    cached_days: Annotated[float, typer.Option(help="On local disks, beside the bucket.")] = 7,
    years: Annotated[float, typer.Option(help="In the bucket and the index.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Say how many hosts, cores, disks and how much bandwidth a day's studies need.

    The costs were measured on machines without a GPU; each is named with its command and date. What
    a study is like, by modality, is assumed. Needs neither a node nor a database.
    """
    costs = measured_costs()
    load = Load(
        studies_per_day,
        parse_shares(mix, tuple(MODALITIES), "modality"),
        parse_shares(pipelines, costs.pipelines, "pipeline"),
        peak_hour,
        read,
        sent,
    )
    site = Site(cores, memory_gib, spare_hosts, utilisation, outage_hours, cached_days, years)
    found = plan(load, site, costs)
    if as_json:
        typer.echo(json.dumps(found.payload()))
        return
    for line in (*_figures(found, site), "", *_assumptions(load, site), "", *_sources(costs)):
        out.print(line, soft_wrap=True, markup=False, highlight=False)


def _figures(found: Plan, site: Site) -> Iterator[str]:
    yield (
        f"Hosts: {found.hosts} with {site.cores_per_host} cores and {site.memory_per_host_gib} GiB,"
        f" of which {site.spare_hosts} may be away"
    )
    yield f"Instances: {found.instances_per_day:,.0f} a day, {_rate(found.peak_instances_per_s)}"
    yield f"Bytes: {found.bytes_per_day / _GB:,.1f} GB a day"
    yield f"Cores in the busiest hour: {found.cores:,.1f} at {site.utilisation_percent:g}% use"
    for name, value in (
        ("receiving", found.receiving_cores),
        ("copying to the bucket", found.copying_cores),
        ("headers and decisions", found.deciding_cores),
        ("readers", found.serving_cores),
        ("other systems", found.sending_cores),
        ("pipelines", found.pipeline_cores),
    ):
        yield f"  {name}: {value:,.2f} in use"
    yield (
        f"Memory: {found.memory_bytes / GIB:,.1f} GiB in all,"
        f" {found.pipeline_processes} processes of pipelines among it"
    )
    yield f"Disk of each host: {found.local_disk_bytes_per_host / _TB:,.2f} TB"
    yield f"Bucket: {found.bucket_bytes / _TB:,.1f} TB in {site.years:g} years"
    yield f"Database: {found.database_bytes / _GB:,.1f} GB in {site.years:g} years"
    for name, value in (
        ("in", found.incoming_bits_per_s),
        ("to the bucket", found.bucket_bits_per_s),
        ("to readers", found.reading_bits_per_s),
        ("to other systems", found.sending_bits_per_s),
    ):
        yield f"Network {name}, busiest hour: {value / _MBIT:,.0f} Mbit/s"


def _rate(per_s: float) -> str:
    return f"{per_s:,.1f} a second in the busiest hour"


def _assumptions(load: Load, site: Site) -> Iterator[str]:
    yield "Assumed:"
    for name, percent in load.mix.items():
        usual = MODALITIES[name]
        yield (
            f"  {name}, {percent:g}%: {usual.instances:,} instances of"
            f" {usual.bytes_per_instance / 1e6:g} MB a study"
        )
    yield (
        f"  {load.peak_hour_percent:g}% of the studies in the busiest hour, {load.read_percent:g}%"
        f" read here, {load.sent_percent:g}% sent on"
    )
    yield (
        f"  {site.cached_days:g} days and {site.outage_hours:g} hours without the bucket on local"
        " disks; nothing is compressed; results, and copies that the bucket makes, come on top"
    )
    yield "  PostgreSQL, Redis and the bucket have machines of their own; no GPU"


def _sources(costs: Costs) -> Iterator[str]:
    yield "Measured:"
    for cost in costs.measured.values():
        yield (
            f"  {cost.what}: {cost.value:g} {cost.unit} ({cost.command}; {cost.machine};"
            f" {cost.date}, {cost.commit})"
        )
