"""The detector of tessera-baseline behind BentoML, for `npm run bench:peers`.

TESSERA_GRAPH=GRAPH bentoml serve bentoml_detector:Detector --port PORT
"""

import base64
import io
import os

import bentoml
import numpy as np
import onnxruntime
from PIL import Image, ImageOps


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 64}, logging={"access": {"enabled": False}})
class Detector:
    def __init__(self):
        self.session = onnxruntime.InferenceSession(os.environ["TESSERA_GRAPH"], providers=["CPUExecutionProvider"])

    @bentoml.api
    def predict(self, image: str) -> dict:
        picture = Image.open(io.BytesIO(base64.b64decode(image))).convert("RGB")
        view = ImageOps.pad(picture, (512, 512), Image.Resampling.BILINEAR, color=(124, 116, 103))
        boxes, scores, classes = self.session.run(["boxes", "scores", "classes"], {"image": np.asarray(view)[None]})
        found = scores[0] > 0.15
        # The view is a square around the picture.
        padding = (max(picture.size) - np.array(picture.size * 2)) / 2
        boxes = boxes[0] * max(picture.size) - padding
        figures = {"boxes": boxes[found], "scores": scores[0][found], "classes": classes[0][found]}
        return {name: values.tolist() for name, values in figures.items()}
