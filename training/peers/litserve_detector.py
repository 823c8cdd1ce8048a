"""The detector of tessera-baseline behind LitServe, for `npm run bench:peers`.

python litserve_detector.py GRAPH PORT
"""

import base64
import io
import sys

import litserve
import onnxruntime
from PIL import Image
from views import boxes_in, view_of


class Detector(litserve.LitAPI):
    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def setup(self, device):
        self.session = onnxruntime.InferenceSession(self.graph, providers=["CPUExecutionProvider"])

    def decode_request(self, request):
        image = Image.open(io.BytesIO(base64.b64decode(request["image"]))).convert("RGB")
        return view_of(image), image.size

    def predict(self, inputs):
        view, size = inputs
        boxes, scores, classes = self.session.run(["boxes", "scores", "classes"], {"image": view})
        return boxes_in(boxes[0], view, size), scores[0], classes[0]

    def encode_response(self, detections):
        boxes, scores, classes = detections
        found = scores > 0.15
        return {"boxes": boxes[found].tolist(), "scores": scores[found].tolist(), "classes": classes[found].tolist()}


if __name__ == "__main__":
    graph, port = sys.argv[1:]
    server = litserve.LitServer(Detector(graph), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False)
