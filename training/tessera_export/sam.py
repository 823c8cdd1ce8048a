"""Segment Anything from stock names (`image_encoder.blocks.0.norm1.weight`): ViT-B, L and H by their shapes.

Image encoder:
    image uint8 [B, height, width, 3]   scaled so that the longest side is 1024; zeros beside those that are smaller
    sizes int64 [B, 2]                  height and width of each
    ->  embedding [B, 256, 64, 64]

Mask decoder, for the prompts of one image:
    embedding [1, 256, 64, 64]
    points [P, n, 2], labels int64 [P, n]   in pixels of the encoder's input; 1 on the object, 0 beside it, 2 and 3 the
                                            corners of its box, -1 padding
    prompt_embeddings [P, m, 256]           prompts of another model
    ->  low_res_masks [P, 256, 256]         logits of the mask for unambiguous prompts (`multimask_output=False`)
        iou [P]                             the IoU that the decoder expects
"""

import numpy as np
import torch

from tessera_export.export_graph import ExportGraph
from tessera_export.sam_shapes import PROMPT
from tessera_training.contract import Contract
from tessera_training.graph import FLOAT, INT64

UINT8 = 2
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
NORM_EPSILON = 1e-6
TRANSFORMER_EPSILON = 1e-5
DECODER_HEADS = 8


