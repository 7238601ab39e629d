"""Writes relations.json: the terms of SP, RKD, CRD and MOON, and MoMA's contrast without a queue, on small features, with their gradients, from the
papers' formulas in PyTorch.

Inputs are float32 values; what is expected is computed from them in float64. CRD is worked out tile by tile, with each tile's negatives written
out one by one, as its authors' memory does; not as a product of matrices.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F


def given(*shape, scale=1.0):
    return (scale * torch.randn(*shape)).float().double()


def numbers(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().flatten().tolist()}


def case(inputs, config, losses, learnt):
    """Gradients are of the sum of the losses."""
    sum(losses.values()).backward()
    return {
        "config": config,
        "inputs": {name: numbers(tensor) for name, tensor in inputs.items()},
        "losses": {name: loss.item() for name, loss in losses.items()},
        "gradients": {name: numbers(inputs[name].grad) for name in learnt},
    }


def sp(B, D, E):
    student, teacher = given(B, D).requires_grad_(), given(B, E)
    gram = [F.normalize(x @ x.T, p=2, dim=1) for x in (student, teacher)]
    loss = (gram[0] - gram[1]).square().sum() / B**2
    return case({"student": student, "teacher": teacher}, {}, {"sp": loss}, ["student"])


def rkd(B, D, E, scale):
    student, teacher = given(B, D, scale=scale).requires_grad_(), given(B, E)

    def distances(x):
        pairs = [[(x[i] - x[j]).norm() if i != j else x.new_zeros(()) for j in range(B)] for i in range(B)]
        d = torch.stack([torch.stack(row) for row in pairs])
        return d / (d.sum() / (B * (B - 1)))

    def angles(x):
        unit = lambda v: v / v.norm()
        zero = x.new_zeros(())
        return torch.stack(
            [
                (unit(x[j] - x[i]) * unit(x[k] - x[i])).sum() if i not in (j, k) else zero
                for i in range(B)
                for j in range(B)
                for k in range(B)
            ]
        )

    losses = {
        "distance": F.smooth_l1_loss(distances(student), distances(teacher)),
        "angle": F.smooth_l1_loss(angles(student), angles(teacher)),
    }
    return case({"student": student, "teacher": teacher}, {}, losses, ["student"])


def crd(n, B, D, E, C, K, first):
    temperature, momentum, eps = 0.07, 0.5, 1e-7
    labels = torch.arange(n) % 3
    own, drawn = torch.randperm(n)[:B], torch.randperm(n)[:K]
    x = {
        "student": given(B, D).requires_grad_(),
        "teacher": given(B, E),
        "student_embed.weight": given(C, D, scale=0.4).requires_grad_(),
        "student_embed.bias": given(C, scale=0.1).requires_grad_(),
        "teacher_embed.weight": given(C, E, scale=0.4).requires_grad_(),
        "teacher_embed.bias": given(C, scale=0.1).requires_grad_(),
        "crd_student": F.normalize(given(n, C)).float().double(),
        "crd_teacher": F.normalize(given(n, C)).float().double(),
        "crd_scale": torch.tensor([-1.0, -1.0] if first else [40.0, 55.0]).double(),
    }
    embedded = {
        side: F.normalize(F.linear(x[side], x[f"{side}_embed.weight"], x[f"{side}_embed.bias"]))
        for side in ("student", "teacher")
    }

    def contrast(v, memory, Z):
        def score(i, tile):
            return (v[i] @ memory[tile] / temperature).exp()

        # Every tile of another class stands for K over the number of those: an average over K that are drawn with putting back.
        others = [[j for j in drawn.tolist() if labels[j] != labels[own[i]]] for i in range(B)]
        if Z < 0:
            total = sum(score(i, own[i]) + sum(score(i, j) for j in others[i]) * K / len(others[i]) for i in range(B))
            Z = (total / (B * (K + 1)) * n).item()
        noise = K / n
        loss = 0
        for i in range(B):
            p = score(i, own[i]) / Z
            loss -= (p / (p + noise + eps)).log()
            for j in others[i]:
                loss -= K / len(others[i]) * (noise / (score(i, j) / Z + noise + eps)).log()
        return loss / B, Z

    s, Zs = contrast(embedded["student"], x["crd_teacher"], x["crd_scale"][0].item())
    t, Zt = contrast(embedded["teacher"], x["crd_student"], x["crd_scale"][1].item())
    after = {}
    for side in ("student", "teacher"):
        memory = x[f"crd_{side}"].clone()
        for i, tile in enumerate(own):
            memory[tile] = F.normalize(momentum * memory[tile] + (1 - momentum) * embedded[side][i], dim=0)
        after[f"crd_{side}"] = numbers(memory)
    after["crd_scale"] = numbers(torch.tensor([Zs, Zt]))
    learnt = ["student"] + [f"{side}_embed.{part}" for side in ("student", "teacher") for part in ("weight", "bias")]
    config = {
        "temperature": temperature,
        "memoryMomentum": momentum,
        "labels": labels.tolist(),
        "own": own.tolist(),
        "drawn": drawn.tolist(),
    }
    return case(x, config, {"crd": s + t}, learnt) | {"after": after}


def moon(B, D, temperature):
    x = {"student": given(B, D).requires_grad_(), "global": given(B, D), "previous": given(B, D)}
    near, far = (F.cosine_similarity(x["student"], x[name], dim=-1) for name in ("global", "previous"))
    logits = torch.stack([near, far], dim=1) / temperature
    loss = F.cross_entropy(logits, torch.zeros(B, dtype=torch.long))
    return case(x, {"temperature": temperature}, {"moon": loss}, ["student"])


def contrast_in_batch(B, C, temperature):
    x = {"query": given(B, C).requires_grad_(), "key": given(B, C)}
    loss = F.cross_entropy(x["query"] @ x["key"].T / temperature, torch.arange(B))
    return case(x, {"temperature": temperature}, {"nce": loss}, ["query"])


if __name__ == "__main__":
    torch.manual_seed(1)
    cases = {
        "sp": [sp(5, 6, 9), sp(2, 3, 3)],
        # Far beyond 1 somewhere, so that the straight part of the smooth L1 is met, too.
        "rkd": [rkd(5, 6, 4, 1.0), rkd(4, 1, 7, 30.0)],
        "crd": [crd(11, 4, 5, 7, 6, 11, True), crd(13, 3, 5, 4, 4, 7, False)],
        "moon": [moon(5, 7, 0.5), moon(2, 3, 0.05)],
        "inBatch": [contrast_in_batch(6, 4, 0.15), contrast_in_batch(2, 8, 1.0)],
    }
    Path(__file__).with_name("relations.json").write_text(json.dumps(cases) + "\n")
