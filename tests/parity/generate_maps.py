"""Writes the cases of kind `feature-maps`: the own terms of FitNet, attention transfer, VID, SemCKD and SimKD on small maps, with gradients.

README.md, beside this file, has the format. Written from the papers and from what the common comparison code computes (docs/methods.md), not from
this project's own code: maps are NCHW, layers are torch.nn's. Inputs and parameters are float32, what is expected is computed from them in float64.
"""

import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, outputs, kernel=1):
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)


def projection(inputs, hidden, outputs):
    """1 x 1, 3 x 3, 1 x 1, with norms and ReLUs between."""
    return nn.Sequential(
        conv(inputs, hidden), nn.BatchNorm2d(hidden), nn.ReLU(),
        conv(hidden, hidden, 3), nn.BatchNorm2d(hidden), nn.ReLU(),
        conv(hidden, outputs),
    )


class Fitnet(nn.Module):
    def __init__(self, student, teacher, relu):
        super().__init__()
        self.hint, self.relu = nn.Sequential(conv(student[0], teacher[0]), nn.BatchNorm2d(teacher[0])), relu

    def forward(self, student, teacher):
        regressed = self.hint(student[0])
        return {"loss.total": F.mse_loss(F.relu(regressed) if self.relu else regressed, teacher[0])}


class AttentionTransfer(nn.Module):
    def forward(self, student, teacher):
        look = lambda f: F.normalize(f.square().mean(1).flatten(1))
        return {"loss.total": sum((look(s) - look(t)).square().mean() for s, t in zip(student, teacher))}


class Vid(nn.Module):
    def __init__(self, student, teacher):
        super().__init__()
        self.vid = nn.ModuleDict()
        for stage, (s, t) in enumerate(zip(student, teacher), 1):
            part = nn.Module()
            part.regressor = nn.Sequential(conv(s, t), nn.ReLU(), conv(t, t), nn.ReLU(), conv(t, t))
            part.log_scale = nn.Parameter(torch.linspace(-1.0, 5.0, t))
            self.vid[str(stage)] = part

    def forward(self, student, teacher):
        loss = 0
        for part, s, t in zip(self.vid.values(), student, teacher):
            variance = (part.log_scale.exp().log1p() + 1e-5)[:, None, None]
            gaussian = torch.distributions.Normal(part.regressor(s), variance.sqrt())
            half_log_two_pi = 0.5 * torch.log(torch.tensor(2 * torch.pi, dtype=s.dtype))
            loss = loss + (-gaussian.log_prob(t) - half_log_two_pi).mean()
        return {"loss.total": loss}


class Embedding(nn.Module):
    def __init__(self, batch):
        super().__init__()
        self.batch, width = batch, batch // 4
        self.linear1, self.linear2 = nn.Linear(batch, 2 * width), nn.Linear(2 * width, width)

    def forward(self, f):
        rows = f.flatten(1)
        alike = F.pad(rows @ rows.T, (0, self.batch - len(f)))
        return F.normalize(self.linear2(F.relu(self.linear1(alike))))


class Semckd(nn.Module):
    def __init__(self, student, teacher, batch, temperature):
        super().__init__()
        numbered = lambda modules: nn.ModuleDict({str(i): module for i, module in enumerate(modules, 1)})
        self.temperature, self.semckd = temperature, nn.Module()
        self.semckd.query = numbered(Embedding(batch) for _ in student)
        self.semckd.key = numbered(Embedding(batch) for _ in teacher)
        self.semckd.regressor = numbered(numbered(projection(s, 2 * t, t) for t in teacher) for s in student)

    def forward(self, student, teacher):
        parts, loss = self.semckd, 0
        for s, own in enumerate(student, 1):
            query = parts.query[str(s)](own)
            scores = [(query * parts.key[str(t)](target)).sum(1) for t, target in enumerate(teacher, 1)]
            attention = torch.stack(scores, 1).div(self.temperature).softmax(1)
            for t, target in enumerate(teacher, 1):
                size = min(own.shape[2], target.shape[2])
                got = parts.regressor[str(s)][str(t)](F.adaptive_avg_pool2d(own, size))
                error = (got - F.adaptive_avg_pool2d(target, size)).square().flatten(1).mean(1)
                loss = loss + (attention[:, t - 1] * error).sum()
        return {"loss.total": loss / (len(student[0]) * len(student))}


