# Any image with python3 >= 3.11 and its venv module will do; name one by digest for a build that repeats itself.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS builder
# requirements/runtime.lock leaves out Parquet (55 MB to fetch, 170 MB on disk), pictures (24, 95) and what a cluster needs.
ARG REQUIREMENTS=requirements/image.lock
WORKDIR /source
RUN python3 -m venv /opt/minima
# The locked libraries are a layer of their own, so that a change of the source does not install them again.
COPY ${REQUIREMENTS} image.lock
RUN /opt/minima/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
    --require-hashes --no-deps -r image.lock
COPY pyproject.toml README.md LICENSE ./
COPY service service
RUN /opt/minima/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
    --no-build-isolation --no-deps . \
    && /opt/minima/bin/python -m pip uninstall --quiet --yes hatchling editables trove-classifiers pip

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Analytic Minima" \
      org.opencontainers.image.description="Exact global minima of neural networks, with certificates, over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 minima \
    && useradd --uid 10001 --gid minima --home-dir /data --no-create-home --shell /usr/sbin/nologin minima \
    && install --directory --owner=minima --group=minima /data
COPY --from=builder /opt/minima /opt/minima
ENV PATH=/opt/minima/bin:$PATH \
    HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER minima
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["minima"]
CMD ["serve", "--host", "0.0.0.0"]
