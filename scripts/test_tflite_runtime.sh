#!/usr/bin/env bash
# Run the tests of the model runtime and of all that runs models under tflite-runtime, the other runtime that hotspotd takes.
#
# It has wheels for Python 3.11 only and needs NumPy 1, so it gets an environment of its own, .venv-tflite.
# Where the OS's Python is another version, says so and succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."

python=/usr/bin/python3
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo none)
if [ "$version" != 3.11 ]; then
  echo "skipped: tflite-runtime 2.14 has wheels for Python 3.11 only, $python is $version"
  exit 0
fi

want=$(cat requirements/build.txt requirements/tflite.txt | sha256sum)
if [ "$(cat .venv-tflite/.ready 2>/dev/null || true)" != "$want" ]; then
  echo "setting up .venv-tflite" >&2
  [ -x .venv-tflite/bin/python ] || "$python" -m venv .venv-tflite
  # One of the test tools comes as source only: it is built with the pinned build tools.
  install=(.venv-tflite/bin/python -m pip install -q --disable-pip-version-check --no-compile --require-hashes)
  "${install[@]}" -r requirements/build.txt
  "${install[@]}" --no-build-isolation -r requirements/tflite.txt
  printf '%s' "$want" >.venv-tflite/.ready
fi

# The checkout itself is not installed there: what it imports is exactly what these tests need.
# Every place where a model is run; what only compares, draws or counts is the same under either runtime.
face=tests/biometrics/face
PYTHONPATH=. exec .venv-tflite/bin/python -m pytest -p no:cacheprovider \
  tests/biometrics/test_runtime.py tests/biometrics/test_models.py tests/biometrics/finger/test_network.py \
  $face/test_any_model.py $face/test_bundled_descriptor.py $face/test_detector.py \
  $face/test_passive_liveness.py tests/mrz/test_recogniser.py "$@"
