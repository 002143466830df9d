"""Some stories of the other modules, with their pages opened in Firefox."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.e2e.pages.test_sign_in import (  # noqa: F401 - collected here, too
    closed,
    identity,
    test_a_person_is_led_to_the_sign_in_and_back_and_signs_out,
    test_a_radiologist_signs_with_the_password_and_not_without,
)
from tests.e2e.pages.test_study_list import (  # noqa: F401
    test_a_narrowed_list_is_kept_as_a_view_and_found_again,
)
from tests.e2e.pages.test_study_page import (  # noqa: F401
    test_the_mask_lies_over_the_images_and_the_volume_beside_them,
)
from tests.e2e.reader.modalities.test_several import (  # noqa: F401
    test_mammograms_hang_back_to_back_and_go_on_to_the_next_stage,
    test_pet_lies_over_ct_in_colour_and_leaves_its_window_alone,
)
from tests.e2e.support.browser import firefox

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with firefox() as page:
        yield page


@pytest.fixture
def guarded_page() -> Iterator[Page]:
    # The stream of events ends with the session.
    with firefox("establish a connection") as page:
        yield page
