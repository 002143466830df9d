"""Categories by a rule over lesions that another pipeline found: no network, and no AI."""

from dataclasses import replace

from inference.models.card import Proof
from inference.pipeline import Category, PipelineContext, PipelineOutput
from inference.pipelines.added_model import AddedModel
from inference.refusals import ModelUnusable
from inference.result_rules.assessment import (
    KIND,
    Assessment,
    LesionFacts,
    assess,
    facts_of,
    overall,
)
from inference.result_rules.card import NOT_ASSESSABLE, SIZES, RuleDescription
from storage.core.caveats import Caveat
from storage.core.errors import InvalidRequest
from storage.core.findings import Code

RULE_FAMILY = Code("RULE", "99MEDIVIEW", "Rule over stated values")
"""PS3.16 CID 7162 has no family for it."""
NOT_ASSESSABLE_CODE = Code("NOTASSESSABLE", "99MEDIVIEW", "Not assessable")


class ResultRule(AddedModel):
    """`rule-NAME` in the catalogue."""

    def __init__(self, model: RuleDescription) -> None:
        super().__init__(model)
        self._rule = model.card.rule
        self.card = replace(self.card, family=RULE_FAMILY)
        # A lesion that the images cut off is not assessable, and the others are.
        self.inputs = tuple(
            one
            if one.result_of is None
            else replace(one, result_of=replace(one.result_of, only_sound=False))
            for one in self.inputs
        )

    def prove(self) -> Proof:
        """The rule gives each example of its card the category that the card states.

        Raises ModelUnusable.
        """
        self._verify()
        for number, one in enumerate(self._rule.examples, start=1):
            names = (*SIZES, *self._rule.measures)
            unknown = dict.fromkeys((KIND, *names), "the example does not state it")
            facts = LesionFacts("example", one.kind or "", one.facts, unknown)
            found = assess(self._rule, facts)
            given = NOT_ASSESSABLE if found.category is None else found.category.category
            if given != one.category:
                raise ModelUnusable(
                    f"Example {number} of {self.title} is {one.category} by its card, and {given}"
                    f" by the rule ({found.reason}).",
                    remedy="Correct the card.",
                )
        count = len(self._rule.examples)
        return Proof(
            {"examples": float(count)}, f"{count} examples of the card have their category."
        )

    def run(self, context: PipelineContext) -> PipelineOutput:
        """A category of each lesion, and the most severe of all; "not assessable" where a fact
        is missing that decides. Raises InvalidRequest."""
        (role,) = [one for one in self.inputs if one.result_of is not None]
        given = context.results.get(role.name)
        if given is None:
            raise InvalidRequest(f"{self.name} was given no {role.title}.")
        self._verify()
        labels = [one.label for one in given.lesions]
        of_lesions = {
            one.label
            if labels.count(one.label) == 1
            else f"{one.label} (segment {one.segment_number})": assess(
                self._rule, facts_of(self._rule, one, given.findings)
            )
            for one in given.lesions
        }
        caveats = given.caveats
        total = overall(self._rule, of_lesions, given.findings)
        categories = [self._category("", total, caveats)]
        categories += [self._category(label, one, caveats) for label, one in of_lesions.items()]
        return PipelineOutput(
            categories=tuple(categories),
            parameters=(
                f"rule source={self._rule.source}",
                *(f"{one.label}: {one.reason}" for one in categories),
            ),
            notes=tuple(f"{one.label}: {one.reason}" for one in categories),
        )

    def _category(self, lesion: str, found: Assessment, caveats: tuple[Caveat, ...]) -> Category:
        stated = found.category
        subject = f"{lesion}, {self._rule.scale}" if lesion else self._rule.scale
        because = "because " if stated is None else ""
        source = self._rule.source.rstrip(".")
        return Category(
            subject=subject,
            label=f"{subject}: {NOT_ASSESSABLE if stated is None else stated.category}",
            code=NOT_ASSESSABLE_CODE if stated is None else Code(*stated.code),
            reason=f"By rule, {because}{found.reason}. {self._rule.scale}: {source}.",
            caveats=caveats,
        )
