#!/usr/bin/env bash
# Follows the README from a fresh clone: npm ci, npm start, curl a photo and a sentence, npx tessera, decode the mask with pycocotools.
# Photo and sentence: the arguments, else the README's, whose photo is in the clone. Prints the time to the first mask.
# What it makes is in the directory that WORK names, and is kept there; without WORK it is removed.
set -euo pipefail
repository=$(cd "$(dirname "$0")/../.." && pwd)
photo=${1:-$repository/packages/playground/public/samples/coffee.jpg}
work=${WORK:-$(mktemp -d)}
server=
finish() {
  if [ -n "$server" ]; then kill -TERM -- "-$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
  [ -n "${WORK:-}" ] || rm -rf "$work"
}
trap finish EXIT

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pycocotools==2.0.11 pillow==12.0.0
started=$SECONDS
git clone --quiet "$repository" "$work/tessera"
cd "$work/tessera"
npm ci
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
PORT=$port setsid npm start >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 180); do
  if curl -sf "http://127.0.0.1:$port/readyz" >/dev/null; then break; fi
  if ! kill -0 "$server" 2>/dev/null; then cat "$work/server.log"; exit 1; fi
  sleep 1
done
curl -sS --fail-with-body -F image=@"$photo" -F query="${2:-the cup}" "http://127.0.0.1:$port/segment" >"$work/answer.json" ||
  { cat "$work/answer.json" "$work/server.log"; exit 1; }
echo "fresh clone to first mask: $((SECONDS - started)) s"
TESSERA_CLIENT_URL=http://127.0.0.1:$port npx tessera vocabulary list

"$work/venv/bin/python" - "$work/answer.json" "$photo" <<'PYTHON'
import json, sys
from PIL import Image, ImageOps
from pycocotools import mask as coco
answer = json.load(open(sys.argv[1]))
width, height = ImageOps.exif_transpose(Image.open(sys.argv[2])).size
result = answer["results"][0]
assert result["present"], result
mask = coco.decode(result["mask"])
assert mask.shape == (height, width), (mask.shape, height, width)
assert int(mask.sum()) == result["area"], (int(mask.sum()), result["area"])
assert list(coco.toBbox(result["mask"])) == result["bbox"] or not result["present"], result["bbox"]
print(f"decoded with pycocotools: {mask.shape}, present {result['present']}, area {result['area']}, score {result['score']:.2f}")
PYTHON
