"""Rows that a crash of the database's server took: they come back before anything is deleted.

Else they would come back after it, and a study that was deleted and acknowledged with them.
"""

from typing import Protocol

from storage.core.errors import StorageUnavailable


class Recovery(Protocol):
    """See `storage.reconciliation.crash_recovery`."""

    @property
    def is_due(self) -> bool:
        """Whether the server may have crashed, and rows are missing perhaps."""
        ...

    def run_if_due(self) -> bool:
        """Whether it was due, and rows are back."""
        ...


def check_no_rows_are_lost(recovery: Recovery) -> None:
    """Asked once the database has answered, when any crash before that is known.

    Raises StorageUnavailable.
    """
    if recovery.is_due:
        raise StorageUnavailable(
            "The database server was restarted just now; rows of instances may be missing yet.",
            remedy="Try again: they are brought back first.",
        )
