# Sourced by the other scripts: makes the virtual environment this checkout needs, once.
#
# The environment is made from the OS's own Python with system site packages, because libcamera, GObject and
# systemd bindings come from the OS. What is missing from the OS is installed with apt when root; otherwise one
# line says what to install. Usage: setup runtime|dev [apt package ...]

# The scripts start Python often: what it compiled once is kept, whatever the caller's environment says.
unset PYTHONDONTWRITEBYTECODE

setup_say() { printf '\033[2m%s\033[0m\n' "$*" >&2; }
setup_fail() { printf '%s\n' "$*" >&2; exit 3; }

setup_apt() { # package ...
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    setup_fail "Missing OS packages. Run once: sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
  command -v apt-get >/dev/null || setup_fail "Missing OS packages, and no apt-get here: ${missing[*]}"
  setup_say "installing OS packages: ${missing[*]}"
  apt-get update -qq >&2 || setup_fail "apt-get update failed: check the network and the package sources."
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    setup_fail "apt-get could not install: ${missing[*]}"
}

setup_compiles() { # succeeds where C can be compiled by the compiler that Python takes for its extensions
  local compiler=${CC:-$("$1" -c 'import sysconfig; print(sysconfig.get_config_var("CC"))')}
  # CC may hold options too.
  # shellcheck disable=SC2086
  printf '#include <math.h>\n#include <pthread.h>\n' | $compiler -x c -fsyntax-only - 2>/dev/null
}

setup_compiler() { # python; the fingerprint kernels want a compiler, but numpy does without, so nothing fails here
  setup_compiles "$1" || [ "$(id -u)" -ne 0 ] || (setup_apt gcc libc6-dev) || true
}

setup_want() { # level python; what the environment is made of
  pwd # The folder belongs to it: an environment that was copied along would run the code it was made for.
  cat requirements/build.txt "requirements/$1.txt" pyproject.toml setup.py hotspotd/biometrics/*/native/kernels/*
  "$2" --version
  setup_compiles "$2" && echo compiled
  true
}

setup_venv() { # runtime|dev
  local level=$1 python=/usr/bin/python3 stamp want
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    setup_fail "hotspotd needs the OS's Python 3.11 or newer at $python (Debian 12, 13 or Raspberry Pi OS)."
  stamp=.venv/.ready-$level
  want=$(setup_want "$level" "$python" | sha256sum)
  [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && return 0
  # The tests' environment holds all that running needs.
  setup_say "setting up .venv ($level)"
  setup_compiler "$python"
  want=$(setup_want "$level" "$python" | sha256sum)
  # Half-made, moved, or of the Python before an upgrade of the OS: made anew.
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1 || [ "$(cat .venv/.made-in 2>/dev/null)" != "$PWD" ]; then
    rm -rf .venv
    "$python" -m venv --system-site-packages .venv || setup_fail "could not make .venv"
    printf '%s' "$PWD" >.venv/.made-in
  fi
  # What is never imported need not be compiled.
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-compile --require-hashes \
    -r requirements/build.txt -r "requirements/$level.txt" >&2 ||
    setup_fail "pip could not install requirements/$level.txt: check the network, then run this again."
  # Made anew, or not there: never those of older sources, where the compiler fails.
  rm -f hotspotd/biometrics/*/native/_kernels*.so
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e . >&2 ||
    setup_fail "pip could not install this checkout into .venv"
  compgen -G 'hotspotd/biometrics/finger/native/_kernels*.so' >/dev/null ||
    setup_say "No C compiler: fingerprints are compared by numpy, 30 to 100 times slower." \
      "To have it fast: sudo apt-get install --no-install-recommends gcc libc6-dev, then run this again."
  printf '%s' "$want" >"$stamp"
}

setup() { # runtime|dev [apt package ...]
  local level=$1
  shift
  setup_apt python3-venv python3-systemd "$@"
  # Two scripts started at once set up one after the other.
  exec 9>.setup.lock
  command -v flock >/dev/null && flock 9
  setup_venv "$level"
  exec 9>&-
}
