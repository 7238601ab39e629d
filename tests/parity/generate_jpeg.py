"""JPEG files that sharp cannot write, and what Pillow (libjpeg-turbo) makes of them (site-agent/data/jpeg).

Samplings 4:2:2 and 4:4:0, restart markers, in one pass and in several. Bytes are base64, pixels as SHA-256.
`venv/bin/pip install pillow numpy`, then `venv/bin/python tests/parity/generate_jpeg.py`.
"""

import base64
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

rng = np.random.default_rng(7)


def tissue(width, height):
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(a * x + b * y + c) for a, b, c in rng.uniform(0.05, 0.6, (3, 3))]
    return np.clip(128 + 90 * np.stack(waves, -1) + rng.uniform(-20, 20, (height, width, 3)), 0, 255).astype(np.uint8)


def upright(jpeg):
    """Makes 4:4:0 of a square 4:2:2 file: as many units of as many blocks, so the same bits are a picture of another kind."""
    frame = next(marker for marker in (b"\xff\xc0", b"\xff\xc2") if marker in jpeg)
    at = jpeg.index(frame) + 11
    assert jpeg[at] == 0x21
    return jpeg[:at] + b"\x12" + jpeg[at + 1 :]


def case(name, size, turn=False, **options):
    file = io.BytesIO()
    Image.fromarray(tissue(*size)).save(file, "jpeg", quality=85, **options)
    jpeg = upright(file.getvalue()) if turn else file.getvalue()
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    pixels = hashlib.sha256(image.tobytes()).hexdigest()
    return dict(name=name, width=image.width, height=image.height, jpeg=base64.b64encode(jpeg).decode(), sha256=pixels)


def cases():
    for progressive in (False, True):
        order = "several passes" if progressive else "one pass"
        yield case(f"4:2:2, {order}", (43, 27), subsampling="4:2:2", progressive=progressive)
        yield case(f"4:4:0, {order}", (32, 32), turn=True, subsampling="4:2:2", progressive=progressive)
        for subsampling in ("4:2:0", "4:4:4"):
            for units in (1, 3):
                name = f"{subsampling}, restart after {units}, {order}"
                # Also units that the rows do not divide by.
                options = dict(subsampling=subsampling, progressive=progressive, restart_marker_blocks=units)
                yield case(name, (75, 41), **options)


path = Path(__file__).parent / "pillow" / "jpeg.json"
lines = ",\n".join("    " + json.dumps(each) for each in cases())
path.write_text(f'{{\n  "pillow": "{PIL.__version__}",\n  "cases": [\n{lines}\n  ]\n}}\n')
