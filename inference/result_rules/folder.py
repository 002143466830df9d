"""A folder that holds a rule: its card alone."""

from pathlib import Path

from inference.models.cards.card_file import CARD_FILE, parsed, stated_in
from inference.models.description import slug
from inference.models.model_folders import install
from inference.result_rules.card import RuleCard, RuleDescription
from storage.settings import Settings


def is_rule(folder: Path) -> bool:
    """Whether the card in a folder states a rule."""
    return "rule" in stated_in(folder)


def describe_rule(folder: Path) -> RuleDescription:
    """Read the card of a rule. Raises InvalidRequest naming what is wrong."""
    card = parsed(RuleCard, folder / CARD_FILE)
    rule = card.rule
    return RuleDescription(
        folder=folder,
        inference_file=None,
        prefix="rule",
        name=slug(rule.name),
        version=rule.version,
        title=card.title or rule.name,
        description=f"{rule.scale} by a rule: {rule.source}",
        licence=card.licence or "not stated",
        intended_use=card.intended_use,
        modality="",
        labels={},
        background=None,
        card=card,
    )


def add_rule(settings: Settings, folder: Path) -> RuleDescription:
    """Copy the card to where models lie. Raises InvalidRequest."""
    found = describe_rule(folder)
    place = f"{found.name}@{found.version}"
    return describe_rule(install(settings, folder, place, [folder / CARD_FILE], keep_digests=True))
