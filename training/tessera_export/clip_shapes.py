"""CLIP's weights by their names and shapes."""

from tessera_export.sam_shapes import linear, norm


def clip_shapes(config):
    """Both towers and what they are projected with; logit_scale aside, which may be in a list."""
    text, vision, width = config.text, config.vision, config.embedding_width
    return (
        {
            "text_model.embeddings.token_embedding.weight": (config.vocabulary, text.width),
            "text_model.embeddings.position_embedding.weight": (config.context_length, text.width),
            "text_projection.weight": (width, text.width),
            "visual_projection.weight": (width, vision.width),
        }
        | layer_shapes("text_model", text)
        | norm("text_model.final_layer_norm", text.width)
        | tower_shapes(vision, config.image_size, config.patch_size)
        | norm("vision_model.post_layernorm", vision.width)
    )


def tower_shapes(vision, side, patch):
    """The vision tower up to the states of its patches."""
    width, name = vision.width, "vision_model"
    return (
        {
            f"{name}.embeddings.class_embedding": (width,),
            f"{name}.embeddings.patch_embedding.weight": (width, 3, patch, patch),
            f"{name}.embeddings.position_embedding.weight": (1 + (side // patch) ** 2, width),
        }
        | norm(f"{name}.pre_layrnorm", width)
        | layer_shapes(name, vision)
    )


def layer_shapes(name, tower):
    width, feed, shapes = tower.width, tower.feed_width, {}
    for number in range(tower.layers):
        key = f"{name}.encoder.layers.{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= linear(f"{key}.self_attn.{part}", width, width)
        shapes |= linear(f"{key}.mlp.fc1", feed, width) | linear(f"{key}.mlp.fc2", width, feed)
        shapes |= norm(f"{key}.layer_norm1", width) | norm(f"{key}.layer_norm2", width)
    return shapes
