"""The weights of a LISA checkpoint and of its CLIP by their names and shapes: checked before anything is written."""

from tessera_export.checkpoint import require
from tessera_export.clip_shapes import tower_shapes
from tessera_export.language_model import NORMS, PARTS
from tessera_export.sam_shapes import PROMPT, decoder_shapes, encoder_shapes, linear, prompt_shapes

SAM = "model.visual_model."
# Weights that no answer needs: what rotary positions are computed from, a copy of CLIP, which stays frozen, and of SAM
# the prompts that are masks and the masks of ambiguous prompts.
UNREAD = (
    r"model\.(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq",
    r"model\.vision_tower\..*",
    r"model\.visual_model\.pixel_(mean|std)",
    r"model\.visual_model\.prompt_encoder\.mask_downscaling\..*",
    r"model\.visual_model\.mask_decoder\.output_hypernetworks_mlps\.[1-3]\..*",
)
# The half that reads texts, and what comes after the states of patches.
UNREAD_OF_CLIP = (
    r"logit_scale",
    r"(text|visual)_projection\.weight",
    r"text_model\..*",
    r"vision_model\.embeddings\.position_ids",
    r"vision_model\.post_layernorm\..*",
)


def check(weights, llama, sam, tower, vision):
    """
    `weights` and `tower`: Checkpoints of the two folders

    Raises CheckpointError by the name of a tensor that is missing, has another shape or type, or that nothing would
    read although the model needs it.
    """
    shape = weights.shape("model.mm_projector.weight")
    require(len(shape) == 2, f"model.mm_projector.weight is {list(shape)}, but has to have two dimensions")
    read = shape[1]
    require(
        read == vision.width,
        f"mm_projector takes states of width {read}, but the tower has {vision.width}: "
        "this is not the CLIP that the checkpoint was trained with",
    )
    language, visual = language_shapes(llama, vision.width), sam_shapes(sam)
    patches = tower_shapes(vision, vision.side, vision.patch)
    weights.require(language, "config.json")
    weights.require(visual, "the rest of SAM")
    weights.refuse_others(language | visual, UNREAD)
    tower.require(patches, f"{tower.directory}/config.json")
    tower.refuse_others(patches, UNREAD_OF_CLIP)


def language_shapes(llama, tower_width):
    width, hidden = llama.width, llama.hidden
    keys = llama.key_heads * width // llama.heads
    shapes = {name: (llama.vocabulary, width) for name in ("model.embed_tokens.weight", "lm_head.weight")}
    shapes |= linear("model.mm_projector", width, tower_width)
    shapes |= linear("model.text_hidden_fcs.0.0", width, width) | linear("model.text_hidden_fcs.0.2", PROMPT, width)
    products = {"q": (width, width), "k": (keys, width), "v": (keys, width), "out": (width, width)}
    products |= {"gate": (hidden, width), "up": (hidden, width), "down": (width, hidden)}
    for number in range(llama.layers):
        key = f"model.layers.{number}"
        shapes |= {f"{key}.{PARTS[part]}.weight": shape for part, shape in products.items()}
        shapes |= {f"{key}.{name}.weight": (width,) for name in NORMS.values()}
    return shapes | {"model.norm.weight": (width,)}


def sam_shapes(sam):
    parts = {"image_encoder": encoder_shapes(sam), "prompt_encoder": prompt_shapes(), "mask_decoder": decoder_shapes()}
    return {f"{SAM}{part}.{name}": shape for part, shapes in parts.items() for name, shape in shapes.items()}
