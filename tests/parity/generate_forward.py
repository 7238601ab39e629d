"""Reference cases of kind `forward`, computed with torchvision, timm and efficientnet_pytorch (README.md, beside this file, has the format).

Parameters and images are float32; what is expected is computed from them in float64 and rounded once, so that a difference is the
error of the engine under test and not of the reference.
"""

import json
import sys
from functools import partial
from pathlib import Path

import timm
import torch
import torchvision
from efficientnet_pytorch import EfficientNet as PytorchEfficientNet
from safetensors.torch import save_file
from timm.models.efficientnet import _gen_efficientnet, _gen_efficientnet_lite
from torchvision.models.efficientnet import EfficientNet, MBConvConfig
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

# File name: multipliers, images [B, 3, H, W], classes, mode, and the parameters whose gradients of Σ logits² are kept.
CASES = {
    "forward-eval-odd": dict(width=0.1, depth=0.34, images=(2, 3, 33, 47), classes=3, mode="eval"),
    "forward-train-odd": dict(width=0.1, depth=0.6, images=(2, 3, 47, 33), classes=5, mode="train"),
    "forward-eval-wider": dict(width=0.2, depth=0.1, images=(1, 3, 24, 40), classes=2, mode="eval"),
    "forward-train-gradients": dict(
        width=0.1,
        depth=0.34,
        images=(4, 3, 40, 36),
        classes=4,
        mode="train",
        gradients=[
            "features.0.0.weight",
            "features.0.1.weight",
            "features.1.0.block.0.0.weight",
            "features.1.0.block.0.1.bias",
            "features.2.0.block.0.0.weight",
            "features.3.0.block.1.0.weight",
            "features.4.1.block.2.fc1.weight",
            "features.4.1.block.2.fc1.bias",
            "features.4.1.block.2.fc2.weight",
            "features.4.1.block.2.fc2.bias",
            "features.5.1.block.3.0.weight",
            "features.5.1.block.3.1.weight",
            "features.8.0.weight",
            "features.8.1.bias",
            "classifier.1.weight",
            "classifier.1.bias",
        ],
    ),
    "forward-eval-gradients": dict(
        width=0.1,
        depth=0.1,
        images=(3, 3, 29, 32),
        classes=3,
        mode="eval",
        gradients=[
            "features.0.0.weight",
            "features.3.0.block.1.0.weight",
            "features.5.0.block.1.1.weight",
            "classifier.1.weight",
        ],
    ),
    # Below, `network` is the name of one that the library has, made narrow; odd images tell the paddings apart.
    "forward-resnet-18": dict(
        network="resnet-18", width=0.125, depth=0.5, images=(3, 3, 45, 38), classes=3, mode="train",
        gradients=["conv1.weight", "layer1.0.bn2.bias", "layer2.0.downsample.0.weight", "layer3.0.conv1.weight", "fc.bias"],
    ),
    "forward-resnet-50": dict(
        network="resnet-50", width=0.0625, depth=0.3, images=(2, 3, 33, 50), classes=4, mode="eval",
        gradients=["conv1.weight", "layer2.0.conv2.weight", "layer4.0.downsample.1.weight", "fc.weight"],
    ),
    "forward-timm-b0": dict(naming="timm", network="efficientnet_b0", width=0.1, depth=0.34, images=(2, 3, 33, 47), classes=3, mode="eval"),
    "forward-timm-tf-b1": dict(
        naming="timm", network="tf_efficientnet_b1", width=0.1, depth=0.6, images=(3, 3, 36, 41), classes=3, mode="train",
        gradients=["conv_stem.weight", "blocks.1.1.conv_dw.weight", "blocks.2.0.se.conv_reduce.bias", "bn2.weight", "classifier.weight"],
    ),
    "forward-timm-lite0": dict(
        naming="timm", network="efficientnet_lite0", width=0.1, depth=0.25, images=(3, 3, 33, 36), classes=3, mode="train",
        gradients=["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.3.0.bn2.bias", "conv_head.weight"],
    ),
    "forward-timm-tf-lite0": dict(naming="timm", network="tf_efficientnet_lite0", width=0.1, depth=0.3, images=(2, 3, 36, 49), classes=2, mode="eval"),
    "forward-pytorch-b0": dict(
        naming="efficientnet_pytorch", network="efficientnet-b0", width=0.1, depth=0.4, images=(5, 3, 64, 68), classes=3, mode="train",
        gradients=["_conv_stem.weight", "_blocks.3._depthwise_conv.weight", "_blocks.5._se_expand.weight", "_fc.bias"],
    ),
    # Built for 45 pixels a side and shown those, and then others, of which each is padded for 45.
    "forward-pytorch-b2-own-size": dict(naming="efficientnet_pytorch", network="efficientnet-b2", width=0.1, depth=0.3, image_size=45, images=(2, 3, 45, 45), classes=2, mode="eval"),
    "forward-pytorch-b2-other-size": dict(naming="efficientnet_pytorch", network="efficientnet-b2", width=0.1, depth=0.3, image_size=45, images=(2, 3, 36, 50), classes=2, mode="eval"),
    "forward-pytorch-b0-any-size": dict(naming="efficientnet_pytorch", network="efficientnet-b0", width=0.1, depth=0.1, image_size=None, images=(2, 3, 37, 50), classes=2, mode="eval"),
}

