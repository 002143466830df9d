"""A UID that a project lets leave as it is has nobody's number in it."""

import pytest

from inference.deidentification.errors import CannotDeidentify
from tests.inference.deidentification.test_deidentifier import ct, deidentified

SOMEBODY = {"PatientID": "QX-774411", "PatientBirthDate": "19310312"}


# A zero in front is against the standard (PS3.5 9.1), and yet there are such.
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize("keyword", ["DeviceUID", "ContextUID"])
@pytest.mark.parametrize(
    "uid",
    [
        *("1.2.774411", "1.2.276.0.774411.3", "1.2.9774411", "1.2.7744119", "1.2.774.411"),
        *("1.2.19310312.7", "1.2.12031931", "1.2.9919310312", "1.2.1931.3.12"),
        # Over two components, and without the zero that a component may not begin with.
        *("1.2.1931.0312", "1.2.1931.312.5", "1.2.1203.1931", "1.2.312.1931", "1.2.193103.12"),
        *("1.2.12.31931", "1.2.3.121931", "1.2.3121931"),
    ],
)
def test_neither_the_patients_number_nor_the_birth_date_leaves_in_it(
    keyword: str, uid: str
) -> None:
    with pytest.raises(CannotDeidentify, match=keyword) as refused:
        deidentified(ct(**SOMEBODY, **{keyword: uid}), "retain-device")
    assert uid not in refused.value.message


@pytest.mark.parametrize(
    "uid", ["1.2.276.0.7230010.3", "1.2.17744110", "1.2.1931.4.12", "1.2.31931.12"]
)
def test_other_numbers_leave(uid: str) -> None:
    assert deidentified(ct(**SOMEBODY, DeviceUID=uid), "retain-device").DeviceUID == uid


def test_a_uid_that_is_replaced_may_have_contained_it() -> None:
    found = deidentified(ct(**SOMEBODY, DeviceUID="1.2.774411"))
    assert found.DeviceUID.startswith("2.25.")


def test_a_patients_number_may_be_in_uids_of_the_standard() -> None:
    ds = ct(PatientID="10008", DeviceUID="1.2.840.10008.1.2.4")
    assert deidentified(ds, "retain-device").DeviceUID == ds.DeviceUID
