"""What Pillow makes of a small tile, for each of RandAugment's operations (site-agent/data/randaugment).

Bytes are base64. `venv/bin/pip install pillow numpy`, then `venv/bin/python tests/parity/generate_randaugment.py`.
"""

import base64
import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageEnhance, ImageOps

SIZE = 11
FILL = (124, 116, 104)
rng = np.random.default_rng(5)
TILES = {
    "noise": rng.integers(0, 256, (SIZE, SIZE, 3)),
    # Few levels, none black or white: what auto-contrast and equalise are for.
    "pale": rng.integers(90, 171, (SIZE, SIZE, 3)) + np.array([40, -20, 10]),
}


def transform(matrix, cubic):
    resample = Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR
    return lambda tile: tile.transform(tile.size, Image.Transform.AFFINE, matrix, resample=resample, fillcolor=FILL)


def rotate(degrees, cubic):
    resample = Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR
    return lambda tile: tile.rotate(degrees, resample=resample, fillcolor=FILL)


def solarize_add(add):
    return lambda tile: tile.point([min(255, v + add) if v < 128 else v for v in range(256)] * 3)


def operations():
    yield "auto-contrast", 0, False, ImageOps.autocontrast
    yield "equalize", 0, False, ImageOps.equalize
    yield "invert", 0, False, ImageOps.invert
    for bits in (3, 4):
        yield "posterize", bits, False, lambda tile, bits=bits: ImageOps.posterize(tile, bits)
    for threshold in (200, 256):
        yield "solarize", threshold, False, lambda tile, t=threshold: ImageOps.solarize(tile, t)
    for add in (99, 110):
        yield "solarize-add", add, False, solarize_add(add)
    enhance = dict(color="Color", contrast="Contrast", brightness="Brightness", sharpness="Sharpness")
    for name, enhancer in enhance.items():
        for factor in (1.9, 1.7321, 0.37):
            yield name, factor, False, lambda tile, e=enhancer, f=factor: getattr(ImageEnhance, e)(tile).enhance(f)
    for cubic in (False, True):
        for degrees in (30, -27.3):
            yield "rotate", degrees, cubic, rotate(degrees, cubic)
        for factor in (0.3, -0.2718):
            yield "shear-x", factor, cubic, transform((1, factor, 0, 0, 1, 0), cubic)
            yield "shear-y", factor, cubic, transform((1, 0, 0, factor, 1, 0), cubic)
        for share in (0.45, -0.4321):
            yield "translate-x", share, cubic, transform((1, 0, share * SIZE, 0, 1, 0), cubic)
            yield "translate-y", share, cubic, transform((1, 0, 0, 0, 1, share * SIZE), cubic)


def text(array):
    return base64.b64encode(np.asarray(array, dtype=np.uint8).tobytes()).decode()


cases = []
for tile_name, levels in TILES.items():
    tile = Image.fromarray(levels.astype(np.uint8))
    for name, argument, cubic, apply in operations():
        if tile_name == "noise" or name in ("auto-contrast", "equalize", "contrast"):
            cases.append(dict(tile=tile_name, name=name, argument=argument, cubic=cubic, expect=text(apply(tile))))

path = Path(__file__).parent / "pillow" / "operations.json"
path.parent.mkdir(exist_ok=True)
tiles = {name: text(levels) for name, levels in TILES.items()}
lines = ",\n".join("    " + json.dumps(case) for case in cases)
path.write_text(
    f'{{\n  "pillow": "{PIL.__version__}",\n  "sizePx": {SIZE},\n'
    f'  "tiles": {json.dumps(tiles)},\n  "cases": [\n{lines}\n  ]\n}}\n'
)
