"""Writes a PyTorch checkpoint (.pth, .pt, .bin) as safetensors: `convert_checkpoint.py IN OUT [--flavour timm-tf]`.

The file is read with `weights_only=True`: nothing in it is run. Tensors keep their names, for `tessera` reads torchvision's, timm's
and efficientnet_pytorch's; a `module.` in front of all of them is taken off. `--flavour` is noted in the file's metadata: `timm-tf` for
weights of timm's networks named `tf_...`, whose padding and batch norms are TensorFlow's and whose names do not tell.
"""

import argparse

import torch
from safetensors.torch import save_file

WRAPPERS = ("state_dict", "model", "model_state_dict", "net")


def state_dict_of(checkpoint):
    """Finds the tensors in what a training script saved."""
    for wrapper in WRAPPERS:
        if wrapper in checkpoint and isinstance(checkpoint[wrapper], dict):
            checkpoint = checkpoint[wrapper]
    tensors = {n: t for n, t in checkpoint.items() if isinstance(t, torch.Tensor)}
    if not tensors:
        raise SystemExit("checkpoint must hold a dictionary of tensors, got none")
    if all(n.startswith("module.") for n in tensors):
        tensors = {n.removeprefix("module."): t for n, t in tensors.items()}
    # A copy each: safetensors refuses tensors that share memory.
    return {n: t.detach().clone().contiguous() for n, t in tensors.items() if not n.endswith("num_batches_tracked")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--flavour", choices=["torchvision", "timm-tf", "efficientnet-pytorch"])
    options = parser.parse_args()
    tensors = state_dict_of(torch.load(options.source, map_location="cpu", weights_only=True))
    save_file(tensors, options.target, metadata={} if options.flavour is None else {"flavour": options.flavour})
    print(f"{options.target}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values()):,} values")


if __name__ == "__main__":
    main()
