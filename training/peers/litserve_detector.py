"""The detector of tessera-baseline behind LitServe, for `npm run bench:peers`.

python litserve_detector.py GRAPH PORT
"""

import base64
import io
import sys

import litserve
import numpy as np
import onnxruntime
from PIL import Image, ImageOps


class Detector(litserve.LitAPI):
    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def setup(self, device):
        self.session = onnxruntime.InferenceSession(self.graph, providers=["CPUExecutionProvider"])

    def decode_request(self, request):
        image = Image.open(io.BytesIO(base64.b64decode(request["image"]))).convert("RGB")
        view = ImageOps.pad(image, (512, 512), Image.Resampling.BILINEAR, color=(124, 116, 103))
        return np.asarray(view)[None], image.size

    def predict(self, inputs):
        pixels, size = inputs
        boxes, scores, classes = self.session.run(["boxes", "scores", "classes"], {"image": pixels})
        # The view is a square around the picture.
        padding = (max(size) - np.array(size * 2)) / 2
        return boxes[0] * max(size) - padding, scores[0], classes[0]

    def encode_response(self, detections):
        boxes, scores, classes = detections
        found = scores > 0.15
        return {"boxes": boxes[found].tolist(), "scores": scores[found].tolist(), "classes": classes[found].tolist()}


if __name__ == "__main__":
    graph, port = sys.argv[1:]
    server = litserve.LitServer(Detector(graph), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False)
