"""What a part of the node lacks has codes, so that a viewer can say it in another language."""

import re

import pytest

from api.server.health_sentences import TEMPLATES, HealthCode, coded, sentence


@pytest.mark.parametrize("code", TEMPLATES)
def test_a_sentence_is_known_again_by_its_code(code: HealthCode) -> None:
    names = re.findall(r"{(\w+)}", TEMPLATES[code])
    parameters = {name: f"{at}.5" for at, name in enumerate(names, 1)}
    (part,) = coded(sentence(code, **parameters))
    assert (part.code, dict(part.parameters)) == (code, parameters)


def test_an_error_of_the_network_stands_within_its_sentence() -> None:
    detail = sentence("dicom_refuses", error="MEDIVIEW@127.0.0.1:11112 does not answer.")
    (part,) = coded(detail)
    assert part.parameters["error"] == "MEDIVIEW@127.0.0.1:11112 does not answer."


def test_what_a_check_does_not_write_itself_has_no_code() -> None:
    assert coded("OCR on node-1: ImportError: libxcb.so.1 Install the node again.") == ()
    assert coded("") == ()
