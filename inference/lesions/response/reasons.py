"""Why a study has the category that it has, as the API states it in English.

Reports state most of them in their own language, by the same keys (`inference/reports/locales`).
"""

from typing import Literal

Reason = Literal[
    "new", "first_measured", "grown", "still_new", "measured_since",
    "all_gone", "others_left", "others_grown", "less", "stable",
    "products_normal", "products_grown", "products_less", "products_stable",
    "holds_others", "either", "not_compared", "cut_off", "rejected", "not_measured", "lost",
    "other_method", "new_unknown", "earlier_rejected", "new_small",
    "uncertain", "target_again", "volume_less", "grown_in_part", "products_grown_in_part",
]  # fmt: skip

IN_ENGLISH: dict[Reason, str] = {
    "new": "New lesions.",
    "first_measured": "A lesion was measured that was not measured in the study before.",
    "grown": "The sum is 20 % and 5 mm or more above the smallest.",
    "still_new": "A lesion that was new in a study before is still there.",
    "measured_since": "A lesion was measured that was not measured in the first study.",
    "all_gone": "All target lesions are gone, and lymph nodes are below 10 mm.",
    "others_left": "The target lesions are gone; others, no targets, are still there.",
    "others_grown": "A lesion other than the targets has grown: whether that is progression is for"
    " a person to say.",
    "less": "The sum is 30 % or more below that of the first study.",
    "stable": "Neither 30 % less than at first nor 20 % more than the smallest.",
    "products_normal": "No lymph node is longer than 15 mm.",
    "products_grown": "The sum of products is 50 % or more above the smallest.",
    "products_less": "The sum of products is 50 % or more below that of the first study.",
    "products_stable": "Neither 50 % less than at first nor 50 % more than the smallest.",
    "holds_others": "A target lesion has merged with one that is not a target: the sum is of both,"
    " that of the first study is not, and no change is stated.",
    "either": "A target lesion had merged with one that is not a target; they are apart again, and"
    " nobody can tell which of the parts is the target.",
    "not_compared": "The lesions were not compared with those of the study before.",
    "cut_off": "The images cut a target lesion off.",
    "rejected": "A reader rejected a target lesion of this study, or its diameter.",
    "not_measured": "Not every target lesion was measured, or the images do not show it.",
    "lost": "The images do not show every target lesion, or it could not be followed.",
    "other_method": "The studies were measured by different methods: run the jobs of the older ones"
    " again (retry with force).",
    "new_unknown": "Of a lesion that was new in a study before nobody can say whether it is still"
    " there.",
    "earlier_rejected": "A lesion that a reader rejected in a study before was found again: whether"
    " it is new is not known.",
    "new_small": "A lesion that is new is shorter than 5 mm: too small to say whether it is one.",
    "uncertain": "Of a lesion nobody can tell whether it is new or was there in the study before.",
    "target_again": "A target lesion was gone, and a lesion of its type came later: if it is the"
    " target again, the sum has to hold it (correct the match), and no change is stated.",
    "grown_in_part": "Not every target lesion was measured as a whole; those that were are together"
    " 20 % and 5 mm or more above the smallest sum of all.",
    "products_grown_in_part": "Not every lymph node was measured as a whole; those that were are"
    " together 50 % or more above the smallest sum of all.",
    "volume_less": "A target lesion has split, and the diameters of its parts are added: the volume"
    " of the target lesions is smaller.",
}
