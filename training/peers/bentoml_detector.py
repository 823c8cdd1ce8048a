"""The detector of tessera-baseline behind BentoML, for `npm run bench:peers`.

TESSERA_GRAPH=GRAPH bentoml serve bentoml_detector:Detector --port PORT
"""

import base64
import io
import os

import bentoml
import onnxruntime
from PIL import Image
from views import boxes_in, view_of


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 64}, logging={"access": {"enabled": False}})
class Detector:
    def __init__(self):
        self.session = onnxruntime.InferenceSession(os.environ["TESSERA_GRAPH"], providers=["CPUExecutionProvider"])

    @bentoml.api
    def predict(self, image: str) -> dict:
        picture = Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB")
        view = view_of(picture)
        boxes, scores, classes = self.session.run(["boxes", "scores", "classes"], {"image": view})
        found = scores[0] > 0.15
        figures = {
            "boxes": boxes_in(boxes[0], view, picture.size)[found],
            "scores": scores[0][found],
            "classes": classes[0][found],
        }
        return {name: values.tolist() for name, values in figures.items()}
