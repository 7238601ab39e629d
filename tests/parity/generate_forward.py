"""Reference cases of kind `forward`, computed with torchvision's EfficientNet (README.md, beside this file, has the format).

Parameters and images are float32; what is expected is computed from them in float64 and rounded once, so that a difference is the
error of the engine under test and not of the reference.
"""

import json
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torchvision.models.efficientnet import EfficientNet, MBConvConfig

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
}


def build(width, depth, classes):
    """EfficientNet with B0's stages, any multipliers, no dropout and no stochastic depth."""
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


def norms(model):
    return [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@torch.no_grad()
def randomise_norms(model, images):
    """Gives the norms values that show when one is left out, and running statistics near those of some other batch: with fresh
    ones, activations in eval mode fade to nothing from block to block."""
    for norm in norms(model):
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.normal_(0, 0.2)
        norm.momentum = 1.0
    model.train()(torch.randn(8, *images[1:]))
    for norm in norms(model):
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.4)
        norm.momentum = 0.1


def state(model):
    return {n: t.detach().clone() for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}


def compute(name, width, depth, images, classes, mode, gradients=()):
    """Gives the tensors and the config of one case."""
    torch.manual_seed(sum(name.encode()))
    model = build(width, depth, classes)
    randomise_norms(model, images)
    inputs = torch.randn(images)
    tensors = {"input.images": inputs} | {f"param.{n}": t for n, t in state(model).items()}

    model.double().train(mode == "train")
    features = torch.flatten(model.avgpool(model.features(inputs.double())), 1)
    logits = model.classifier(features)
    expect = {"features": features, "logits": logits}
    if mode == "train":
        expect |= {f"param.{n}": t for n, t in state(model).items() if "running_" in n}
    config = {
        "architecture": "efficientnet-b0",
        "widthMultiplier": width,
        "depthMultiplier": depth,
        "naming": "torchvision",
        "mode": mode,
        "layout": "NCHW",
    }
    if gradients:
        config["loss"] = "sum-logits-squared"
        loss = logits.square().sum()
        loss.backward()
        named = dict(model.named_parameters())
        expect |= {"loss.total": loss} | {f"grad.{n}": named[n].grad for n in gradients}
    tensors |= {f"expect.{n}": t.detach().float() for n, t in expect.items()}
    return {n: t.contiguous() for n, t in tensors.items()}, config


def write_cases(folder):
    """Writes every case into `folder`."""
    for name, settings in CASES.items():
        tensors, config = compute(name, **settings)
        metadata = {"format": "reference-case", "version": "1", "kind": "forward", "config": json.dumps(config)}
        save_file(tensors, Path(folder) / f"{name}.safetensors", metadata=metadata)


if __name__ == "__main__":
    target = Path(__file__).parent / "cases"
    target.mkdir(exist_ok=True)
    write_cases(target)
