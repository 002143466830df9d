"""What each role's account may do in PostgreSQL: everything with the rows of `_WORK`, with those
of other tables what is named here, and nothing with a table that is not listed.

The owner of the tables alone changes the schema. The accounts are `mediview_scp`, `mediview_api`,
`mediview_worker` (which runs models), and `mediview_control` (worker-control, beat and hl7).
`tests/storage/db/test_grants.py` runs the roles with them.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from sqlalchemy import Connection, text

from storage import tables as t
from storage.core.errors import InvalidRequest

Role = Literal["scp", "api", "worker", "control"]
_Privileges = tuple[str, ...]

_ALL: _Privileges = ("SELECT", "INSERT", "UPDATE", "DELETE")
_READ: _Privileges = ("SELECT",)
_NONE: _Privileges = ()
# Counting looks of a minute changes one column; what is written is never changed otherwise.
_APPEND: _Privileges = ("SELECT", "INSERT", "UPDATE (occurrences)")

_CREDENTIALS = (
    *("account", "api_key", "session", "second_factor", "recovery_code", "failed_attempt"),
    *("preference", "idempotency_key", "shown_name", "logout_token"),
)
_WHO_SEES_WHAT = ("access_group", "access_group_member", "access_state", "emergency_access")
# Whose pseudonyms these are: of those who speak to strangers or run models nobody has to know.
_PROJECTS = ("project", "project_study", "project_export", "project_export_instance")
_PATIENTS = ("patient_change", "patient_message")
_MODELS = ("model_state", "model_change", "model_package")
_RULES = ("rule_version",)
_OF_PAGES = ("report_template",)
# Who listens, with the hashes of secret addresses.
_LISTENERS = ("fhircast_subscription", "fhircast_topic")
_WORK = (
    *("alert", "availability_notice", "breaker", "clock_step", "commitment_report"),
    *("commitment_request", "component", "conflict", "conflict_copy"),
    *("damaged_instance", "decision"),
    *(
        "discarded_content",
        "delivery",
        "dimse_traffic",
        "disk_sample",
        "drift_alert",
        "drift_baseline",
    ),
    *("drift_observation", "event", "expectation", "feedback_report", "finding"),
    *("former_study_group", "gone_work_item", "gpu_memory", "heartbeat", "hl7_message"),
    *("instance", "job", "job_input", "lesion", "lesion_match", "node_condition"),
    *("fhircast_context", "fhircast_event", "interactive_session"),
    *("order_due", "patient", "procedure_step"),
    *("patient_change", "patient_message", "peer_notification", "prior_due", "prior_fetch"),
    *("prior_pause",),
    *("prior_search",),
    *("received_patient", "rejection", "rejection_note", "report_due", "result_due"),
    *("retention_state", "retrospective_run", "retrospective_study"),
    *("refused_row", "scrub", "series", "series_try"),
    *("series_request", "shadow_run", "stage_time", "trace_position"),
    *("study", "study_confirmation", "study_group", "study_retention", "study_sender"),
    *("study_use", "subscriber", "subscription", "tombstone", "unreadable_instance", "volume"),
    *("generated_instance", "uncopied_deletion", "unwritten_tombstone"),
    *("host", "host_key", "deletion_number"),
    *("webhook_delivery", "work_item", "work_item_study", "worklist_item"),
)
# A process notes its host, and which keys the first one had; nobody but the owner forgets any.
_HOSTS = {"host": ("SELECT", "INSERT", "UPDATE"), "host_key": ("SELECT", "INSERT")}
# What people state of findings, and which models they try, comes through the API alone; others note
# what became of it.
_ASKED_BY_PEOPLE = {
    "finding_feedback": ("SELECT", "UPDATE (is_reported)", "DELETE"),
    "model_trial": ("SELECT", "UPDATE", "DELETE"),
}
# Of what is gone with an order or a study; into groups a study comes by the rules, or by
# administrators.
_LEAVES: _Privileges = ("SELECT", "DELETE")
_UNSIGNED = ("draft", "preliminary")
# What the node notes beside a signed text: what came after it, and what a model made of its draft.
_NOTED_BESIDE = (
    *("attention", "attention_at", "proposal", "proposal_digest"),
    *("superseded_at", "updated_at", "words"),
)
_AUDIT = {"audit_event": _APPEND, "audit_subject": ("SELECT", "INSERT"), "audit_chain": _READ}


def _each(names: tuple[str, ...], privileges: _Privileges) -> dict[str, _Privileges]:
    return dict.fromkeys(names, privileges)


EXCEPTIONS: Mapping[Role, Mapping[str, _Privileges]] = {
    "scp": {
        **_each((*_CREDENTIALS, *_OF_PAGES), _NONE),
        **_each((*_WHO_SEES_WHAT, *_MODELS, *_RULES, "peer", "legal_hold", *_PATIENTS), _READ),
        **_each((*_PROJECTS, *_LISTENERS), _NONE),
        **_each(
            ("webhook", "fhir_subscription", "answer", "passage", "report", "report_version"),
            _NONE,
        ),
        **_each(("upload", "webhook_delivery", "model_trial", "last_backup"), _NONE),
        "finding_feedback": _LEAVES,
        **_HOSTS,
        "study_group": _LEAVES,
        "shared_view": _LEAVES,
        **_AUDIT,
    },
    # Backups are taken by the owner of the tables, and their time is shown.
    "api": {"last_backup": _READ, **_AUDIT},
    "worker": {
        **_each((*_CREDENTIALS, *_OF_PAGES), _NONE),
        **_each((*_WHO_SEES_WHAT, *_RULES, "peer", "legal_hold", *_PATIENTS), _READ),
        # Each host runs what stands there.
        **_each(("webhook", "fhir_subscription", "model_package"), _READ),
        **_each((*_PROJECTS, *_LISTENERS, "last_backup"), _NONE),
        # It writes drafts, and may sign none (`_only_people_sign`).
        **_each(("report", "report_version"), ("SELECT", "INSERT", "UPDATE")),
        **_ASKED_BY_PEOPLE,
        **_HOSTS,
        "study_group": _LEAVES,
        "shared_view": _LEAVES,
        # A first proof and a failed self-test are noted (`_only_people_activate`).
        "model_state": ("SELECT", "INSERT", "UPDATE"),
        "model_change": ("SELECT", "INSERT"),
        **_AUDIT,
    },
    "control": {
        **_each((*_CREDENTIALS, *_OF_PAGES), _NONE),
        # It removes expired keys, and ends emergency access, for which it locks the row.
        "idempotency_key": ("SELECT", "DELETE"),
        "emergency_access": ("SELECT", "UPDATE (group_id)"),
        # Whose webhooks are paused; of no credential.
        "api_key": ("SELECT (key_id, revoked_at, expires_at)",),
        "account": ("SELECT (name, roles, disabled)",),
        **_each(("peer", "legal_hold", *_MODELS), _READ),
        "last_backup": _NONE,
        **_ASKED_BY_PEOPLE,
        "shared_view": _LEAVES,
        # A file that was edited becomes a version.
        **_each(_RULES, ("SELECT", "INSERT")),
    },
}
"""The rights of each role to tables to which it has not all of them."""

LISTED = frozenset((*_WORK, *_LISTENERS, *_ASKED_BY_PEOPLE)).union(*EXCEPTIONS.values())
"""To a table that is not named here nobody has a right."""


def rights(role: Role) -> Iterator[tuple[str, _Privileges]]:
    """Every table, and what the role may do in it."""
    for name in sorted(t.metadata.tables):
        yield name, EXCEPTIONS[role].get(name, _ALL if name in LISTED else _NONE)


def account_of(role: Role) -> str:
    return f"mediview_{role}"


def grant_all(connection: Connection) -> list[str]:
    """Give the accounts that there are their rights, and take all others; their names.

    By the owner of the tables, after each migration. Raises InvalidRequest on SQLite.
    """
    if connection.dialect.name != "postgresql":
        raise InvalidRequest(
            "SQLite has no accounts.", remedy="Set MEDIVIEW_DATABASE_URL to PostgreSQL first."
        )
    known = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
    found = [role for role in EXCEPTIONS if account_of(role) in known]
    for role in found:
        account = account_of(role)
        for what in ("TABLES", "SEQUENCES"):
            connection.execute(text(f"REVOKE ALL ON ALL {what} IN SCHEMA public FROM {account}"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {account}"))
        connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {account}"))
        connection.execute(text(f"GRANT SELECT ON alembic_version TO {account}"))
        for table, privileges in rights(role):
            if privileges:
                granted = ", ".join(privileges)
                connection.execute(text(f'GRANT {granted} ON "{table}" TO {account}'))
    _only_people_sign(connection)
    _only_people_activate(connection)
    return [account_of(role) for role in found]


def _only_people_sign(connection: Connection) -> None:
    """Have the database refuse what the account of those who run models signs, and what it changes
    of a signed text, whose it is and that it is signed: people sign, through the API."""
    unsigned = ", ".join(f"'{state}'" for state in _UNSIGNED)
    noted = ", ".join(f"'{column}'" for column in _NOTED_BESIDE)
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION mediview_only_people_sign() RETURNS trigger"
            f"""
            LANGUAGE plpgsql AS $$
            BEGIN
                IF current_user <> '{account_of("worker")}' THEN
                    RETURN NEW;
                END IF;
                IF NEW.state NOT IN ({unsigned}) AND TG_OP = 'INSERT'
                    OR TG_OP = 'UPDATE' AND (
                        OLD.state NOT IN ({unsigned}) OR NEW.state NOT IN ({unsigned})
                    ) AND to_jsonb(NEW) - ARRAY[{noted}] <> to_jsonb(OLD) - ARRAY[{noted}]
                THEN
                    RAISE insufficient_privilege USING MESSAGE = 'Only people sign reports.';
                END IF;
                RETURN NEW;
            END $$
            """
        )
    )
    for table in ("report", "report_version"):
        connection.execute(
            text(
                f"CREATE OR REPLACE TRIGGER only_people_sign BEFORE INSERT OR UPDATE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION mediview_only_people_sign()"
            )
        )


def _only_people_activate(connection: Connection) -> None:
    """Have the database refuse that the account of those who run models puts one to work.

    It takes out of use what fails its self-test, and a version whose place another one of the
    release takes. A model of the release has no row until its first proof, which is noted then.
    """
    connection.execute(
        text(
            "CREATE OR REPLACE FUNCTION mediview_only_people_activate() RETURNS trigger"
            f"""
            LANGUAGE plpgsql AS $$
            BEGIN
                IF current_user = '{account_of("worker")}'
                    AND NEW.state NOT IN ('added', 'retired')
                    AND (
                        TG_OP = 'INSERT' AND NEW.state <> 'active'
                        OR TG_OP = 'UPDATE' AND (
                            NEW.state <> OLD.state OR NEW.name <> OLD.name
                            OR NEW.version <> OLD.version
                        )
                    )
                THEN
                    RAISE insufficient_privilege USING MESSAGE = 'Only people put a model to work.';
                END IF;
                RETURN NEW;
            END $$
            """
        )
    )
    connection.execute(
        text(
            "CREATE OR REPLACE TRIGGER only_people_activate BEFORE INSERT OR UPDATE ON model_state"
            " FOR EACH ROW EXECUTE FUNCTION mediview_only_people_activate()"
        )
    )
