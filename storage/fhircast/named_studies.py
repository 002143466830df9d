"""Studies of this node by the values that an event names."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select

from storage import tables as t
from storage.core.accession_issuers import AccessionIssuer
from storage.db.portions import in_portions


def studies_of_uids(connection: Connection, uids: set[str]) -> Mapping[str, set[str]]:
    """By the UID of a study, also of one that is only ordered, of a series or of an instance."""
    study, series, instance, ordered = (
        t.study.c,
        t.series.c,
        t.instance.c,
        t.study_group.c.study_instance_uid,
    )
    of_series = t.series.join(t.study, series.study_fk == study.id)
    of_instance = t.instance.join(of_series, instance.series_fk == series.id)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for some in in_portions(uids):
        own = study.study_instance_uid
        for query in (
            select(own, own).where(own.in_(some)),
            select(ordered, ordered).where(ordered.in_(some)),
            select(series.series_instance_uid, own)
            .select_from(of_series)
            .where(series.series_instance_uid.in_(some)),
            select(instance.sop_instance_uid, own)
            .select_from(of_instance)
            .where(instance.sop_instance_uid.in_(some)),
        ):
            _collect(connection, query, found)
    return found


def studies_of_ids(connection: Connection, ids: Iterable[str]) -> Mapping[str, set[str]]:
    """By the ids of what the node's own FHIR shows: reports, results and observations."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for some in in_portions(one for one in ids if _is_uuid(one)):
        for column, study in (
            (t.report.c.report_id, t.report.c.study_instance_uid),
            (t.job.c.job_id, t.job.c.study_instance_uid),
            (t.finding.c.finding_id, t.finding.c.study_instance_uid),
        ):
            query = select(column, study).where(column.in_(some), study != "")
            _collect(connection, query, found)
    return found


def studies_of_numbers(
    connection: Connection, numbers: Iterable[tuple[str, AccessionIssuer]]
) -> Mapping[tuple[str, AccessionIssuer], set[str]]:
    """All that have one of these accession numbers, none of another issuer's."""
    issuers: defaultdict[str, list[AccessionIssuer]] = defaultdict(list)
    for number, issuer in numbers:
        issuers[number].append(issuer)
    found: defaultdict[tuple[str, AccessionIssuer], set[str]] = defaultdict(set)
    for some in in_portions(issuers):
        for table in (t.study.c, t.worklist_item.c):
            query = select(
                table.study_instance_uid,
                table.accession_number,
                table.accession_number_namespace,
                table.accession_number_system,
            ).where(table.accession_number.in_(some), table.study_instance_uid != "")
            for uid, number, namespace, system in connection.execute(query):
                own = AccessionIssuer(namespace, system)
                for issuer in issuers[number]:
                    if not issuer.is_other_than(own):
                        found[number, issuer].add(uid)
    return found


def _collect(connection: Connection, query: Select[Any], found: defaultdict[str, set[str]]) -> None:
    for row in connection.execute(query):
        found[row[0]].add(row[1])


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
