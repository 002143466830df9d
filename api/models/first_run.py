"""Who may let a model run that nobody has verified: what it brings has never run here."""

from api.access.confirmation import check_confirmed
from api.access.principal import Principal
from inference.model_registry.status import Standing
from storage.accounts.confirmations import Confirmations


def check_first_run(
    confirmations: Confirmations, principal: Principal, standing: Standing, verb: str
) -> None:
    """Raise ApiProblem 403 unless it is verified, or a person has just confirmed it. Blocks."""
    if standing.state == "added":
        check_confirmed(confirmations, principal, f"{verb} a model that is not verified")
