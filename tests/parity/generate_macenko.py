"""Writes tests/parity/macenko/case.json: a stain fitted and normalised as Macenko et al. (ISBI 2009) have it, by plain loops over pixels and NumPy.

    venv/bin/pip install numpy && venv/bin/python tests/parity/generate_macenko.py
"""

import base64
import json
from pathlib import Path

import numpy as np

LIGHT, BETA, ALPHA = 240, 0.15, 1
REFERENCE = np.array([[0.5626, 0.2159], [0.7201, 0.8012], [0.4062, 0.5581]])
REFERENCE_STRENGTH = np.array([1.9705, 1.0308])


def tissue(rng, size, stains):
    """Amounts of two stains, smooth noise and some glass; as bytes."""
    amounts = rng.gamma(2.0, 0.35, (size * size, 2))
    amounts[: size * size // 10] = 0
    density = amounts @ stains + rng.normal(0, 0.02, (size * size, 3))
    return np.clip(np.round(255 * np.exp(-density)), 0, 255).astype(np.uint8)


def fit(pixels):
    kept = []
    for pixel in pixels:
        density = [-np.log((int(value) + 1) / LIGHT) for value in pixel]
        if min(density) >= BETA:
            kept.append(density)
    kept = np.array(kept)
    _, vectors = np.linalg.eigh(np.cov(kept.T))
    plane = vectors[:, [2, 1]]
    if plane[:, 0].sum() < 0:
        plane[:, 0] *= -1
    angles = [np.arctan2(density @ plane[:, 1], density @ plane[:, 0]) for density in kept]
    low, high = np.percentile(angles, [ALPHA, 100 - ALPHA])
    a = plane @ np.array([np.cos(low), np.sin(low)])
    b = plane @ np.array([np.cos(high), np.sin(high)])
    stains = np.array([a, b] if a[0] > b[0] else [b, a]).T
    amounts = np.linalg.lstsq(stains, kept.T, rcond=None)[0]
    return stains, np.percentile(amounts, 100 - ALPHA, axis=1), len(kept)


def normalised(pixels, stains, strength):
    rows = []
    for pixel in pixels:
        density = np.array([-np.log((int(value) + 1) / LIGHT) for value in pixel])
        amounts = np.linalg.lstsq(stains, density, rcond=None)[0]
        amounts *= REFERENCE_STRENGTH / strength
        rows.append(np.clip(LIGHT * np.exp(-(REFERENCE @ amounts)), 0, 255))
    return np.array(rows)


def main():
    rng = np.random.default_rng(7)
    size = 48
    true = np.array([[0.62, 0.70, 0.35], [0.12, 0.93, 0.35]])
    pixels = tissue(rng, size, true / np.linalg.norm(true, axis=1, keepdims=True))
    stains, strength, count = fit(pixels)
    case = {
        "sizePx": size,
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
        "tissuePixels": count,
        "haematoxylin": stains[:, 0].tolist(),
        "eosin": stains[:, 1].tolist(),
        "strength": strength.tolist(),
        # Hundredths of a level in 16 bits, little-endian: what is compared is rounded to whole ones.
        "normalised": base64.b64encode(np.round(100 * normalised(pixels, stains, strength)).astype("<u2").tobytes()).decode(),
    }
    path = Path(__file__).parent / "macenko" / "case.json"
    path.write_text(json.dumps(case, indent=2) + "\n")


main()
