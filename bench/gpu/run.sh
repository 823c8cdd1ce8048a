#!/usr/bin/env bash
# Measures the models on an NVIDIA GPU in under eight minutes, into bench/results/gpu-benchmark.json: prefill of a language
# model of 7B shape with and without cuts of its image tokens, SAM's image encoder, whole requests per second. Before that it
# installs what it needs, on a machine with Node, npm, Python 3.11 and an NVIDIA driver; that takes some minutes more.
#
#   bench/gpu/run.sh [--cpu] [--small] [--out FILE] [--python PYTHON]
#
# --cpu      on the processor, to try the script where there is no GPU
# --small    tiny models, seconds
# --python   a Python that has torch, numpy, onnx and onnxruntime-gpu (--cpu: onnxruntime); otherwise one is made in .tessera/gpu
set -euo pipefail
cd "$(dirname "$0")/../.."

cpu= small= out= python=
while [ $# -gt 0 ]; do
  case $1 in
    --cpu) cpu=--cpu ;;
    --small) small=--small ;;
    --out | --python)
      [ $# -gt 1 ] || { echo "$1 needs a value." >&2; exit 2; }
      if [ "$1" = --out ]; then out=$(realpath -m "$2"); else python=$2; fi
      shift
      ;;
    *)
      sed -n '2,/^set/{/^set/!p}' "$0" >&2
      exit 2
      ;;
  esac
  shift
done

fail() {
  echo "$1" >&2
  exit 1
}

# Only the full form on a GPU is what the page is about.
if [ -z "$out" ]; then
  out=$PWD/bench/results/gpu-benchmark.json
  [ -z "$cpu$small" ] || out=$PWD/.tessera/gpu-benchmark.json
fi

# --- what the machine must have

for program in node npm; do
  command -v $program >/dev/null || fail "$program is missing: install Node.js 20.19 or newer, https://nodejs.org."
done
if [ -z "$cpu" ]; then
  nvidia-smi >/dev/null 2>&1 || fail 'nvidia-smi finds no GPU: install the NVIDIA driver, or try the script with --cpu.'
fi
if [ -z "$small" ]; then
  needed_memory=16 needed_disk=20 needed_gpu=12
else
  needed_memory=2 needed_disk=1 needed_gpu=2
fi
gigabytes() { echo $(($1 / 1000000)); } # of kilobytes
memory=$(gigabytes "$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)")
[ "$memory" -ge $needed_memory ] || fail "$memory GB of memory are free; $needed_memory are needed."
for directory in . "${TMPDIR:-/tmp}"; do
  disk=$(gigabytes "$(df -Pk "$directory" | awk 'NR == 2 {print $4}')")
  [ "$disk" -ge $needed_disk ] || fail "$disk GB of disk are free in $directory; $needed_disk are needed."
done
if [ -z "$cpu" ]; then
  free=$(nvidia-smi --query-gpu=memory.free --format=csv,noheader,nounits | head -1)
  [ "$free" -ge $((needed_gpu * 1000)) ] || fail "$free MiB of the GPU's memory are free; $needed_gpu GB are needed."
fi

# --- what it installs

[ -d node_modules ] || npm ci
if [ -z "$cpu" ] && [ ! -e node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so ]; then
  echo 'fetching the CUDA provider of onnxruntime-node' >&2
  (cd node_modules/onnxruntime-node && ONNXRUNTIME_NODE_INSTALL=cuda12 node script/install.js) ||
    echo 'it cannot be fetched; requests per second will be missing' >&2
fi
if [ -z "$python" ]; then
  python=$PWD/.tessera/gpu/bin/python
  if [ ! -x "$python" ]; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail 'python3 is older than 3.11.'
    python3 -m venv .tessera/gpu
  fi
  # The releases of training/pyproject.toml; ONNX Runtime is the one that the service has.
  runtime='onnxruntime-gpu[cuda,cudnn]==1.26.0'
  [ -z "$cpu" ] || runtime=onnxruntime==1.26.0
  "$python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 "$runtime"
  # Torch only draws and writes weights: the build without CUDA will do, and is a tenth of the size.
  "$python" -m pip install --quiet --disable-pip-version-check torch==2.15.0 --index-url https://download.pytorch.org/whl/cpu ||
    "$python" -m pip install --quiet --disable-pip-version-check torch==2.15.0
fi
# NVIDIA's libraries from PyPI, for the service.
libraries=$("$python" -c 'import glob, sysconfig; print(":".join(glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib")))')
export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
node scripts/build.js packages/bundle-builder packages/playground services/standalone bench
node packages/bundle-builder/dist/cli.js

# --- the measurements

# shellcheck disable=SC2086
node bench/dist/gpu/benchmark.js --python "$python" --out "$out" $cpu $small
[ "$out" != "$PWD/bench/results/gpu-benchmark.json" ] || echo 'Now `npm run bench:pages` writes docs/reference/gpu-benchmark.md.' >&2
