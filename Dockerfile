# The model package, with what it needs and nothing else: docker build -t breast-cancer-model . (after nox -s package).
FROM python:3.11-slim
COPY dist/*.whl /tmp/
RUN pip install --no-cache-dir /tmp/*.whl && rm /tmp/*.whl && useradd --create-home model
USER model
WORKDIR /home/model
# docker run --rm -v "$PWD:/home/model" breast-cancer-model score IN.csv OUT.csv
ENTRYPOINT ["python", "-m", "breast_cancer_model"]
CMD ["info"]
