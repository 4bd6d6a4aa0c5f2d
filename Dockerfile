# Debian or one of its children, with python3 >= 3.11 and its venv module; name one by digest for a build that repeats itself.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS builder
# requirements/runtime.lock leaves out Parquet (55 MB to fetch), pictures (24) and what a cluster needs.
ARG REQUIREMENTS=requirements/image.lock
WORKDIR /source
RUN python3 -m venv /opt/minima
# The locked libraries are a layer of their own, so that a change of the source does not install them again.
COPY ${REQUIREMENTS} image.lock
RUN /opt/minima/bin/python -m pip install --quiet --no-cache-dir --no-compile --disable-pip-version-check \
    --require-hashes --no-deps -r image.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY service service
COPY deploy/image/prune.py prune.py
# What searches ReLU networks is compiled; without a compiler the image would be complete, and those searches slower.
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends gcc libc6-dev
RUN /opt/minima/bin/python -m pip install --quiet --no-cache-dir --no-compile --disable-pip-version-check \
    --no-build-isolation --no-deps . \
    && /opt/minima/bin/python -m pip uninstall --quiet --yes hatchling editables trove-classifiers setuptools pip \
    && /opt/minima/bin/python prune.py "$(/opt/minima/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="Analytic Minima" \
      org.opencontainers.image.description="Exact global minima of neural networks, with certificates, over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
# The first process of a container ignores SIGTERM until it has a handler, and inherits what others leave: tini does both.
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 minima \
    && useradd --uid 10001 --gid minima --home-dir /data --no-create-home --shell /usr/sbin/nologin minima \
    && install --directory --owner=minima --group=minima /data
COPY --from=builder /opt/minima /opt/minima
ENV PATH=/opt/minima/bin:$PATH \
    HOME=/data \
    MINIMA_PORT=8000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER minima
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/readyz' % os.environ['MINIMA_PORT'], timeout=2)"]
# -s: quiet where the container has an init process of its own already
ENTRYPOINT ["tini", "-s", "--", "minima"]
CMD ["serve", "--host", "0.0.0.0"]
