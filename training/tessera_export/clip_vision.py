"""CLIP's vision tower as LLaVA reads it: patch tokens of an inner layer, projected to the language model's width.

image uint8 [B, side, side, 3]      resized and cropped by whoever runs it
->  image_embeddings [B, N, width]  a token per patch, row by row
    cls_attention [B, N]            what the class token attends to in the last layer that is run, mean of the heads
"""

from dataclasses import dataclass

from tessera_export.checkpoint import require
from tessera_export.clip_layers import TowerWeights, VisionLayers
from tessera_export.export_graph import ExportGraph
from tessera_training.contract import Contract
from tessera_training.graph import END, FLOAT

UINT8 = 2
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass
class VisionConfig:
    side: int
    patch: int
    width: int
    feed_width: int
    layers: int
    heads: int
    epsilon: float
    activation: str
    mean: tuple = MEAN
    std: tuple = STD

    @classmethod
    def read(cls, config, preprocessor):
        """From the `config.json` and the `preprocessor_config.json` of a CLIP folder."""
        vision = config.get("vision_config", config)
        activation = vision.get("hidden_act", "quick_gelu")
        require(activation in ("quick_gelu", "gelu"), f"the tower's activation {activation} is not supported")
        return cls(
            side=vision.get("image_size", 224),
            patch=vision.get("patch_size", 32),
            width=vision.get("hidden_size", 768),
            feed_width=vision.get("intermediate_size", 3072),
            layers=vision.get("num_hidden_layers", 12),
            heads=vision.get("num_attention_heads", 12),
            epsilon=vision.get("layer_norm_eps", 1e-5),
            activation=activation,
            mean=tuple(preprocessor.get("image_mean", MEAN)),
            std=tuple(preprocessor.get("image_std", STD)),
        )

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
        count = select_layer % (config.layers + 1)
        require(0 < count, "the selected layer of the tower is before its first one")
        x = layers.tokens(layers.planes(image, config.mean, config.std), config.side, config.patch)
        for index in range(count):
            x = layers.block(x, index, self.attend)
        cls = graph.slice(graph.slice(self.attention, 0, 1, 2), 1, END, 3)
        cls = graph.node("ReduceMean", cls, graph.integers(1, 2), keepdims=0)
        return graph.slice(x, 1, END, 1), cls


def write_vision_tower(weights, config, projector, path, select_layer, precision="float32"):
    """`projector`: weights `weight` and `bias` of one linear layer."""
    width = projector.shape("weight")[0]
    require(
        projector.shape("weight")[1] == config.width,
        f"mm_projector takes states of width {projector.shape('weight')[1]}, but the tower has {config.width}: "
        "this is not the CLIP that the checkpoint was trained with",
    )
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
