"""What an evaluation measures over all cases, and a gate may ask."""

_OF_ANY = ("cases", "failures")
METRICS = (
    *_OF_ANY,
    "dice",
    "dice_minimum",
    "surface_dice",
    "hausdorff95_mm",
    "volume_error_percent",
    "volume_bias_percent",
)
"""Of a model of one series, over all segments."""
LABEL_METRICS = (
    "auc",
    "auc_lower",
    "sensitivity",
    "sensitivity_lower",
    "specificity",
    "specificity_lower",
)
CLASSIFICATION_METRICS = (*_OF_ANY, *LABEL_METRICS)
"""Of a classification of images, over all labels."""
NUMBER_METRICS = ("mean_absolute_error", "mean_absolute_error_upper", "bias")
REGRESSION_METRICS = (*_OF_ANY, *NUMBER_METRICS)
"""Of a regression with one number, in its unit."""
