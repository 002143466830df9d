"""Reading a template as IHE's Management of Radiology Report Templates has it (RAD TF-3 4.105):
the HTML of radreport.org.

What it lets a reader choose or fill in becomes an open field (`storage.reports.open_fields`); what
it prescribes stays text. Scripts, styles, images and addresses are left out.
"""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from api.errors import ApiProblem
from storage.report_templates.entities import TemplateSection, TemplateText
from storage.reports.entities import SectionKind

MOST_CHARACTERS = 256 * 1024
# Each unfinished one has the parser look to the end of the text again.
_MOST_UNFINISHED = 100
_UNFINISHED = re.compile(r"<[!?/]?(?=[^<>]*(?:<|\Z))")
_MOST_SECTIONS = 20
_MOST_SECTION_CHARACTERS = 8000
_LEFT_OUT = frozenset({"script", "style", "title", "svg", "object", "template"})
_ENDS_LINE = frozenset(
    {"p", "div", "br", "li", "tr", "section", "header", "table", "ul", "ol", "h1", "h2", "h3"}
)
_BLANK = re.compile(r"[ \t\r\f\v\u00a0]+")
_BEFORE_SIGN = re.compile(r"(?<=\]) ([.,;:)])")
_NO_BRACKETS = str.maketrans("[]|", "()/")

# Words of a section's name, and what it is in a report; the first that fits.
_KINDS: tuple[tuple[SectionKind, tuple[str, ...]], ...] = (
    ("impression", ("impression", "conclusion", "beurteilung", "assessment", "summary")),
    ("findings", ("finding", "befund", "observation")),
    ("comparison", ("comparison", "vergleich", "prior")),
    ("indication", ("indication", "clinical", "history", "indikation", "anamnese", "klinisch")),
    ("technique", ("technique", "procedure", "protocol", "technik", "contrast", "untersuchung")),
)
# What titles begin with, and Modality (0008,0060); CR and DX are both films.
_MODALITIES: dict[str, tuple[str, ...]] = {
    "ct": ("CT",),
    "cta": ("CT",),
    "mr": ("MR",),
    "mri": ("MR",),
    "mra": ("MR",),
    "mrt": ("MR",),
    "us": ("US",),
    "ultrasound": ("US",),
    "sonography": ("US",),
    "sonographie": ("US",),
    "xr": ("CR", "DX"),
    "x-ray": ("CR", "DX"),
    "radiograph": ("CR", "DX"),
    "röntgen": ("CR", "DX"),
    "mammography": ("MG",),
    "mammogram": ("MG",),
    "mammographie": ("MG",),
    "pet": ("PT",),
    "nm": ("NM",),
    "fluoroscopy": ("RF",),
    "angiography": ("XA",),
}


def read_mrrt(html: str) -> TemplateText:
    """Raises ApiProblem 422 for what has no section of a report, or is larger than is read."""
    if len(_UNFINISHED.findall(html)) > _MOST_UNFINISHED:
        raise _unusable("It has hundreds of tags that do not end.")
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    # So Python's parser refuses a marked section or a declaration that HTML does not know.
    except AssertionError as error:
        raise _unusable("It has a declaration, '<![' or '<!', that cannot be read.") from error
    sections = [each for each in reader.sections() if each.text]
    if not sections:
        raise _unusable("It has no <section> with a text.")
    if len(sections) > _MOST_SECTIONS:
        raise _unusable(f"It has {len(sections)} sections; {_MOST_SECTIONS} are taken.")
    for each in sections:
        if len(each.text) > _MOST_SECTION_CHARACTERS:
            raise _unusable(
                f"The section {each.heading} has {len(each.text)} characters;"
                f" {_MOST_SECTION_CHARACTERS} are taken."
            )
    title = reader.meta.get("dcterms.title") or reader.title
    return TemplateText(
        title=_one_line(title)[:200] or sections[0].heading,
        language=_language(reader.meta.get("dcterms.language") or reader.language),
        modalities=_modalities(title),
        body_parts=(),
        sections=tuple(sections),
        source=_one_line(reader.meta.get("dcterms.identifier", ""))[:200],
    )