class ImageEncoder:
    def __init__(self, graph, weights):
        """`weights` by their names below `image_encoder.`"""
        self.graph, self.weights = graph, weights
        self.grid, self.width = weights.shape("pos_embed")[1::2]
        self.patch = weights.shape("patch_embed.proj.weight")[2]
        self.head = weights.shape("blocks.0.attn.rel_pos_h")[1]
        self.heads = self.width // self.head
        self.layers = next(number for number in range(1000) if f"blocks.{number}.norm1.weight" not in weights)

    def encode(self, image, sizes):
        graph, weights = self.graph, self.weights
        side = self.grid * self.patch
        pixels = graph.node("Sub", graph.cast(image, FLOAT), graph.constant(MEAN, np.float32))
        pixels = graph.mul(pixels, graph.constant(1 / np.array(STD), np.float32))
        for axis in (1, 2):
            pixels = graph.node("Where", self.inside(image, sizes, axis), pixels, graph.constant(0, np.float32))
        room = graph.node("Sub", graph.integers(side, side), graph.node("Shape", image, start=1, end=3))
        pads = graph.concat(graph.integers(0, 0, 0, 0, 0), room, graph.integers(0), axis=0)
        pixels = graph.node("Pad", pixels, pads, graph.constant(0, np.float32))
        pixels = graph.cast(graph.transpose(pixels, 0, 3, 1, 2), graph.type)
        kernel = graph.weight("patch_embed.weight", weights["patch_embed.proj.weight"])
        bias = graph.weight("patch_embed.bias", weights["patch_embed.proj.bias"])
        x = graph.transpose(graph.node("Conv", pixels, kernel, bias, strides=[self.patch] * 2), 0, 2, 3, 1)
        x = graph.add(x, graph.weight("pos_embed", weights["pos_embed"]))
        for number in range(self.layers):
            x = self.block(x, f"blocks.{number}")
        return self.neck(x)

    def inside(self, image, sizes, axis):
        """Which rows (axis 1) or columns (2) belong to each image -> bool [B, height, 1, 1] or [B, 1, width, 1]"""
        graph = self.graph
        size = graph.slice(sizes, axis - 1, axis, 1)
        within = graph.node("Less", graph.range(graph.size(image, axis)), size)
        return graph.unsqueeze(within, 3 - axis, 3)

    def block(self, x, key):
        """x [B, grid, grid, width]"""
        graph, weights = self.graph, self.weights
        normed = graph.layer_norm(x, f"{key}.norm1", weights, f"{key}.norm1", NORM_EPSILON)
        window = (weights.shape(f"{key}.attn.rel_pos_h")[0] + 1) // 2
        if window == self.grid:
            attended = self.attention(normed, key, self.grid)
        else:
            attended = self.merged(self.attention(self.windows(normed, window), key, window), window)
        x = graph.add(x, attended)
        normed = graph.layer_norm(x, f"{key}.norm2", weights, f"{key}.norm2", NORM_EPSILON)
        hidden = graph.node("Gelu", graph.affine(normed, f"{key}.lin1", weights, f"{key}.mlp.lin1"))
        return graph.add(x, graph.affine(hidden, f"{key}.lin2", weights, f"{key}.mlp.lin2"))

    def windows(self, x, window):
        """[B, grid, grid, width] -> [windows, window, window, width], padded with zeros"""
        graph, count = self.graph, -(-self.grid // window)
        padding = count * window - self.grid
        x = graph.node("Pad", x, graph.integers(0, 0, 0, 0, 0, padding, padding, 0))
        x = graph.transpose(graph.reshape(x, -1, window, count, window, self.width), 0, 2, 1, 3, 4)
        return graph.reshape(x, -1, window, window, self.width)

    def merged(self, x, window):
        graph, count = self.graph, -(-self.grid // window)
        x = graph.transpose(graph.reshape(x, -1, count, window, window, self.width), 0, 2, 1, 3, 4)
        x = graph.reshape(x, -1, count * window, count * window, self.width)
        return graph.slice(x, 0, self.grid, 1, 2)

    def attention(self, x, key, side):
        """x [B, side, side, width], with decomposed relative positions"""
        graph, weights, heads, size = self.graph, self.weights, self.heads, self.head
        qkv = graph.affine(x, f"{key}.qkv", weights, f"{key}.attn.qkv")
        qkv = graph.transpose(graph.reshape(qkv, -1, side * side, 3, heads, size), 2, 0, 3, 1, 4)
        q, k, v = (graph.gather(qkv, graph.constant(part, np.int64)) for part in range(3))  # [B, heads, n, size]
        logits = graph.node("MatMul", graph.scaled(q, size**-0.5), graph.transpose(k, 0, 1, 3, 2))
        grid = graph.reshape(q, -1, side, side, size)  # [B * heads, h, w, size]
        rows = graph.node("MatMul", grid, self.relative(f"{key}.attn.rel_pos_h", side))  # [B * heads, h, w, h']
        turned = graph.transpose(grid, 0, 2, 1, 3)
        columns = graph.node("MatMul", turned, self.relative(f"{key}.attn.rel_pos_w", side))
        columns = graph.transpose(columns, 0, 2, 1, 3)  # [B * heads, h, w, w']
        logits = graph.reshape(logits, -1, side * side, side, side)
        logits = graph.add(logits, graph.reshape(rows, -1, side * side, side, 1))
        logits = graph.add(logits, graph.reshape(columns, -1, side * side, 1, side))
        logits = graph.reshape(logits, -1, heads, side * side, side * side)
        attended = graph.node("MatMul", graph.node("Softmax", logits, axis=-1), v)
        attended = graph.reshape(graph.transpose(attended, 0, 2, 1, 3), -1, side, side, self.width)
        return graph.affine(attended, f"{key}.proj", weights, f"{key}.attn.proj")

    def relative(self, key, side):
        """Embeddings of the distances between rows or columns -> [side, size, side]"""
        table = self.weights[key].float()
        distance = torch.arange(side)[:, None] - torch.arange(side) + side - 1
        return self.graph.weight(f"{key}.table", table[distance].transpose(1, 2))

    def neck(self, x):
        graph, weights = self.graph, self.weights
        x = graph.node("MatMul", x, graph.weight("neck.0", weights["neck.0.weight"].flatten(1).T))
        x = graph.layer_norm(x, "neck.1", weights, "neck.1", NORM_EPSILON)
        kernel = graph.weight("neck.2", weights["neck.2.weight"])
        x = graph.node("Conv", graph.transpose(x, 0, 3, 1, 2), kernel, pads=[1] * 4)
        x = graph.layer_norm(graph.transpose(x, 0, 2, 3, 1), "neck.3", weights, "neck.3", NORM_EPSILON)
        return graph.transpose(x, 0, 3, 1, 2)


def write_image_encoder(weights, path, precision="float32"):
    grid = weights.shape("pos_embed")[1]
    contract = Contract(
        {"image": (UINT8, ["batch", "height", "width", 3]), "sizes": (INT64, ["batch", 2])},
        {"embedding": (FLOAT, ["batch", PROMPT, grid, grid])},
        batch="batch",
        padded=("height", "width"),
    )
    graph = ExportGraph("image_encoder", contract, path, precision)
    graph.output("embedding", graph.single(ImageEncoder(graph, weights).encode("image", "sizes")))
    graph.save()
    return graph


class MaskDecoder:
    def __init__(self, graph, prompts, weights, grid, side):
        """`prompts`: weights below `prompt_encoder.`, `weights`: below `mask_decoder.`"""
        self.graph, self.prompts, self.weights, self.grid, self.side = graph, prompts, weights, grid, side

    # --- prompts

    def angles(self, coordinates):
        """Coordinates in [0, 1] [..., 2] -> their encoding [..., 256]"""
        matrix = self.prompts["pe_layer.positional_encoding_gaussian_matrix"].float()
        return np.pi * 2 * (2 * coordinates - 1) @ matrix.numpy()

    def image_positions(self):
        """[1, grid * grid, 256]"""
        places = (np.arange(self.grid) + 0.5) / self.grid
        y, x = np.meshgrid(places, places, indexing="ij")
        angles = self.angles(np.stack([x, y], -1).reshape(1, -1, 2).astype(np.float32))
        encoding = np.concatenate([np.sin(angles), np.cos(angles)], -1)
        return self.graph.weight("image_positions", torch.from_numpy(np.float32(encoding)))

    def point_tokens(self, points, labels):
        """[P, n, 2], [P, n] -> [P, n, 256]"""
        graph, prompts = self.graph, self.prompts
        matrix = prompts["pe_layer.positional_encoding_gaussian_matrix"].float()
        shares = graph.scaled(graph.add(points, graph.constant(0.5)), 2 / self.side)
        shares = graph.node("Sub", shares, graph.constant(1))
        angles = graph.node("MatMul", shares, graph.weight("point_matrix", matrix * 2 * torch.pi))
        encoding = graph.concat(graph.node("Sin", angles), graph.node("Cos", angles), axis=2)
        kinds = [prompts["not_a_point_embed.weight"], *(prompts[f"point_embeddings.{k}.weight"] for k in range(4))]
        table = graph.weight("point_kinds", torch.cat([kind.float() for kind in kinds]))
        kind = graph.gather(table, graph.add(labels, graph.integers(1)))
        is_point = graph.cast(graph.node("GreaterOrEqual", labels, graph.integers(0)), graph.type)
        return graph.add(kind, graph.mul(encoding, graph.unsqueeze(is_point, 2)))

    # --- transformer

    def attention(self, q, k, v, key):
        graph, weights = self.graph, self.weights
        width = weights.shape(f"{key}.q_proj.weight")[0]
        size = width // DECODER_HEADS
        parts = zip((q, k, v), ("q_proj", "k_proj", "v_proj"))
        q, k, v = (
            graph.split_heads(graph.affine(x, f"{key}.{part}", weights, f"{key}.{part}"), DECODER_HEADS, size)
            for x, part in parts
        )
        logits = graph.node("MatMul", graph.scaled(q, size**-0.5), graph.transpose(k, 0, 1, 3, 2))
        attended = graph.merge_heads(graph.node("MatMul", graph.node("Softmax", logits, axis=-1), v), width)
        return graph.affine(attended, f"{key}.out_proj", weights, f"{key}.out_proj")

    def norm(self, x, key):
        return self.graph.layer_norm(x, key, self.weights, key, TRANSFORMER_EPSILON)

    def two_way(self, tokens, image, positions):
        """tokens [P, n, 256], image [P, m, 256], positions [1, m, 256] -> both after the transformer"""
        graph, weights = self.graph, self.weights
        queries, keys = tokens, image
        for number in range(2):
            key = f"transformer.layers.{number}"
            if number == 0:
                queries = self.attention(queries, queries, queries, f"{key}.self_attn")
            else:
                q = graph.add(queries, tokens)
                queries = graph.add(queries, self.attention(q, q, queries, f"{key}.self_attn"))
            queries = self.norm(queries, f"{key}.norm1")
            attended = self.attention(
                graph.add(queries, tokens), graph.add(keys, positions), keys, f"{key}.cross_attn_token_to_image"
            )
            queries = self.norm(graph.add(queries, attended), f"{key}.norm2")
            hidden = graph.node("Relu", graph.affine(queries, f"{key}.lin1", weights, f"{key}.mlp.lin1"))
            hidden = graph.affine(hidden, f"{key}.lin2", weights, f"{key}.mlp.lin2")
            queries = self.norm(graph.add(queries, hidden), f"{key}.norm3")
            attended = self.attention(
                graph.add(keys, positions), graph.add(queries, tokens), queries, f"{key}.cross_attn_image_to_token"
            )
            keys = self.norm(graph.add(keys, attended), f"{key}.norm4")
        attended = self.attention(
            graph.add(queries, tokens), graph.add(keys, positions), keys, "transformer.final_attn_token_to_image"
        )
        return self.norm(graph.add(queries, attended), "transformer.norm_final_attn"), keys

    def perceptron(self, x, key):
        graph = self.graph
        for number in range(3):
            x = graph.affine(x, f"{key}.{number}", self.weights, f"{key}.layers.{number}")
            x = graph.node("Relu", x) if number < 2 else x
        return x

    def upscaled(self, image):
        """[P, grid * grid, 256] -> [P, 32, side / 4 * side / 4]"""
        graph, weights, key = self.graph, self.weights, "output_upscaling"

        def doubled(x, number):
            kernel = graph.weight(f"{key}.{number}.weight", weights[f"{key}.{number}.weight"])
            bias = graph.weight(f"{key}.{number}.bias", weights[f"{key}.{number}.bias"])
            return graph.node("ConvTranspose", x, kernel, bias, strides=[2, 2])

        image = graph.reshape(graph.transpose(image, 0, 2, 1), 0, PROMPT, self.grid, self.grid)
        x = graph.transpose(doubled(image, 0), 0, 2, 3, 1)
        x = graph.layer_norm(x, f"{key}.1", weights, f"{key}.1", NORM_EPSILON)
        x = doubled(graph.transpose(graph.node("Gelu", x), 0, 3, 1, 2), 3)
        return graph.reshape(graph.node("Gelu", x), 0, 0, -1)

    def decode(self, embedding, points, labels, prompt_embeddings):
        """-> logits [P, 4 grid, 4 grid], IoU [P]"""
        graph, weights = self.graph, self.weights
        given = graph.cast(prompt_embeddings, graph.type)
        sparse = graph.concat(self.point_tokens(graph.cast(points, graph.type), labels), given, axis=1)
        own = torch.cat([weights["iou_token.weight"].float(), weights["mask_tokens.weight"].float()])
        count = graph.size(sparse, 0)
        own = graph.weight("own_tokens", own[None])
        own = graph.expand(own, count, graph.integers(1), graph.integers(1))
        tokens = graph.concat(own, sparse, axis=1)
        image = graph.cast(embedding, graph.type)
        image = graph.add(image, graph.weight("no_mask", self.prompts["no_mask_embed.weight"].reshape(1, PROMPT, 1, 1)))
        image = graph.transpose(graph.reshape(image, 0, PROMPT, -1), 0, 2, 1)
        image = graph.expand(image, count, graph.integers(1), graph.integers(1))
        tokens, image = self.two_way(tokens, image, self.image_positions())
        iou = self.perceptron(graph.gather(tokens, graph.constant(0, np.int64), 1), "iou_prediction_head")
        mask_token = graph.slice(tokens, 1, 2, 1)  # the one for unambiguous prompts
        mask = graph.node("MatMul", self.perceptron(mask_token, "output_hypernetworks_mlps.0"), self.upscaled(image))
        mask = graph.reshape(mask, -1, 4 * self.grid, 4 * self.grid)
        return mask, graph.gather(iou, graph.constant(0, np.int64), 1)


def write_mask_decoder(prompts, weights, path, grid, side, precision="float32"):
    contract = Contract(
        {
            "embedding": (FLOAT, [1, PROMPT, grid, grid]),
            "points": (FLOAT, ["prompts", "points", 2]),
            "labels": (INT64, ["prompts", "points"]),
            "prompt_embeddings": (FLOAT, ["prompts", "embeddings", PROMPT]),
        },
        {"low_res_masks": (FLOAT, ["prompts", 4 * grid, 4 * grid]), "iou": (FLOAT, ["prompts"])},
    )
    graph = ExportGraph("mask_decoder", contract, path, precision)
    decoder = MaskDecoder(graph, prompts, weights, grid, side)
    masks, iou = decoder.decode("embedding", "points", "labels", "prompt_embeddings")
    graph.output("low_res_masks", graph.single(masks))
    graph.output("iou", graph.single(iou))
    graph.save()
    return graph
