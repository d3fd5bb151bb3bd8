# placeprint with its server: docker build -t placeprint . ; how it is run: docs/container.md
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE CHANGELOG.md ./
COPY src src
RUN python -m venv /opt/placeprint \
    && /opt/placeprint/bin/pip install --no-cache-dir --no-compile ".[web,heic]"

FROM python:3.13-slim
COPY --from=build /opt/placeprint /opt/placeprint
# A number, so that a cluster can see that it is not root. The volumes belong to it.
RUN mkdir /gallery /cache && chown 10001:10001 /gallery /cache
ENV PATH=/opt/placeprint/bin:$PATH \
    PLACEPRINT_CACHE=/cache \
    PLACEPRINT_CONFIG= \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
VOLUME ["/gallery", "/cache"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/v1/ready', timeout=4)"]
ENTRYPOINT ["placeprint"]
CMD ["serve", "/gallery", "--host", "0.0.0.0"]
