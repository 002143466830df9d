"""The example of docs/retention.md is a file that the node takes."""

from pathlib import Path

from inference.rules.file import read_rules

DOCS = Path(__file__).parents[3] / "docs" / "retention.md"


def test_the_example_is_read_as_the_page_says(tmp_path: Path) -> None:
    page = DOCS.read_text("utf-8")
    example = tmp_path / "rules.yaml"
    example.write_text(page.partition("```yaml rules\n")[2].partition("```")[0])
    research, mammograms, rest = read_rules(example).retention
    assert research.keep_days is None
    assert (mammograms.keep_days, mammograms.confirmed_at) == (3650, ("archive",))
    assert (rest.since, rest.evict, rest.results_confirmed) == ("used", True, True)