# Whole networks, too large to be kept: written by `generate_forward.py FOLDER`.
B = range(5)
FULL = (
    [("torchvision", f"efficientnet-b{n}") for n in B]
    + [("torchvision", "resnet-18"), ("torchvision", "resnet-50"), ("timm", "resnet18"), ("timm", "resnet50")]
    + [("timm", f"{tf}efficientnet_{n}") for n in [*(f"b{n}" for n in B), "lite0"] for tf in ("", "tf_")]
    + [("efficientnet_pytorch", f"efficientnet-b{n}") for n in B]
)


def build(naming, network, width, depth, classes, image_size):
    """A network without dropout and stochastic depth; whole where width is None."""
    if network.replace("-", "").startswith("resnet"):
        if width is None:
            source = torchvision.models.get_model if naming == "torchvision" else timm.create_model
            return source(network.replace("-", ""), num_classes=classes)
        return NarrowResNet(network, width, depth, classes)
    if naming == "torchvision":
        if width is None:
            return torchvision.models.get_model(network.replace("-", "_"), num_classes=classes, dropout=0.0, stochastic_depth_prob=0.0)
        return torchvision_b0(width, depth, classes)
    if naming == "timm":
        if width is None:
            return timm.create_model(network, num_classes=classes)
        generate = _gen_efficientnet_lite if "lite" in network else _gen_efficientnet
        conventions = dict(bn_eps=1e-3, pad_type="same") if network.startswith("tf_") else {}
        return generate(network, channel_multiplier=width, depth_multiplier=depth, num_classes=classes, **conventions)
    scale = {} if width is None else dict(width_coefficient=width, depth_coefficient=depth)
    size = {} if image_size == "default" else dict(image_size=image_size)
    return PytorchEfficientNet.from_name(network, num_classes=classes, dropout_rate=0.0, drop_connect_rate=0.0, **scale, **size)