class Simkd(nn.Module):
    def __init__(self, student, teacher, hidden, classes):
        super().__init__()
        self.projector = projection(student[0], hidden, teacher[0]).extend([nn.BatchNorm2d(teacher[0]), nn.ReLU()])
        self.fc = nn.Linear(teacher[0], classes)

    def forward(self, student, teacher):
        projected = self.projector(student[0])
        features = projected.mean((2, 3))
        return {"loss.total": F.mse_loss(projected, teacher[0]), "features": features, "logits": self.fc(features)}


# B tiles, channels and sides of each stage's map. SemCKD's sides do not divide one another.
CASES = {
    "maps-fitnet": dict(module=Fitnet, B=3, student=[3], teacher=[5], sides=[4], config=dict(method="fitnet", regressor="relu"), relu=True),
    "maps-fitnet-plain": dict(module=Fitnet, B=2, student=[6], teacher=[4], sides=[3], config=dict(method="fitnet", regressor="plain"), relu=False),
    "maps-attention": dict(module=AttentionTransfer, B=3, student=[3, 2, 5, 4], teacher=[4, 2, 3, 6], sides=[6, 3, 2, 1], config=dict(method="attention-transfer")),
    "maps-vid": dict(module=Vid, B=3, student=[3, 4], teacher=[5, 2], sides=[4, 2], config=dict(method="vid")),
    "maps-semckd": dict(module=Semckd, B=8, student=[3, 2], teacher=[2, 3, 4], sides=[5, 3, 2], config=dict(method="semckd", temperature=1.0), batch=8, temperature=1.0),
    "maps-semckd-small-batch": dict(module=Semckd, B=3, student=[2, 3, 2], teacher=[3, 2], sides=[4, 3, 1], config=dict(method="semckd", temperature=0.5), batch=9, temperature=0.5),
    "maps-simkd": dict(module=Simkd, B=4, student=[3], teacher=[6], sides=[3], config=dict(method="simkd"), hidden=5, classes=4),
}


def map_case(name, module, B, student, teacher, sides, config, **settings):
    torch.manual_seed(sum(name.encode()))
    own = [torch.randn(B, channels, side, side) for channels, side in zip(student, sides)]
    target = [torch.randn(B, channels, side, side) for channels, side in zip(teacher, sides)]
    inputs = {f"{who}.{i}": f for who, maps in (("student", own), ("teacher", target)) for i, f in enumerate(maps, 1)}
    method = module(student, teacher, **settings) if module is not AttentionTransfer else module()
    for part in method.modules():
        if isinstance(part, nn.BatchNorm2d):
            # Not 1 and 0, so that each is seen to be used.
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
            part.track_running_stats = module is Simkd
    state = {n: t.detach().clone() for n, t in method.state_dict().items() if "num_batches" not in n}
    params = {n: t for n, t in state.items() if module is Simkd or "running" not in n}

    method.double().train()
    own = [f.double().requires_grad_() for f in own]
    results = method(own, [f.double() for f in target])
    results["loss.total"].backward()
    expect = dict(results)
    expect |= {f"grad.student.{i}": f.grad for i, f in enumerate(own, 1)}
    expect |= {f"grad.{n}": p.grad for n, p in method.named_parameters() if p.grad is not None}
    if module is Simkd:
        expect |= {f"param.{n}": t for n, t in method.state_dict().items() if "running" in n}
    return inputs, params, expect, config


def write_cases(folder, write_case):
    for name, settings in CASES.items():
        write_case(folder, name, "feature-maps", *map_case(name, **settings))
