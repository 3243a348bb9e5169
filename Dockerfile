# The image of one model: scoring service and demo, the model's wheel with what it needs, and nothing else.
# `notemill image VERSION` lays out what is copied here, builds, runs the image and asks it.
ARG BASE=python:3.11-slim
# What the model needs: the same for its next version, which then adds a few megabytes alone.
FROM ${BASE} AS needs
COPY pins.txt /build/
# Certificates and the index's login are there while this one command runs; no layer has them.
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    if [ -s /run/secrets/pip ]; then export PIP_CONFIG_FILE=/run/secrets/pip; fi; \
    python3 -m venv --without-pip /opt/needs && python3 -m venv /build/tools \
    && /build/tools/bin/pip --python /opt/needs/bin/python3 install --quiet --no-cache-dir --no-compile --no-deps \
       --require-hashes --only-binary :all: --disable-pip-version-check --requirement /build/pins.txt
COPY files/trim.py files/compiled.py /build/files/
RUN python3 -B /build/files/trim.py /opt/needs && /opt/needs/bin/python3 -B /build/files/compiled.py /opt/needs/lib

FROM needs AS model
COPY wheels /build/wheels
COPY files /build/files
COPY model.json pins.txt /opt/model/share/
RUN /build/tools/bin/pip install --quiet --target /opt/model/lib --no-cache-dir --no-compile --no-deps --no-index \
       --disable-pip-version-check /build/wheels/*.whl \
    && install -D -m 755 /build/files/entry.py /opt/model/bin/notemill-model \
    && python3 -B /build/files/trim.py /opt/model && python3 -B /build/files/compiled.py /opt/model/lib \
    && /opt/needs/bin/python3 -B /build/files/contents.py /opt/model

FROM ${BASE}
COPY --from=needs /opt/needs /opt/needs
COPY --from=model /opt/model /opt/model
# The temporary files are all that is written: docker run --read-only --tmpfs /tmp
ENV PATH=/opt/model/bin:/opt/needs/bin:$PATH HOME=/tmp USER=model \
    PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
EXPOSE 8000 8501
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["notemill-model", "health"]
# serve (8000), demo (8501), score IN OUT, info, check
ENTRYPOINT ["notemill-model"]
CMD ["serve"]
