# Two images, each of which runs roles by name: docker run mediview up | scp | api | hl7 | worker | beat | migrate
#
#   docker build --target core .            without what computes models: receiver, API, HL7, control worker, beat, migration
#   docker build .                          the whole node, without CUDA, for machines without a GPU
#   docker build --build-arg TORCH=cuda .   the whole node, with CUDA

ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS locked
ENV EDITABLE=no NEXT_TELEMETRY_DISABLED=1 UV_NO_CACHE=1 UV_LINK_MODE=copy
WORKDIR /opt/mediview
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY scripts/install.sh scripts/uv.txt scripts/
RUN python3 -m venv .venv

# What others wrote, which changes with the lock file alone, and over it the node.
FROM locked AS core-packages
RUN NODE=no MODELS=no scripts/install.sh
COPY storage/ storage/
COPY dicom_node/ dicom_node/
COPY inference/ inference/
COPY api/ api/
COPY clients/python/ clients/python/
RUN MODELS=no scripts/install.sh

# Node.js is a package of the environment, and stays behind in this stage.
FROM core-packages AS viewer
RUN MODELS=no scripts/install.sh viewer
COPY scripts/viewer.sh scripts/replace-folder.sh scripts/
COPY viewer/ viewer/
RUN scripts/viewer.sh install && scripts/viewer.sh build

FROM locked AS packages
ARG TORCH=cpu
# Where CPU builds of PyTorch are: scripts/install.sh tells more.
ARG TORCH_INDEX=
ARG TORCH_WHEELS=
RUN NODE=no scripts/install.sh grpc names
COPY storage/ storage/
COPY dicom_node/ dicom_node/
COPY inference/ inference/
COPY api/ api/
COPY clients/python/ clients/python/
RUN scripts/install.sh grpc names

FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title=MediViewAI \
    org.opencontainers.image.version=${VERSION} \
    org.opencontainers.image.revision=${REVISION} \
    org.opencontainers.image.licenses=Apache-2.0
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data mediview \
    && install -d -o mediview -g mediview /data /models
COPY --from=viewer /opt/mediview/viewer/out /opt/mediview/viewer
ENV PATH=/opt/mediview/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MEDIVIEW_DATA_DIR=/data \
    MEDIVIEW_SIGNS_OF_LIFE_DIR=/tmp/signs \
    MEDIVIEW_VIEWER_DIR=/opt/mediview/viewer
USER mediview
WORKDIR /data
VOLUME /data
EXPOSE 8000 11112
ENTRYPOINT ["mediview"]
# Whatever role runs: it accepts what it listens for, and its sign of life is fresh.
HEALTHCHECK --interval=15s --timeout=8s --start-period=90s --retries=4 CMD ["mediview-probe", "container"]

FROM runtime AS core
COPY --from=core-packages /opt/mediview/.venv /opt/mediview/.venv
CMD ["api"]

FROM runtime AS complete
COPY --from=packages /opt/mediview/.venv /opt/mediview/.venv
CMD ["up"]
