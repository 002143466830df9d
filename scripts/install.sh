#!/bin/bash
# usage: install.sh EXTRA...
# Installs the node and the named extras into .venv: the releases of uv.lock, each checked by its hash.
#
# PyTorch for Linux on x86-64 comes from PyPI with CUDA, some 3 GB. A machine without an NVIDIA GPU gets
# the CPU build instead, where one can be had:
#   TORCH=auto      the default: CUDA where an NVIDIA GPU is found, else the CPU build
#   TORCH=cpu|cuda  the one or the other, whatever is found
#   TORCH_WHEELS    a folder with CPU builds (default: PIP_FIND_LINKS)
#   TORCH_INDEX     an index with CPU builds (default: https://download.pytorch.org/whl/cpu)
#   EDITABLE=no     the node itself is copied into .venv as well
#   NODE=no         all that the node requires, without the node: what changes seldom, for a layer of an image
#   MODELS=no       nothing that computes networks: no PyTorch, MONAI, Transformers. Enough for the
#                   receiver, the API, HL7, the control worker, beat and the migration
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
torch=${TORCH:-auto}
torch_wheels=${TORCH_WHEELS:-${PIP_FIND_LINKS:-}}
torch_index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}

# The machine's own certificates, which is where a hospital's proxy has its own; no other Python.
export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=$PWD/.venv
# A cache on another file system is copied from instead of linked to, which is no fault.
export UV_LINK_MODE=${UV_LINK_MODE:-hardlink}
quiet=()
[ -z "${CI:-}" ] || quiet=(--quiet)

if ! .venv/bin/uv --version >/dev/null 2>&1; then
    $python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
        --requirement scripts/uv.txt
fi

# What workers alone use. With each goes what nothing else requires.
computing=(torch torchvision monai transformers sentence-transformers)

extras=() families=(torch)
for extra in "$@"; do
    extras+=(--extra "$extra")
    case $extra in test | detection | nnunet | nninteractive) families+=(torchvision) ;; esac
done

install_node() {
    local editable=()
    [ "${EDITABLE:-yes}" = no ] || editable=(--editable)
    .venv/bin/uv pip install "${quiet[@]}" --no-deps "${editable[@]}" .
}

# The same releases and hashes of uv.lock, less what computes; the node itself without what it requires.
if [ "${MODELS:-yes}" = no ]; then
    prunes=()
    for name in "${computing[@]}"; do prunes+=(--prune "$name"); done
    mkdir -p .stamps
    .venv/bin/uv export --quiet --frozen --no-dev --no-emit-project "${extras[@]}" "${prunes[@]}" \
        --output-file .stamps/requirements.txt >/dev/null
    .venv/bin/uv pip install "${quiet[@]}" --no-deps --require-hashes --requirement .stamps/requirements.txt
    [ "${NODE:-yes}" = no ] || install_node
    exit
fi

has_gpu() {
    [ -e /dev/nvidiactl ] || { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q GPU; }
}

case $torch in
    auto) if has_gpu; then torch=cuda; else torch=cpu; fi ;;
    cpu | cuda) ;;
    *)
        echo "TORCH=$torch is not known. Say TORCH=auto, TORCH=cpu or TORCH=cuda." >&2
        exit 2
        ;;
esac

locked_version() { awk -v name="name = \"$1\"" '$0 == name { getline; gsub(/[^0-9.]/, ""); print; exit }' uv.lock; }

# Whether it is there and loads: pip does not know which C library a folder's build was linked with.
installed_cpu_build() {
    $python -c 'import ctypes, sys
from importlib.metadata import distribution
for name in sys.argv[1:]:
    if not distribution(name).version.endswith("+cpu"):
        sys.exit(f"{name} is another build")
ctypes.CDLL(str(distribution("torch").locate_file("torch/lib/libc10.so")))' "${families[@]}" 2>.stamps/torch.log
}

# install_cpu_build NAME...: from the folder, else from the index; fails where neither has it.
install_cpu_build() {
    local wanted=()
    if [ -n "$torch_wheels" ] && compgen -G "$torch_wheels/torch-*+cpu-*.whl" >/dev/null; then
        if .venv/bin/uv pip install "${quiet[@]}" --no-deps --no-index --find-links "$torch_wheels" "$@"; then
            if installed_cpu_build; then
                echo "PyTorch: the CPU build of $torch_wheels."
                return
            fi
            echo "PyTorch: the CPU build of $torch_wheels does not load here: $(tail -n 1 .stamps/torch.log)"
            # Its version would do for the index's.
            .venv/bin/uv pip uninstall --quiet "$@"
        else
            echo "PyTorch: $torch_wheels has no CPU build for this Python."
        fi
    fi
    for name in "$@"; do wanted+=("$name==$(locked_version "$name")"); done
    if UV_HTTP_TIMEOUT=20 UV_HTTP_RETRIES=1 .venv/bin/uv pip install "${quiet[@]}" --no-deps \
        --default-index "$torch_index" "${wanted[@]}" 2>.stamps/torch.log; then
        echo "PyTorch: the CPU build of $torch_index."
        return
    fi
    return 1
}

mkdir -p .stamps
without=()
if [ "$torch" = cpu ] && [ "$(uname -m)" = x86_64 ]; then
    if installed_cpu_build || install_cpu_build "${families[@]}"; then
        for name in torch torchvision triton $(sed -n 's/^name = "\(\(nvidia\|cuda\)-.*\)"/\1/p' uv.lock); do
            without+=(--no-install-package "$name")
        done
    else
        cat <<MESSAGE
PyTorch: no CPU build at $torch_index (the reason is in .stamps/torch.log), so PyPI's build is installed.
It works without a GPU, but brings CUDA: some 3 GB more to download. A folder of CPU builds is taken with
make run TORCH_WHEELS=FOLDER, another index with make run TORCH_INDEX=URL.
MESSAGE
    fi
fi
# In an image the sources are not beside the packages.
[ "${EDITABLE:-yes}" = yes ] || extras+=(--no-editable)
[ "${NODE:-yes}" = yes ] || extras+=(--no-install-project)
.venv/bin/uv sync "${quiet[@]}" --frozen --inexact --no-dev --python "$python" "${extras[@]}" "${without[@]}"
