"""What a job is doing, for people."""

STAGES = {
    "": "Starting.",
    "loading": "Reading the instances.",
    "assembling": "Building the volume.",
    "running": "Running the model.",
    "load_model": "Loading the model.",
    "preprocess": "Preparing the images.",
    "find_field": "Finding what of the image is exposed.",
    "find_brain": "Finding the brain.",
    "segment": "Segmenting.",
    "detect": "Detecting.",
    "postprocess": "Cleaning up the result.",
    "container": "Running the container of the model.",
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
    return STAGES.get(stage) or f"{stage.replace('_', ' ').capitalize()}."
