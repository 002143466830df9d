"""Critical findings in a text, and which of them another text leaves out."""

from inference.language.critical.concepts import Category, Concept, concepts
from inference.language.critical.omissions import Omission, omitted
from inference.language.critical.reading import Critical, criticals_of
from inference.language.critical.status import Status

__all__ = [
    "Category",
    "Concept",
    "Critical",
    "Omission",
    "Status",
    "concepts",
    "criticals_of",
    "omitted",
]
