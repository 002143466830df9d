"""Whether an answer is right, and how many are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.documents.printing import printed
from benchmarks.documents.sources import Question, Source
from inference.language.documents.answer import find_answers
from inference.language.documents.reading import read_document

# So many words more than the right answer are still an answer, and not a page that holds it.
_MORE_WORDS = 8
_MAX_PAGES = 20


@dataclass(frozen=True)
class Result:
    document: str
    is_scan: bool
    question: Question
    answer: str
    score: float

    @property
    def is_right(self) -> bool:
        """The first answer has a right one in it, and few words more; or rightly there is none."""
        if not self.question.answers:
            return not self.answer
        given = _plain(self.answer)
        return any(
            _plain(one) in given and len(given.split()) <= len(one.split()) + _MORE_WORDS
            for one in self.question.answers
        )


def of_sources(some: Iterable[Source]) -> Iterator[Result]:
    """Each question of each document, answered as without a model."""
    listed = list(some)
    files = printed(listed)
    for source in listed:
        yield from _results(source.name, files[source.name], source.questions)


def of_folder(folder: Path) -> Iterator[Result]:
    """A set from elsewhere: `questions.txt`, a line for each, "set|file|question|answer/answer"."""
    by_file: dict[str, list[Question]] = {}
    for line in (folder / "questions.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            _, name, text, answer = line.split("|")
            answers = tuple(answer.split("/")) if answer else ()
            by_file.setdefault(name, []).append(Question(text, answers))
    for name, questions in by_file.items():
        yield from _results(name, (folder / name).read_bytes(), questions)


def table(results: Iterable[Result]) -> str:
    """Right ones of all, for documents that carry text and for scans."""
    listed = list(results)
    lines = []
    for title, scans in (("PDF", False), ("scans", True)):
        for kind, has_answer in (("with an answer", True), ("without", False)):
            some = [
                one
                for one in listed
                if one.is_scan == scans and bool(one.question.answers) == has_answer
            ]
            right = sum(one.is_right for one in some)
            lines.append(f"{title}, {kind}: {right} of {len(some)}")
    return "\n".join(lines)


def _results(name: str, data: bytes, questions: Iterable[Question]) -> Iterator[Result]:
    pages, _ = read_document(data, _MAX_PAGES)
    for question in questions:
        found = find_answers(question.text, pages)
        answer, score = (found[0].text, found[0].score) if found else ("", 0.0)
        yield Result(name, any(page.is_read for page in pages), question, answer, score)


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("–", "-").split())
