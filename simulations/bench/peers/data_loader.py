"""Tiles in torchvision's usual manner, as a contender: ImageFolder, transforms, a DataLoader with worker processes. One step is one epoch.

Decode, resize, flip, RandAugment, normalise. The paper's code carries each of RandAugment's two operations out every second time, and so does
site-agent/data: so here too, though torchvision's own RandAugment(2, 10) would carry out both and take longer.
 `--decoder pil`: PIL images, as ImageFolder's own loader and most code has it.
`--decoder tensor`: torchvision's own decoder and transforms v2 on byte tensors.
"""

import argparse

import torch
import torchvision
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

from contender import serve

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def transforms(tile, augment):
    """The same operations in the same order as site-agent/data."""
    steps = [v2.Resize((tile, tile), antialias=True)]
    if augment != "none":
        steps += [v2.RandomHorizontalFlip()]
    if augment == "randaugment":
        steps += [v2.RandomApply([v2.RandAugment(num_ops=1, magnitude=10)], p=0.5) for _ in range(2)]
    return v2.Compose([*steps, v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, DEVIATION)])


def read_tensor(path):
    return decode_image(path, mode=ImageReadMode.RGB)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--tile", type=int, default=224)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--augment", choices=("none", "flips", "randaugment"), default="randaugment")
    parser.add_argument("--decoder", choices=("pil", "tensor"), default="pil")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    torch.manual_seed(1)
    reader = {} if options.decoder == "pil" else {"loader": read_tensor}
    tiles = ImageFolder(options.data, transforms(options.tile, options.augment), **reader)
    loader = torch.utils.data.DataLoader(
        tiles, batch_size=options.batch, shuffle=True, num_workers=options.workers, persistent_workers=True
    )

    def epoch():
        seen = 0
        for images, labels in loader:
            seen += len(labels)
        if seen != len(tiles):
            raise RuntimeError(f"an epoch must give {len(tiles)} tiles, got {seen}")

    serve({"torch": torch.__version__, "torchvision": torchvision.__version__, "decoder": options.decoder}, epoch)
