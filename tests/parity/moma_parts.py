"""What a MoMA step is made of besides the backbones, written from the paper. Imports PyTorch alone: the benchmark's peer uses it too."""

import torch
import torch.nn.functional as F
from torch import nn


class Head(nn.Module):
    """Linear(D, D), ReLU, Linear(D, C), rows to unit length."""

    def __init__(self, D, C):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(D, D), nn.Linear(D, C)

    def forward(self, x):
        return F.normalize(self.fc2(F.relu(self.fc1(x))))


class BatchAttention(nn.Module):
    """Multi-head self-attention in which every row of a batch is a token."""

    def __init__(self, C, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(C, 3 * C), nn.Linear(C, C)

    def forward(self, x):
        q, k, v = (t.unflatten(1, (self.heads, -1)).transpose(0, 1) for t in self.qkv(x).chunk(3, dim=1))
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(0, 1).flatten(1))


def losses(query, key, queue, logits, teacher_logits, labels, temperature, kl_temperature, weights):
    """Cross-entropy, KL on softened logits, InfoNCE; and the logits of the last."""
    contrast = torch.cat([(query * key).sum(1, keepdim=True), query @ queue.T], dim=1) / temperature
    parts = {"ce": F.cross_entropy(logits, labels)}
    if teacher_logits is not None:
        soft = [F.log_softmax(z / kl_temperature, dim=1) for z in (logits, teacher_logits)]
        parts["kl"] = kl_temperature**2 * F.kl_div(*soft, reduction="batchmean", log_target=True)
    parts["nce"] = F.cross_entropy(contrast, torch.zeros_like(labels))
    parts["total"] = sum(weight * parts[name] for name, weight in zip(("ce", "kl", "nce"), weights) if name in parts)
    return parts, contrast


def forward(model, images):
    features = torch.flatten(model.avgpool(model.features(images)), 1)
    return features, model.classifier(features)
