"""Sizes, and what they are sizes of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from inference.language.guard.assertions.assertion import Assertion, Extent
from inference.language.guard.assertions.reading.clause_state import following
from inference.language.guard.assertions.reading.examination_of_size import is_prior_size
from inference.language.guard.assertions.reading.items import Item
from inference.language.guard.assertions.reading.relation_verbs import Relating
from inference.language.guard.scope import BOTH_SIDES, labels_at

# `Seen for 4 cm`, `4 cm over the hilum`
_OTHER_SIZES = frozenset("seen like from to between over above under near".split())
_ENDS = frozenset(".,;")
_DENYING = frozenset(("negation", "resolved"))


class Numbering(Relating):
    """Reads sizes."""

    def number(self, item: Item, items: Sequence[Item], position: int) -> None:
        """The size at this position: of the phrase that it leads, else of those before it."""
        behind_phrase = bool(self.phrase)
        self.close()
        self._unknown_lead(items, position)
        scope = labels_at(self.reading, item.at)
        self.doubts |= scope - _DENYING - {"recommended"}
        self.denied = self.denied or bool(scope & _DENYING)
        if any(one.comparator not in ("", "<=") or one.ranged for one in item.numbers):
            self.not_understood.append(item.text)
        extent = Extent(
            tuple(replace(one, at=0, end=0, group=-1, comparator="") for one in item.numbers),
            prior=is_prior_size(items, position),
            change=items[position - 1].text in ("by", "um") if position else False,
            greatest=any(one.comparator == "<=" for one in item.numbers),
            order=item.meaning,
            alone=_is_alone(items, position),
        )
        self.role = ""
        ahead = following(items, position)
        if _is_size_of_name(items, position):
            # `4 mm of shortening`
            self.pending.append(extent)
            self.skip_of = True
        elif (
            ahead is not None
            and not (behind_phrase and self.lead is None and not self._is_of_thing(ahead))
            and ahead.kind in ("name", "side", "symbol")
            and not self.is_relation(ahead)
        ):
            self.pending.append(extent)
        else:
            self.add_size(extent)

    def _is_of_thing(self, ahead: Item) -> bool:
        """`Ureter 4 mm stone`: of a place and a thing, it is the thing's."""
        placed = bool(self.group) and self.group[-1].form == "bare" and not self.verb
        return placed and any(one.category == "thing" for one in ahead.mentions)

    def _unknown_lead(self, items: Sequence[Item], position: int) -> None:
        """`Nonobstructing 3 mm stone`: an unknown word before a size describes what follows."""
        ahead = following(items, position)
        alone = len(self.frames) == 1 and self.group == self.frames and not self.verb
        if not alone or ahead is None or ahead.kind != "name" or self.is_relation(ahead):
            return
        frame = self.frames[0]
        if not frame.observation.startswith("word:") or frame.place or frame.trailing:
            return
        frame.attributes |= {frame.observation}
        frame.needed |= {frame.observation}
        frame.form, frame.observation = "attribute", ""
        self.lead, self.frames, self.group = frame, [], []


def shared_sizes(made: Sequence[Assertion], items: Sequence[Item]) -> list[str]:
    """That things at several places would each have the sizes of the others.

    `Cysts of 2 cm on the left and 5 cm on the right`, `metastases in the liver (2 cm) and spleen`
    """
    several = len({one.place for one in made}) > 1 or any(
        one.place.sides == BOTH_SIDES for one in made
    )
    sizes = [
        size
        for one in made[:1]
        for size in one.extents
        if not size.prior and not size.change and size.axes[0].unit.dimension == "mm"
    ]
    shared = len(sizes) > 1 and (several or _alternate(items))
    shared = shared or (several and bool(sizes) and _is_behind_one_place(items))
    return ["which size is of which place"] if shared else []


def _alternate(items: Sequence[Item]) -> bool:
    """Whether two sizes and two places take turns."""
    kinds = ["n" if one.kind == "number" else "p" for one in items if _tells_where(one)]
    turns = "".join(kind for kind, _ in itertools.groupby(kinds))
    return "npnp" in turns or "pnpn" in turns


def _tells_where(item: Item) -> bool:
    return item.kind == "number" or _is_place(item)


def _is_behind_one_place(items: Sequence[Item]) -> bool:
    for position, item in enumerate(items):
        before = [one for one in items[:position] if one.text not in ("(", ",")][-1:]
        ahead = items[position + 1 :]
        if item.kind == "number" and any(map(_is_place, before)) and any(map(_is_place, ahead)):
            return True
    return False


def _is_place(item: Item) -> bool:
    return item.kind == "side" or any(one.category == "anatomy" for one in item.mentions)


def _is_alone(items: Sequence[Item], position: int) -> bool:
    """`Aorta 4 cm.`, `the aorta measures 4 cm, no dissection`; not `4 cm below`, `for 4 cm`."""
    if any(one.classes & _OTHER_SIZES for one in items):
        return False
    ahead = items[position + 1 : position + 2]
    before = items[position - 1] if position else None
    led = before is not None and (
        before.kind in ("name", "side") or bool(before.classes & {"be", "measure"})
    )
    return led and all(one.kind == "mark" and one.text in _ENDS for one in ahead)


def _is_size_of_name(items: Sequence[Item], position: int) -> bool:
    ahead = items[position + 1 : position + 3]
    return (
        len(ahead) == 2
        and ahead[0].text in ("of", "von")
        and ahead[1].kind == "name"
        and any(one.category == "thing" for one in ahead[1].mentions)
    )
