"""The colour of an object by a rule: captions of the base model use these words, never a data set's labels."""

import numpy as np

# sRGB of the words; the nearest in CIELAB names a pixel.
NAMED = {
    "black": (15, 15, 18), "charcoal": (54, 57, 63), "grey": (128, 128, 128), "silver": (190, 192, 195),
    "white": (245, 245, 245), "cream": (245, 235, 210), "beige": (220, 200, 165), "tan": (195, 155, 110),
    "brown": (110, 70, 40), "chocolate": (70, 42, 28), "maroon": (105, 15, 30), "red": (205, 25, 35),
    "coral": (250, 120, 100), "orange": (245, 130, 30), "gold": (205, 160, 45), "yellow": (250, 225, 60),
    "lime": (150, 220, 60), "green": (35, 135, 60), "olive": (110, 115, 55), "dark green": (20, 65, 40),
    "mint": (170, 225, 195), "teal": (20, 125, 130), "turquoise": (70, 205, 205), "sky blue": (130, 190, 235),
    "blue": (35, 85, 190), "royal blue": (25, 45, 150), "navy": (25, 30, 70), "denim": (75, 100, 140),
    "purple": (110, 50, 140), "lavender": (190, 170, 220), "pink": (245, 165, 190), "magenta": (205, 40, 130),
}  # fmt: skip
WORDS = list(NAMED)


def lab(rgb):
    """sRGB [..., 3] in 0–255 -> CIELAB (D65), [..., 3]."""
    value = np.asarray(rgb, np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / [0.9505, 1.0, 1.089]
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


NAMED_LAB = lab(np.array(list(NAMED.values())))


def foreground(pixels):
    """Pixels [H, W, 3] -> how far each is from the border's colour and how central, [H, W] in 0–1."""
    colours = lab(pixels)
    height, width = pixels.shape[:2]
    border = np.concatenate([colours[:2].reshape(-1, 3), colours[:, :2].reshape(-1, 3), colours[:, -2:].reshape(-1, 3)])
    away = np.linalg.norm(colours - np.median(border, 0), axis=-1)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.clip(away / 20, 0, 1) * np.exp(-(x**2 + y**2))


def colour_word(pixels):
    """The word that names most of the foreground of pixels [H, W, 3]; of an all but empty foreground, of the centre."""
    weight = foreground(pixels)
    if weight.mean() < 0.02:
        y, x = np.mgrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
        weight = np.exp(-3 * (x**2 + y**2))
    nearest = np.linalg.norm(lab(pixels)[..., None, :] - NAMED_LAB, axis=-1).argmin(-1)
    return WORDS[np.bincount(nearest.ravel(), weight.ravel(), len(WORDS)).argmax()]
