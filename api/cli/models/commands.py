"""`mediview models`: each module adds its commands to the one app, in the order of the help."""

from api.cli.models import registry, trial  # isort: skip
from api.cli.models import monitoring
from api.cli.models.app import app

__all__ = ["app", "monitoring", "registry", "trial"]
