"""Writes all reference cases: one MoMA step after the backbones, whole training steps, (generate_forward.py) the backbone and
(generate_maps.py) methods on feature maps.

README.md, beside this file, has the formats. Written from the paper and from what the authors' code computes (docs/fidelity.md), not
from this project's own code. Inputs and parameters are float32; what is expected is computed from them in float64 and rounded once.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import generate_forward
import generate_maps
from generate_forward import randomise_norms, state
from generate_forward import torchvision_b0 as build
from moma_parts import BatchAttention, Head, forward, losses

# B tiles, N classes, D features, C feature dimension, K queue rows.
STEP_CASES = {
    "moma-one-head": dict(B=4, N=3, D=10, C=6, K=9, heads=1, queue_index=4),
    "moma-eight-heads": dict(B=7, N=5, D=12, C=16, K=25, heads=8, queue_index=20, temperature=0.3, momentum=0.9),
    "moma-batch-beyond-queue": dict(B=7, N=2, D=8, C=4, K=5, heads=2, queue_index=3),
    "moma-batch-fills-queue": dict(B=6, N=2, D=8, C=4, K=6, heads=2, queue_index=5, kl_temperature=1.0),
    "moma-no-contrast": dict(B=5, N=4, D=9, C=8, K=12, heads=4, queue_index=0, weights=(1.0, 0.7, 0.0)),
    "moma-only-contrast": dict(B=5, N=4, D=9, C=8, K=12, heads=2, queue_index=0, weights=(0.0, 0.0, 1.5), task="different"),
    "moma-two-tiles": dict(B=2, N=2, D=6, C=4, K=16, heads=4, queue_index=15, temperature=0.07, momentum=0.0),
}

# Whole steps: images of every step, learning rate by the cosine of the epoch that a step falls in.
TRAIN_CASES = {
    # Six tiles of 40 px leave 24 values a channel to the last norms. With 4 tiles of 32 px they have 4, and the loss is so sharp that
    # the rounding of float32 grows to 1e-3 within two steps.
    "train-moma-steps": dict(
        B=6, size=40, classes=3, C=8, K=8, heads=2, steps=2, epochs=[1, 2], of_epochs=3, momentum=0.9, task="same"
    ),
    "train-ce-steps": dict(B=6, size=40, classes=3, steps=3, epochs=[1, 1, 2], of_epochs=3, method="ce"),
    "train-kd-steps": dict(
        B=6, size=40, classes=3, steps=3, epochs=[1, 2, 3], of_epochs=3, method="kd", kl_temperature=2.0, weights=(0.5, 1.5)
    ),
}
TRAIN_EXPECTED = [
    "features.0.0.weight",
    "features.0.1.weight",
    "features.0.1.running_mean",
    "features.0.1.running_var",
    "features.2.0.block.1.0.weight",
    "features.5.0.block.2.fc1.bias",
    "features.8.1.bias",
    "features.8.1.running_var",
    "classifier.1.weight",
    "classifier.1.bias",
]


@torch.no_grad()
def momentum_update(teacher, student, m):
    for follower, leader in zip(teacher.parameters(), student.parameters(), strict=True):
        follower.copy_(m * follower + (1 - m) * leader)


def enqueue(queue, rows, index):
    """Row by row, as a ring is written: with more rows than the queue has, the last ones stay."""
    queue = queue.clone()
    for offset, row in enumerate(rows):
        queue[(index + offset) % len(queue)] = row
    return queue, (index + len(rows)) % len(queue)


def named(prefix, module):
    return {f"{prefix}.{n}": t.detach().clone() for n, t in module.named_parameters()}


def step_case(name, B, N, D, C, K, heads, queue_index, temperature=0.15, momentum=0.999, kl_temperature=4.0,
              weights=(1.0, 1.0, 1.0), task="same"):
    """Tensors and config of one MoMA step after the backbones."""
    torch.manual_seed(sum(name.encode()))
    inputs = {
        "student_features": torch.randn(B, D),
        "teacher_features": torch.randn(B, D),
        "student_logits": torch.randn(B, N),
        "labels": torch.randint(N, (B,)),
        "queue": F.normalize(torch.randn(K, C)),
    } | ({"teacher_logits": 2 * torch.randn(B, N)} if task == "same" else {})
    student_head, teacher_head = Head(D, C), Head(D, C)
    attentions = {f"attention_{part}": BatchAttention(C, heads) for part in ("query", "key", "queue")}
    modules = {"student_head": student_head, "teacher_head": teacher_head} | attentions
    params = {n: t for prefix, module in modules.items() for n, t in named(prefix, module).items()}

    for module in modules.values():
        module.double()
    x = {n: t if n == "labels" else t.double() for n, t in inputs.items()}
    features, logits = x["student_features"].requires_grad_(), x["student_logits"].requires_grad_()
    momentum_update(teacher_head, student_head, momentum)
    with torch.no_grad():
        projected = teacher_head(x["teacher_features"])
        key, entering = attentions["attention_key"](projected), attentions["attention_queue"](projected)
    query = attentions["attention_query"](student_head(features))
    parts, contrast = losses(
        query, key, x["queue"], logits, x.get("teacher_logits"), x["labels"], temperature, kl_temperature, weights
    )
    parts["total"].backward()
    queue, next_index = enqueue(x["queue"], entering, queue_index)
    learnt = {f"student_head.{n}": p for n, p in student_head.named_parameters()}
    learnt |= {f"attention_query.{n}": p for n, p in attentions["attention_query"].named_parameters()}
    learnt |= {"student_features": features, "student_logits": logits}
    expect = {f"loss.{n}": t for n, t in parts.items()}
    expect |= {"query": query, "key": key, "logits": contrast, "queue": queue} | named("teacher_head", teacher_head)
    expect |= {f"grad.{n}": torch.zeros_like(p) if p.grad is None else p.grad for n, p in learnt.items()}
    config = {
        "heads": heads,
        "featureDim": C,
        "temperature": temperature,
        "momentum": momentum,
        "klTemperature": kl_temperature,
        "weights": dict(zip(("ce", "kl", "nce"), weights)),
        "queueIndex": queue_index,
        "nextQueueIndex": next_index,
        "teacherTask": task,
    }
    return inputs, params, expect, config


def cosine(base, epoch, epochs):
    least = base * 0.1**3
    return least + (base - least) * (1 + math.cos(math.pi * epoch / epochs)) / 2


def train_case(name, B, size, classes, C, K, heads, steps, epochs, of_epochs, momentum, task, width=0.1, depth=0.1,
               learning_rate=0.005, temperature=0.15, kl_temperature=4.0, weights=(1.0, 1.0, 1.0)):
    """Tensors and config of consecutive whole training steps: backbones, momentum teacher, loss, SGD, queue."""
    torch.manual_seed(sum(name.encode()))
    images, labels = torch.randn(steps, B, 3, size, size), torch.randint(classes, (steps, B))
    student, teacher = build(width, depth, classes), build(width, depth, classes)
    for model in (student, teacher):
        randomise_norms(model, (B, 3, size, size))
    D = student.classifier[1].in_features
    student_head, teacher_head = Head(D, C), Head(D, C)
    attentions = {f"attention_{part}": BatchAttention(C, heads) for part in ("query", "key", "queue")}
    queue = F.normalize(torch.randn(K, C))
    inputs = {"images": images, "labels": labels, "queue": queue}
    params = {f"student.{n}": t for n, t in state(student).items()}
    params |= {f"teacher.{n}": t for n, t in state(teacher).items()}
    heads_and_attentions = {"student_head": student_head, "teacher_head": teacher_head} | attentions
    for prefix, module in heads_and_attentions.items():
        group = "student." if prefix in ("student_head", "attention_query") else ""
        params |= named(group + prefix, module)

    for module in (student, teacher, *heads_and_attentions.values()):
        module.double()
    queue, index, images = queue.double(), 0, images.double()
    learnt = nn.ModuleList([student, student_head, attentions["attention_query"]])
    optimiser = torch.optim.SGD(learnt.parameters(), lr=learning_rate, momentum=0.9, weight_decay=1e-4)
    history = {n: [] for n in ("total", "ce", "kl", "nce")}
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = cosine(learning_rate, epochs[step], of_epochs)
        student.train()
        features, logits = forward(student, images[step])
        with torch.no_grad():
            teacher.eval()
            teacher_logits = forward(teacher, images[step])[1] if task == "same" else None
            momentum_update(teacher, student, momentum)
            momentum_update(teacher_head, student_head, momentum)
            teacher.train()
            projected = teacher_head(forward(teacher, images[step])[0])
            key, entering = attentions["attention_key"](projected), attentions["attention_queue"](projected)
        query = attentions["attention_query"](student_head(features))
        parts, _ = losses(query, key, queue, logits, teacher_logits, labels[step], temperature, kl_temperature, weights)
        optimiser.zero_grad()
        parts["total"].backward()
        optimiser.step()
        queue, index = enqueue(queue, entering, index)
        for n, t in parts.items():
            history[n].append(t.detach())
    expect = {f"loss.{n}": torch.stack(values) for n, values in history.items() if values}
    after = {"student": state(student), "teacher": state(teacher)}
    expect |= {f"{who}.{n}": tensors[n] for who, tensors in after.items() for n in TRAIN_EXPECTED}
    velocity = {n: optimiser.state[p]["momentum_buffer"] for n, p in student.named_parameters()}
    expect |= {f"velocity.{n}": velocity[n] for n in TRAIN_EXPECTED if n in velocity}
    # Without the square fc1 of each head: 64 kB apiece, and their biases tell the same.
    expect |= {f"student.{n}": t for prefix in ("student_head", "attention_query")
               for n, t in named(prefix, heads_and_attentions[prefix]).items() if not n.endswith("fc1.weight")}
    expect |= {n: t for n, t in named("teacher_head", teacher_head).items() if not n.endswith("fc1.weight")}
    expect |= {"queue": queue, "queueIndex": torch.tensor(float(index))}
    config = {
        "student": {"widthMultiplier": width, "depthMultiplier": depth},
        "moma": {
            "heads": heads,
            "featureDim": C,
            "queueSize": K,
            "temperature": temperature,
            "momentum": momentum,
            "klTemperature": kl_temperature,
            "weights": dict(zip(("ce", "kl", "nce"), weights)),
        },
        "teacherTask": task,
        "training": {"learningRate": learning_rate, "momentum": 0.9, "weightDecay": 1e-4, "schedule": "cosine"},
        "epochOfStep": epochs,
        "epochs": of_epochs,
    }
    return inputs, params, expect, config


def plain_train_case(name, B, size, classes, steps, epochs, of_epochs, method, width=0.1, depth=0.1, learning_rate=0.005,
                     kl_temperature=4.0, weights=(1.0, 1.0)):
    """As train_case, for cross-entropy, and for distillation of the logits of a teacher that stands still."""
    torch.manual_seed(sum(name.encode()))
    images, labels = torch.randn(steps, B, 3, size, size), torch.randint(classes, (steps, B))
    networks = {"student": build(width, depth, classes)} | ({"teacher": build(width, depth, classes)} if method == "kd" else {})
    for model in networks.values():
        randomise_norms(model, (B, 3, size, size))
    inputs = {"images": images, "labels": labels}
    params = {f"{who}.{n}": t for who, model in networks.items() for n, t in state(model).items()}
    for model in networks.values():
        model.double()
    images, student = images.double(), networks["student"]
    student.train()
    optimiser = torch.optim.SGD(student.parameters(), lr=learning_rate, momentum=0.9, weight_decay=1e-4)
    history = {n: [] for n in ("total", "ce", *(["kl"] if method == "kd" else []))}
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = cosine(learning_rate, epochs[step], of_epochs)
        logits = student(images[step])
        parts = {"ce": F.cross_entropy(logits, labels[step])}
        parts["total"] = parts["ce"]
        if method == "kd":
            with torch.no_grad():
                wanted = F.softmax(networks["teacher"].eval()(images[step]) / kl_temperature, dim=1)
            said = F.log_softmax(logits / kl_temperature, dim=1)
            parts["kl"] = F.kl_div(said, wanted, reduction="batchmean") * kl_temperature**2
            parts["total"] = weights[0] * parts["ce"] + weights[1] * parts["kl"]
        optimiser.zero_grad()
        parts["total"].backward()
        optimiser.step()
        for n in history:
            history[n].append(parts[n].detach())
    expect = {f"loss.{n}": torch.stack(values) for n, values in history.items()}
    after = state(student)
    expect |= {f"student.{n}": after[n] for n in TRAIN_EXPECTED}
    velocity = {n: optimiser.state[p]["momentum_buffer"] for n, p in student.named_parameters()}
    expect |= {f"velocity.{n}": velocity[n] for n in TRAIN_EXPECTED if n in velocity}
    config = {
        "method": method,
        "student": {"widthMultiplier": width, "depthMultiplier": depth},
        "training": {"learningRate": learning_rate, "momentum": 0.9, "weightDecay": 1e-4, "schedule": "cosine"},
        "epochOfStep": epochs,
        "epochs": of_epochs,
    }
    if method == "kd":
        config["kd"] = {"klTemperature": kl_temperature, "weights": dict(zip(("ce", "kl"), weights))}
    return inputs, params, expect, config


def write_case(folder, name, kind, inputs, params, expect, config):
    tensors = {f"input.{n}": t.int() if n == "labels" else t.float() for n, t in inputs.items()}
    tensors |= {f"param.{n}": t.float() for n, t in params.items()}
    tensors |= {f"expect.{n}": t.detach().float() for n, t in expect.items()}
    metadata = {"format": "reference-case", "version": "1", "kind": kind, "config": json.dumps(config)}
    save_file({n: t.detach().contiguous() for n, t in tensors.items()}, Path(folder) / f"{name}.safetensors", metadata=metadata)


def write_cases(folder):
    for name, settings in STEP_CASES.items():
        write_case(folder, name, "moma-step", *step_case(name, **settings))
    for name, settings in TRAIN_CASES.items():
        case = plain_train_case if "method" in settings else train_case
        write_case(folder, name, "train-steps", *case(name, **settings))
    generate_maps.write_cases(folder, write_case)


if __name__ == "__main__":
    target = Path(__file__).parent / "cases"
    target.mkdir(exist_ok=True)
    generate_forward.write_cases(target)
    write_cases(target)
