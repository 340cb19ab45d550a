# What stands next to a camera: the runtime with ONNX Runtime for CPUs, no TensorFlow.
#   docker build -t framestream . && docker run --rm -v "$PWD/samples:/films:ro" framestream watch /films/kiosk.webm
FROM python:3.12-slim

RUN useradd --create-home framestream
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY framestream framestream
COPY export export
RUN pip install --no-cache-dir ".[cpu]" && rm -rf /src/*

USER framestream
WORKDIR /home/framestream
ENTRYPOINT ["framestream"]
CMD ["--help"]
