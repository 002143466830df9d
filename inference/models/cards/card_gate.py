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
BOX_METRICS = (
    "sensitivity_at_0.5",
    "sensitivity_at_0.5_lower",
    "sensitivity_at_1",
    "sensitivity_at_1_lower",
    "sensitivity_at_2",
    "sensitivity_at_2_lower",
)
DETECTION_METRICS = (*_OF_ANY, *BOX_METRICS)
"""Of a detection in images, over all labels: at so many false positives per image."""
MASK_METRICS = (
    "dice",
    "dice_lower",
    "dice_minimum",
    "surface_dice",
    "hausdorff95_mm",
    "area_error_percent",
    "area_bias_percent",
)
SEGMENTATION_METRICS = (*_OF_ANY, *MASK_METRICS)
"""Of a segmentation of images, over all segments."""
NUMBER_METRICS = ("mean_absolute_error", "mean_absolute_error_upper", "bias")
REGRESSION_METRICS = (*_OF_ANY, *NUMBER_METRICS)
"""Of a regression with one number, in its unit."""
