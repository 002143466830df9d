"""What a job is doing, for people."""

_STAGE_TEXT = {
    "": "Starting.",
    "loading": "Reading the instances.",
    "assembling": "Building the volume.",
    "running": "Running the model.",
    "load_model": "Loading the model.",
    "find_brain": "Finding the brain.",
    "segment": "Segmenting.",
    "clean_up": "Cleaning up the mask.",
    "classify": "Classifying.",
    "registering": "Registering the series to each other.",
    "comparing_lesions": "Comparing lesions with the study before.",
    "measure": "Measuring.",
    "encoding": "Writing the results as DICOM.",
    "storing": "Storing the results.",
}


def stage_in_words(stage: str) -> str:
    """A sentence; of a stage that a model names itself its name."""
    return _STAGE_TEXT.get(stage) or f"{stage.replace('_', ' ').capitalize()}."