@dataclass
class _Section:
    name: str
    pieces: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.meta: dict[str, str] = {}
        self.title = ""
        self.language = ""
        self._sections: list[_Section] = []
        self._within: list[_Section] = []
        """Of nested sections the inner one last; the outer one goes on after it."""
        self._ignored: list[str] = []
        self._header: list[str] | None = None
        self._choices: list[str] | None = None
        self._choice: list[str] | None = None
        self._area: list[str] | None = None
        self._is_title = False
        self._box = ""

    def sections(self) -> list[TemplateSection]:
        found = []
        for one in self._sections:
            written = _BEFORE_SIGN.sub(r"\1", "".join(one.pieces))
            lines = [_one_line(line) for line in written.split("\n")]
            text = "\n".join(line for line in lines if line)
            heading = _one_line(one.name)[:200] or "Findings"
            found.append(TemplateSection(heading, _kind(heading), text))
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = known.get("lang", "")
        elif tag == "meta":
            self.meta.setdefault(known.get("name", "").casefold(), known.get("content", ""))
        elif tag == "title":
            self._is_title = True
        if tag in _LEFT_OUT:
            self._ignored.append(tag)
        elif not self._ignored:
            self._open(tag, known)

    def _open(self, tag: str, known: dict[str, str]) -> None:
        if tag == "section":
            section = _Section(known.get("data-section-name", ""))
            self._sections.append(section)
            self._within.append(section)
        elif tag == "header":
            self._header = []
        elif tag == "select":
            self._choices = []
        elif tag == "option":
            self._end_choice()
            self._choice = []
        elif tag == "textarea":
            self._area = []
        elif tag == "input":
            self._put(self._field(known))
        if tag in _ENDS_LINE:
            self._put("\n")

    def _field(self, known: dict[str, str]) -> str:
        kind = known.get("type", "text").casefold()
        value = known.get("value", "").translate(_NO_BRACKETS)
        if kind in ("checkbox", "radio"):
            # What is checked is stated, and else left out.
            self._box = value or known.get("name", "").translate(_NO_BRACKETS)
            return f" [{_one_line(self._box)}|] "
        if kind in ("hidden", "button", "submit", "reset", "image", "file"):
            return ""
        units = known.get("data-field-units", "").translate(_NO_BRACKETS)
        if kind != "number" and value:
            return f" {value} "
        return f" [___{' ' if units else ''}{_one_line(units)}] "

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._is_title = False
        if tag in _LEFT_OUT:
            if tag in self._ignored:
                self._ignored.remove(tag)
            return
        if self._ignored:
            return
        if tag == "header" and self._header is not None:
            name = _one_line(" ".join(self._header))
            self._header = None
            if self._within and not self._within[-1].name:
                self._within[-1].name = name
        elif tag == "select" and self._choices is not None:
            self._end_choice()
            choices = list(dict.fromkeys(self._choices))
            self._choices = None
            if choices:
                self._put(f" [{'|'.join(choices)}{'|' if len(choices) == 1 else ''}] ")
        elif tag == "option":
            self._end_choice()
        elif tag == "textarea" and self._area is not None:
            text = "".join(self._area).translate(_NO_BRACKETS).strip()
            self._area = None
            self._put(text or " [___] ")
        elif tag == "section" and self._within:
            self._within.pop()
        if tag in _ENDS_LINE:
            self._put("\n")

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.title += data
        if self._ignored:
            return
        plain = data.translate(_NO_BRACKETS)
        if self._header is not None:
            self._header.append(plain)
        elif self._choice is not None:
            self._choice.append(plain)
        elif self._area is not None:
            self._area.append(data)
        elif self._choices is None:
            # A line of the source is no line of the text.
            words = plain.replace("\n", " ")
            stated = _one_line(words)
            box, self._box = self._box, "" if stated else self._box
            # The label of the box just before it stands in the field.
            if not stated or stated != _one_line(box):
                self._put(words)

    def _end_choice(self) -> None:
        if self._choice is not None and self._choices is not None:
            self._choices.append(_one_line(" ".join(self._choice)))
        self._choice = None

    def _put(self, text: str) -> None:
        if self._within:
            self._within[-1].pieces.append(text)


def _one_line(text: str) -> str:
    return _BLANK.sub(" ", text.replace("\n", " ")).strip()


def _kind(heading: str) -> SectionKind:
    folded = heading.casefold()
    for kind, words in _KINDS:
        if any(word in folded for word in words):
            return kind
    return "findings"


def _language(stated: str) -> str:
    code = stated.strip().casefold()[:2]
    return code if re.fullmatch(r"[a-z]{2}", code) else "en"


def _modalities(title: str) -> tuple[str, ...]:
    for word in re.findall(r"[\w-]+", title.casefold()):
        if word in _MODALITIES:
            return _MODALITIES[word]
    return ()


def _unusable(detail: str) -> ApiProblem:
    return ApiProblem(
        422,
        "report_template",
        detail,
        title="This is not a template of a report that the node can take",
        remedy="Send the HTML of an IHE MRRT template, such as radreport.org gives, or write it.",
    )
