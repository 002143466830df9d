"""The description of the API (OpenAPI 3.1), made fit for generators."""

from api.openapi.description import install_description

__all__ = ["install_description"]
