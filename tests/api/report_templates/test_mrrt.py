"""Templates as radreport.org gives them become templates of this node."""

import time

import pytest

from api.errors import ApiProblem
from api.report_templates.mrrt import MOST_CHARACTERS, read_mrrt

# Written for this test after IHE RAD TF-3 4.105; no template of somebody else.
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <title>CT Chest</title>
  <meta charset="UTF-8">
  <meta name="dcterms.title" content="CT Chest &amp; Pleura"/>
  <meta name="dcterms.identifier" content="https://example.org/templates/7"/>
  <meta name="dcterms.language" content="de-CH"/>
  <script type="text/xml"><template_attributes><status>DRAFT</status></template_attributes></script>
  <style>p { color: red }</style>
</head>
<body>
<section id="s1" class="level1" data-section-name="Procedure Information">
  <header class="level1">Procedure Information</header>
  <p><label for="c">Contrast:</label>
     <select id="c"><option selected="selected" value="n">none</option><option>intravenous</option>
     </select>.</p>
</section>
<section id="s2" class="level1">
  <header class="level1">Befund</header>
  <section data-section-name="Lungs">
    <p>Nodule of <input type="number" id="n" data-field-units="mm"> in the
       <input type="text" value="left"> lung [see below].</p>
    <p><input type="checkbox" value="Pleural effusion"><label>Pleural effusion</label></p>
  </section>
  <textarea>No other
finding.</textarea>
</section>
<section data-section-name="Impression"><textarea></textarea></section>
</body></html>"""


def test_a_template_keeps_its_sections_and_leaves_its_fields_open() -> None:
    template = read_mrrt(PAGE)
    assert template.title == "CT Chest & Pleura"
    assert template.language == "de"
    assert template.modalities == ("CT",)
    assert template.source == "https://example.org/templates/7"
    assert [(one.heading, one.kind, one.text) for one in template.sections] == [
        ("Procedure Information", "technique", "Contrast: [none|intravenous]."),
        ("Befund", "findings", "No other\nfinding."),
        (
            "Lungs",
            "findings",
            "Nodule of [___ mm] in the left lung (see below).\n[Pleural effusion|]",
        ),
        ("Impression", "impression", "[___]"),
    ]


def test_what_is_no_template_is_refused_with_what_is_missing() -> None:
    with pytest.raises(ApiProblem, match="no <section> with a text"):
        read_mrrt("<html><body><p>Normal.</p></body></html>")
    with pytest.raises(ApiProblem, match="21 sections; 20 are taken"):
        read_mrrt("<section><p>Normal.</p></section>" * 21)
    with pytest.raises(ApiProblem, match="8001 characters; 8000 are taken"):
        read_mrrt(f"<section><p>{'x' * 8001}</p></section>")


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<",
        "<a ",
        "</a",
        "<?",
        "<![CDATA[",
        "<select>",
        "<section>",
        "&#",
        "<p x=",
        "<script>",
    ],
)
def test_no_page_takes_long(piece: str) -> None:
    """Each piece again and again, as often as a page may have it."""
    page = (piece * (MOST_CHARACTERS // len(piece)))[:MOST_CHARACTERS]
    began_s = time.process_time()
    with pytest.raises(ApiProblem):
        read_mrrt(page)
    assert time.process_time() - began_s < 2.0
