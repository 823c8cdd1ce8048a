"""CLIP's vision tower as LLaVA reads it: patch tokens of an inner layer, projected to the language model's width.

image uint8 [B, side, side, 3]      resized and cropped by whoever runs it
->  image_embeddings [B, N, width]  a token per patch, row by row
    cls_attention [B, N]            what the class token attends to in the last layer that is run, mean of the heads
"""

from dataclasses import dataclass

import numpy as np

from tessera_export.checkpoint import require
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
        self.graph, self.config, self.weights = graph, config, weights

    def embed(self, image):
        graph, config, weights = self.graph, self.config, self.weights
        scale = np.float32(1 / (255 * np.array(config.std)))
        shift = np.float32(np.array(config.mean) / np.array(config.std))
        pixels = graph.mul(graph.cast(image, FLOAT), graph.constant(scale, np.float32))
        pixels = graph.node("Sub", pixels, graph.constant(shift, np.float32))
        pixels = graph.cast(graph.transpose(pixels, 0, 3, 1, 2), graph.type)
        kernel = graph.weight("patch_embedding", weights["embeddings.patch_embedding.weight"])
        patches = graph.node("Conv", pixels, kernel, strides=[config.patch] * 2)
        patches = graph.transpose(graph.reshape(patches, 0, config.width, -1), 0, 2, 1)
        first = graph.weight("class_embedding", weights["embeddings.class_embedding"].reshape(1, 1, -1))
        first = graph.expand(first, graph.size(image, 0), graph.integers(1), graph.integers(1))
        places = graph.weight("position_embedding", weights["embeddings.position_embedding.weight"])
        x = graph.add(graph.concat(first, patches, axis=1), places)
        return graph.layer_norm(x, "pre_layrnorm", weights, "pre_layrnorm", config.epsilon)

    def layer(self, x, number):
        """-> states after the layer, attention weights [B, heads, N + 1, N + 1]"""
        graph, config, weights = self.graph, self.config, self.weights
        key, size = f"encoder.layers.{number}", config.width // config.heads
        normed = graph.layer_norm(x, f"{key}.layer_norm1", weights, f"{key}.layer_norm1", config.epsilon)
        q, k, v = (
            graph.split_heads(
                graph.affine(normed, f"{key}.{part}", weights, f"{key}.self_attn.{part}"), config.heads, size
            )
            for part in ("q_proj", "k_proj", "v_proj")
        )
        logits = graph.node("MatMul", graph.scaled(q, size**-0.5), graph.transpose(k, 0, 1, 3, 2))
        attention = graph.node("Softmax", logits, axis=-1)
        attended = graph.merge_heads(graph.node("MatMul", attention, v), config.width)
        x = graph.add(x, graph.affine(attended, f"{key}.out_proj", weights, f"{key}.self_attn.out_proj"))
        normed = graph.layer_norm(x, f"{key}.layer_norm2", weights, f"{key}.layer_norm2", config.epsilon)
        hidden = graph.affine(normed, f"{key}.fc1", weights, f"{key}.mlp.fc1")
        if config.activation == "quick_gelu":
            hidden = graph.node("QuickGelu", hidden, alpha=1.702, fused=True)
        else:
            hidden = graph.node("Gelu", hidden)
        return graph.add(x, graph.affine(hidden, f"{key}.fc2", weights, f"{key}.mlp.fc2")), attention

    def patches(self, image, select_layer):
        """States of the patches after a layer, counted as transformers counts `hidden_states` -> [B, N, width], CLS
        attention [B, N]"""
        graph, config = self.graph, self.config
        count = select_layer % (config.layers + 1)
        require(0 < count, "the selected layer of the tower is before its first one")
        x = self.embed(image)
        for number in range(count):
            x, attention = self.layer(x, number)
        cls = graph.slice(graph.slice(attention, 0, 1, 2), 1, END, 3)
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