class NarrowResNet(ResNet):
    """torchvision's ResNet with all its widths and depths scaled."""

    def __init__(self, network, width, depth, classes):
        block, layers = (BasicBlock, [2, 2, 2, 2]) if network == "resnet-18" else (Bottleneck, [3, 4, 6, 3])
        self.scale = width
        super().__init__(block, [-int(-n * depth // 1) for n in layers], num_classes=classes)
        stem = int(64 * width)
        self.conv1 = torch.nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(stem)
        self.fc = torch.nn.Linear(int(512 * width) * block.expansion, classes)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = int(64 * self.scale)
        return super()._make_layer(block, int(planes * self.scale), blocks, stride, dilate)


def torchvision_b0(width, depth, classes):
    """EfficientNet with B0's stages, any multipliers."""
    block = partial(MBConvConfig, width_mult=width, depth_mult=depth)
    stages = [
        block(1, 3, 1, 32, 16, 1),
        block(6, 3, 2, 16, 24, 2),
        block(6, 5, 2, 24, 40, 2),
        block(6, 3, 2, 40, 80, 3),
        block(6, 5, 1, 80, 112, 3),
        block(6, 5, 2, 112, 192, 4),
        block(6, 3, 1, 192, 320, 1),
    ]
    return EfficientNet(stages, dropout=0.0, stochastic_depth_prob=0.0, num_classes=classes)


def pooled(model, images):
    """Features after global average pooling, [B, D]."""
    if isinstance(model, PytorchEfficientNet):
        return torch.flatten(model._avg_pooling(model.extract_features(images)), 1)
    if isinstance(model, ResNet):
        for layer in (model.conv1, model.bn1, model.relu, model.maxpool, model.layer1, model.layer2, model.layer3, model.layer4):
            images = layer(images)
        return torch.flatten(model.avgpool(images), 1)
    if isinstance(model, EfficientNet):
        return torch.flatten(model.avgpool(model.features(images)), 1)
    return model.forward_head(model.forward_features(images), pre_logits=True)


def classify(model, features):
    for name in ("classifier", "fc", "_fc"):
        if hasattr(model, name):
            return getattr(model, name)(features)


def norms(model):
    return [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@torch.no_grad()
def randomise_norms(model, images, spread=1.0):
    """Gives the norms values that show when one is left out, and running statistics near those of some other batch: with fresh
    ones, activations in eval mode fade to nothing from block to block. `spread`: how far from that batch's. A deep network grows what
    is off in each block, until PyTorch's own float32 is 20 % from its float64: whole networks have a tenth."""
    momentum = norms(model)[0].momentum
    for norm in norms(model):
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.normal_(0, 0.2)
        norm.momentum = 1.0
    model.train()(torch.randn(8, *images[1:]))
    for norm in norms(model):
        norm.running_mean += spread * 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.4) ** spread
        norm.momentum = momentum


def state(model):
    return {n: t.detach().clone() for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}


def compute(
    name, images, classes, mode, naming="torchvision", network="efficientnet-b0", width=None, depth=None, image_size="default", spread=1.0, gradients=()
):
    """Gives the tensors and the config of one case."""
    torch.manual_seed(sum(name.encode()))
    model = build(naming, network, width, depth, classes, image_size)
    randomise_norms(model, images, spread)
    inputs = torch.randn(images)
    tensors = {"input.images": inputs} | {f"param.{n}": t for n, t in state(model).items()}

    model.double().train(mode == "train")
    features = pooled(model, inputs.double())
    logits = classify(model, features)
    expect = {"features": features, "logits": logits}
    if mode == "train":
        expect |= {f"param.{n}": t for n, t in state(model).items() if "running_" in n}
    config = {
        "architecture": network,
        **({} if width is None else {"widthMultiplier": width, "depthMultiplier": depth}),
        "naming": naming,
        "mode": mode,
        "layout": "NCHW",
        **({} if image_size == "default" else {"imageSize": image_size}),
    }
    if gradients:
        config["loss"] = "sum-logits-squared"
        loss = logits.square().sum()
        loss.backward()
        named = dict(model.named_parameters())
        expect |= {"loss.total": loss} | {f"grad.{n}": named[n].grad for n in gradients}
    tensors |= {f"expect.{n}": t.detach().float() for n, t in expect.items()}
    return {n: t.contiguous() for n, t in tensors.items()}, config


def write_case(folder, name, settings):
    tensors, config = compute(name, **settings)
    metadata = {"format": "reference-case", "version": "1", "kind": "forward", "config": json.dumps(config)}
    save_file(tensors, Path(folder) / f"{name}.safetensors", metadata=metadata)


def write_cases(folder):
    """Writes every case into `folder`."""
    for name, settings in CASES.items():
        write_case(folder, name, settings)


def write_full_cases(folder):
    """Writes whole networks into `folder`, 1.5 GB."""
    for naming, network in FULL:
        for mode, images in (("eval", (1, 3, 65, 50)), ("train", (4, 3, 64, 64))):
            name = f"{naming}-{network}-{mode}-{images[2]}"
            write_case(folder, name, dict(naming=naming, network=network, images=images, classes=5, mode=mode, spread=0.1))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
        write_full_cases(sys.argv[1])
    else:
        target = Path(__file__).parent / "cases"
        target.mkdir(exist_ok=True)
        write_cases(target)
