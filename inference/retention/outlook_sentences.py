"""Sentences about the disk and retention in English, each with a code and parameters."""

from typing import Literal

OutlookCode = Literal[
    "disk_space_low",
    "fill_rate_unknown",
    "disk_not_filling",
    "disk_full_on",
    "no_early_rule",
    "retention_frees",
    "retention_waits",
    "clock_in_doubt",
    "rules_wrong",
    "retention_stuck",
    "no_more_early",
    "studies_stay",
    "quota_of_bytes",
    "quota_of_studies",
    "quota_of_both",
]

TEMPLATES: dict[OutlookCode, str] = {
    "disk_space_low": "{free} ({share}) are free on the disk of the data folder.",
    "fill_rate_unknown": "How fast it fills is not known yet.",
    "disk_not_filling": "It has not been filling over the last days.",
    "disk_full_on": (
        "At the rate of the last days ({filled} a day) nothing more is received from {day} on."
    ),
    "no_early_rule": "No rule lets studies leave early: docs/retention.md.",
    "retention_frees": "Below {begins}, retention frees up to {freed}.",
    "retention_waits": "Retention waits.",
    "clock_in_doubt": (
        "The clock says {now}, and the last round was on {last}. Set it right if it is wrong; else"
        " studies leave again in a day."
    ),
    "rules_wrong": "The rules cannot be read: {problem}",
    "retention_stuck": (
        "The disk is short, and retention could not free {missing} of what is needed."
    ),
    "no_more_early": "No rule lets further studies leave early (evict).",
    "studies_stay": "Studies that have to stay: {studies}.",
    "quota_of_bytes": "The rule '{rule}' has taken {taken} of {quota} ({share}) of its quota.",
    "quota_of_studies": (
        "The rule '{rule}' has taken {studies} of {most} studies ({studies_share}) of its quota."
    ),
    "quota_of_both": (
        "The rule '{rule}' has taken {taken} of {quota} ({share}) and {studies} of {most} studies"
        " ({studies_share}) of its quota."
    ),
}


def sentence(code: OutlookCode, **parameters: object) -> str:
    return TEMPLATES[code].format(**parameters)
