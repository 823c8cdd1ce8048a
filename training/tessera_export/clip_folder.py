"""What a Hugging Face folder of CLIP says about the model: sizes and preprocessing."""

from dataclasses import dataclass

from tessera_export.fields import Fields
from tessera_export.folder import CheckpointError

ACTIVATIONS = ("quick_gelu", "gelu")
BICUBIC = 3
# What transformers' CLIPTextConfig, CLIPVisionConfig and CLIPConfig have where config.json says nothing.
TEXT_DEFAULTS = {
    "vocab_size": 49408,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 8,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
VISION_DEFAULTS = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 32,
    "num_channels": 3,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
PROJECTION_WIDTH = 512
IMAGE_DEFAULTS = {
    "do_resize": True,
    "do_center_crop": True,
    "do_rescale": True,
    "do_normalize": True,
    "rescale_factor": 1 / 255,
    "resample": BICUBIC,
    "size": 224,
    "crop_size": 224,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}


@dataclass(frozen=True)
class Tower:
    width: int
    feed_width: int
    layers: int
    heads: int
    activation: str
    epsilon: float


@dataclass(frozen=True)
class ClipConfig:
    text: Tower
    vision: Tower
    vocabulary: int  # rows of the token embedding
    context_length: int
    image_size: int
    patch_size: int
    embedding_width: int


@dataclass(frozen=True)
class Preprocessing:
    """The shortest side is scaled to `size`, the centre cropped; then (pixel / 255 - mean) / std of each channel."""

    size: int
    mean: list
    std: list


def read_config(folder):
    if "open_clip_config.json" in folder and "config.json" not in folder:
        raise CheckpointError(
            f"{folder.path} is a folder of open_clip alone. Take the files of the same model for transformers "
            "(config.json, model.safetensors, tokenizer.json, preprocessor_config.json)."
        )
    config = folder.json("config.json")
    kind = config.get("model_type")
    if kind in ("clip_text_model", "clip_vision_model"):
        raise CheckpointError(f"{folder.path} has one half of CLIP ({kind}); both halves are needed.")
    if kind != "clip":
        raise CheckpointError(f'{folder.path} is not a CLIP model: config.json has model_type "{kind}".')
    text = part(config, "text_config", TEXT_DEFAULTS)
    vision = vision_part(config)
    return ClipConfig(
        text=tower("text_config", text),
        vision=tower("vision_config", vision),
        vocabulary=text["vocab_size"],
        context_length=text["max_position_embeddings"],
        image_size=vision["image_size"],
        patch_size=vision["patch_size"],
        embedding_width=Fields(config).count("projection_dim", PROJECTION_WIDTH),
    )


def part(config, name, defaults):
    """Early releases of transformers wrote a second copy, `…_dict`, which wins as it does there."""
    first, second = (Fields(config).part(key).values for key in (name, f"{name}_dict"))
    given = Fields({**first, **second}, f"{name} of config.json")
    return {key: given.like(key, default) for key, default in defaults.items()}


def vision_part(config):
    vision = part(config, "vision_config", VISION_DEFAULTS)
    if vision["num_channels"] != 3:
        raise CheckpointError(f"The vision tower reads {vision['num_channels']} channels; images have 3.")
    if vision["image_size"] % vision["patch_size"]:
        raise CheckpointError(
            f"Patches of {vision['patch_size']} pixels do not fill an image of {vision['image_size']}."
        )
    return vision


def tower(name, values):
    activation = values["hidden_act"]
    if activation not in ACTIVATIONS:
        raise CheckpointError(
            f'hidden_act "{activation}" of {name} cannot be exported; {" and ".join(ACTIVATIONS)} can.'
        )
    width, heads = values["hidden_size"], values["num_attention_heads"]
    if width % heads:
        raise CheckpointError(f"{heads} attention heads of {name} do not divide its hidden_size {width}.")
    return Tower(
        width, values["intermediate_size"], values["num_hidden_layers"], heads, activation, values["layer_norm_eps"]
    )


def read_preprocessing(folder, image_size):
    """-> Preprocessing; refuses what the service would not do in the same way."""
    name = "preprocessor_config.json"
    if name not in folder and "processor_config.json" in folder:
        given = Fields(folder.json("processor_config.json"), "processor_config.json").part("image_processor").values
    else:
        given = folder.json(name)
    values = {key: given.get(key, default) for key, default in IMAGE_DEFAULTS.items()}
    for step in ("do_resize", "do_center_crop", "do_rescale", "do_normalize"):
        if not values[step]:
            raise CheckpointError(f"{name} switches {step} off; images are always resized, cropped and normalised.")
    if values["resample"] != BICUBIC:
        raise CheckpointError(f"{name} resizes with filter {values['resample']}; only bicubic ({BICUBIC}) is served.")
    if abs(Fields(values, name).number("rescale_factor") * 255 - 1) > 1e-6:
        raise CheckpointError(f"{name} has the rescale_factor {values['rescale_factor']}; only 1/255 is served.")
    size, crop = side(values["size"]), side(values["crop_size"])
    if size is None or size != crop:
        raise CheckpointError(
            f"{name} resizes to {values['size']} and crops to {values['crop_size']}; "
            "only a shortest side that equals a square crop is served."
        )
    if size != image_size:
        raise CheckpointError(f"{name} gives images of {size} pixels, but the model reads {image_size}.")
    channels = Fields(values, name).channels
    return Preprocessing(size, channels("image_mean", 0, 1), channels("image_std", 0.001, 1))


def side(size):
    """Pixels of a square or of the shortest side, as a number or in one of the dictionaries of transformers."""
    if isinstance(size, int):
        return size
    if not isinstance(size, dict):
        return None
    if "shortest_edge" in size:
        return size["shortest_edge"]
    return size.get("height") if size.get("height") == size.get("width") else None
