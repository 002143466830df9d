"""A curve joins only what can be compared."""

from inference.prior_comparison import revise_comparisons
from storage.settings import Settings
from tests.api.client import api_node
from tests.inference.reports.studies import lungs_measured


def test_densities_of_other_kernels_and_slices_are_marked_in_the_trend(
    api_settings: Settings,
) -> None:
    scans = [
        ("20200110", "B30f", 5.0, 2.0),
        ("20210110", "B70f", 5.0, 2.0),
        ("20220110", "B70f", 7.0, 2.5),
        # Within 1.5 of the one before, but not of the one of 2021.
        ("20230110", "B70f", 7.0, 3.5),
    ]
    with api_node(api_settings) as api:
        for seed, (date, kernel, litres, mm) in enumerate(scans, start=1):
            study = lungs_measured(api.storage, seed, date, kernel, litres, mm)
            revise_comparisons(api.storage, study)
        trends = {
            one["label"]: one["points"]
            for one in api.client.get(f"/api/studies/{study}/trend").json()["items"]
        }
    assert [one["not_compared"] for one in trends["Both lungs LAA-950"]] == [
        "",
        "kernel B30f then, B70f now",
        "",
        "slice thickness 2 mm then, 3.5 mm now",
    ]
    # 7 L after 5 L: 40 % more.
    assert "by 40.0 %: another depth" in trends["Both lungs LAA-950"][2]["caveats"][0]
    assert {one["not_compared"] for one in trends["Both lungs volume"]} == {""}
