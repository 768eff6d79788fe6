#!/usr/bin/env bash
# Sets a fresh Debian machine up: `setup.sh venv` makes .venv from the lock, `setup.sh servers` the servers of the tests.
set -euo pipefail
cd "$(dirname "$0")/../.."

# A package installed here must not start its daemon: the tests start their own, on loopback.
install_packages() {
  if [ "$(id -u)" != 0 ]; then
    echo "needs these packages, and root to install them: $*" >&2
    return 1
  fi
  local policy=/usr/sbin/policy-rc.d guard=""
  if [ ! -e "$policy" ]; then
    guard="$policy"
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  local status=0
  { apt-get -qq -o DPkg::Lock::Timeout=300 update &&
    apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@" > /dev/null; } || status=$?
  [ -z "$guard" ] || rm -f "$guard"
  return "$status"
}

make_venv() {
  # make puts .venv first on PATH, and that is about to go.
  PATH="${PATH//"$PWD/.venv/bin:"/}"
  local python="${HOST_PYTHON:-python3}"
  command -v "$python" > /dev/null || install_packages python3
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "tagstream needs Python 3.11 or newer; HOST_PYTHON names another one than $python" >&2; exit 1; }
  "$python" -c 'import ensurepip, venv' 2> /dev/null || install_packages python3-venv
  echo "making .venv from requirements.lock (once)" >&2
  rm -rf .venv
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --requirement requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
  touch .venv/ready
}

install_servers() {
  local missing=()
  command -v git > /dev/null || missing+=(git)
  command -v docker-registry > /dev/null || missing+=(docker-registry)
  command -v skopeo > /dev/null || missing+=(skopeo)
  command -v htpasswd > /dev/null || missing+=(apache2-utils)
  [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
  command -v ssh-keygen > /dev/null || missing+=(openssh-client)
  command -v gpg > /dev/null || missing+=(gnupg)
  command -v chromium > /dev/null || missing+=(chromium fonts-dejavu-core)
  [ "${#missing[@]}" = 0 ] || install_packages "${missing[@]}" ||
    echo "tests that need them will say so and be skipped" >&2
}

case "${1:-}" in
  venv) make_venv ;;
  servers) install_servers ;;
  *) echo "usage: setup.sh venv|servers" >&2; exit 2 ;;
esac
