"""Whether accession numbers are of one issuer, as conditions of a statement.

Rows are of studies or of orders. As `AccessionIssuer.is_other_than` has it: those that cannot be
compared, since one states no issuer, may be of one.
"""

from sqlalchemy import ColumnElement, FromClause, and_, case, exists, or_

from storage import tables as t
from storage.core.accession_issuers import AccessionIssuer


def may_share_issuer(one: FromClause, other: FromClause) -> ColumnElement[bool]:
    return _may_be_one(
        one.c.accession_number_namespace,
        one.c.accession_number_system,
        other.c.accession_number_namespace,
        other.c.accession_number_system,
    )


def may_be_issued_by(row: FromClause, issuer: AccessionIssuer) -> ColumnElement[bool]:
    namespace, system = row.c.accession_number_namespace, row.c.accession_number_system
    conditions = []
    if issuer.namespace:
        conditions.append(namespace.in_(("", issuer.namespace)))
    if not issuer.system:
        return and_(True, *conditions)
    return case((system != "", system == issuer.system), else_=and_(True, *conditions))


def may_share_issuer_of_study(row: FromClause, study_instance_uid: str) -> ColumnElement[bool]:
    """As the study states it, whose number is that of the row; of one that is not here nobody
    knows it."""
    study = t.study.alias()
    return ~(
        exists()
        .where(
            study.c.study_instance_uid == study_instance_uid,
            study.c.accession_number == row.c.accession_number,
            ~may_share_issuer(study, row),
        )
        .correlate(row)
    )


def _may_be_one(
    namespace: ColumnElement[str],
    system: ColumnElement[str],
    other_namespace: ColumnElement[str],
    other_system: ColumnElement[str],
) -> ColumnElement[bool]:
    by_name = or_(namespace == "", other_namespace == "", namespace == other_namespace)
    return case((and_(system != "", other_system != ""), system == other_system), else_=by_name)
