# Footnote in a container. The default build of PyTorch for Linux brings several GB for GPUs; for the small one:
#   docker build --build-arg TORCH_INDEX=… -t footnote-bot .
# with the address that pytorch.org shows under Get Started for Linux, Pip, CPU.

ARG PYTHON=3.12-slim

FROM python:${PYTHON} AS build
ARG TORCH_INDEX=
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/footnote
ENV PATH=/opt/footnote/bin:$PATH
WORKDIR /src
COPY requirements.lock ./
# PyTorch comes first, so that the index named for it is asked for nothing else.
RUN pip install --constraint requirements.lock ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch
COPY . .
RUN pip install --constraint requirements.lock '.[postgres]'

FROM python:${PYTHON}
COPY --from=build /opt/footnote /opt/footnote
RUN groupadd --gid 10001 footnote \
    && useradd --uid 10001 --gid footnote --no-create-home --home-dir /data --shell /usr/sbin/nologin footnote \
    && install --directory --owner=footnote --group=footnote --mode=0700 /data
# HF_HOME: where a model goes that does not come with the install.
ENV PATH=/opt/footnote/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/data/hub \
    FOOTNOTE_LIBRARY_DATA=/data
USER 10001:10001
# Settings are read from /data/footnote.toml, where there is one, and from variables; secrets from files (see README).
WORKDIR /data
VOLUME /data
EXPOSE 8484
STOPSIGNAL SIGTERM
# The first start compiles the model and reads the articles before the bot listens.
HEALTHCHECK --interval=30s --timeout=5s --start-period=300s --retries=3 CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('FOOTNOTE_WEB_PORT') or 8484), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["footnote"]
CMD ["run"]
