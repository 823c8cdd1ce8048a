"""CLIP's vision tower as LLaVA reads it: patch tokens of an inner layer, projected to the language model's width.

image uint8 [B, side, side, 3]      resized and cropped by whoever runs it
->  image_embeddings [B, N, width]  a token per patch, row by row
    cls_attention [B, N]            what the class token attends to in the last layer that is run, mean of the heads
"""

from dataclasses import dataclass

from tessera_export.checkpoint import require
from tessera_export.clip_folder import IMAGE_DEFAULTS, Tower, tower, vision_part
from tessera_export.clip_layers import TowerWeights, VisionLayers
from tessera_export.export_graph import ExportGraph
from tessera_training.contract import Contract
from tessera_training.graph import END, FLOAT

UINT8 = 2
MEAN, STD = (tuple(IMAGE_DEFAULTS[name]) for name in ("image_mean", "image_std"))


@dataclass(frozen=True, kw_only=True)
class VisionConfig(Tower):
    side: int
    patch: int
    mean: tuple = MEAN
    std: tuple = STD

    @classmethod
    def read(cls, config):
        """From the `config.json` of CLIP, or of its vision tower alone."""
        vision = vision_part(config if "vision_config" in config else {"vision_config": config})
        sizes = vars(tower("vision_config", vision))
        return cls(side=vision["image_size"], patch=vision["patch_size"], **sizes)

    @property
    def tokens(self):
        return (self.side // self.patch) ** 2


class VisionTower:
    def __init__(self, graph, config, weights):
        """`weights` by their names below `vision_model.`"""
        self.graph, self.config = graph, config
        self.layers = VisionLayers(graph, TowerWeights(weights, "", config))
        self.attention = None  # of the last layer so far [B, heads, N + 1, N + 1]

    def attend(self, *states):
        graph, width, heads = self.graph, self.config.width, self.config.heads
        size = width // heads
        query, key, value = (graph.split_heads(part, heads, size) for part in states)
        logits = graph.node("MatMul", graph.scaled(query, size**-0.5), graph.transpose(key, 0, 1, 3, 2))
        self.attention = graph.node("Softmax", logits, axis=-1)
        return graph.merge_heads(graph.node("MatMul", self.attention, value), width)

    def patches(self, image, select_layer):
        """States of the patches after a layer, counted as transformers counts `hidden_states` -> [B, N, width], CLS
        attention [B, N]"""
        graph, config, layers = self.graph, self.config, self.layers
        count = select_layer if select_layer >= 0 else config.layers + 1 + select_layer
        require(0 < count <= config.layers, f"mm_vision_select_layer {select_layer} is none of the tower's layers")
        x = layers.tokens(layers.planes(image, config.mean, config.std), config.side, config.patch)
        for index in range(count):
            x = layers.block(x, index, self.attend)
        cls = graph.slice(graph.slice(self.attention, 0, 1, 2), 1, END, 3)
        cls = graph.node("ReduceMean", cls, graph.integers(1, 2), keepdims=0)
        return graph.slice(x, 1, END, 1), cls


def write_vision_tower(weights, config, projector, path, select_layer, precision="float32"):
    """`projector`: weights `weight` and `bias` of one linear layer."""
    width = projector.shape("weight")[0]
    contract = Contract(
        {"image": (UINT8, ["batch", config.side, config.side, 3])},
        {
            "image_embeddings": (FLOAT, ["batch", config.tokens, width]),
            "cls_attention": (FLOAT, ["batch", config.tokens]),
        },
        batch="batch",
    )
    graph = ExportGraph("vision_tower", contract, path, precision)
    patches, cls = VisionTower(graph, config, weights).patches("image", select_layer)
    graph.output("image_embeddings", graph.single(graph.affine(patches, "mm_projector", {
        f"mm_projector.{part}": projector[part] for part in ("weight", "bias")
    }, "mm_projector")))  # fmt: skip
    graph.output("cls_attention", graph.single(cls))
    graph.save()
    return graph
