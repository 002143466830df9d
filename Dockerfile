# One image for every role: docker run mediview up | scp | api | worker | beat | migrate

FROM python:3.11-slim AS packages
# pip's own variables choose other wheels, for example a CPU build of PyTorch:
#   docker build --build-arg PIP_EXTRA_INDEX_URL=<address of the index that carries them> .
ARG PIP_EXTRA_INDEX_URL=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/mediview
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY storage/ storage/
COPY dicom_node/ dicom_node/
COPY inference/ inference/
COPY api/ api/
RUN PIP_EXTRA_INDEX_URL="$PIP_EXTRA_INDEX_URL" /opt/mediview/bin/pip install -c constraints.txt .
RUN /opt/mediview/bin/mediview openapi --output openapi.json

FROM node:24-slim AS viewer
WORKDIR /src/viewer
ENV NEXT_TELEMETRY_DISABLED=1
COPY viewer/package.json viewer/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY viewer/ ./
# The types of the API, from its own description.
COPY --from=packages /src/openapi.json lib/generated/openapi.json
RUN npm run generate && npm run build

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data mediview \
    && install -d -o mediview -g mediview /data
COPY --from=packages /opt/mediview /opt/mediview
COPY --from=viewer /src/viewer/out /opt/mediview/viewer
ENV PATH=/opt/mediview/bin:$PATH \
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
