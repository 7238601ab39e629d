"""MoMA's training step in PyTorch, as a contender: eager, or with torch.compile wherever it compiles.

`--mode compile` compiles each part of the step; `autotune` with mode max-autotune.
The same work as the trainer's step (docs/fidelity.md): teacher logits by running statistics, momentum on backbone and head, key pass
by the batch's statistics, cross-entropy + KL + InfoNCE against the queue as it was, SGD, queue. `--evaluate`: forward only, eval mode.
What a PyTorch user would do for speed is done: foreach momentum, fused SGD, gradients set to None, one read of the loss a step, and
channels_last where that is faster (--format).
"""

import argparse
import sys
from pathlib import Path

import torch
import torch._inductor.config
import torchvision
from torch import nn

from contender import serve

# The heads, the attention and the losses are those that the reference cases are computed with.
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests" / "parity"))
from moma_parts import BatchAttention, Head, forward, losses  # noqa: E402

FEATURES = 1280


def compiled(function, mode):
    """The function by torch.compile; `autotune` also tries C++ templates for the matrix products. Itself when eager."""
    if mode == "eager":
        return function
    return torch.compile(function, mode="max-autotune" if mode == "autotune" else "default")


class MomaStep:
    """Student, teacher, queue and optimiser; `run()` does one step and returns its loss as a number."""

    def __init__(self, options):
        torch.manual_seed(1)
        self.options = options
        masking = dict(dropout=options.dropout, stochastic_depth_prob=options.stochastic_depth)
        self.student = torchvision.models.efficientnet_b0(num_classes=options.classes, **masking)
        # No masking in the teacher's key pass, as in the trainer.
        self.teacher = torchvision.models.efficientnet_b0(num_classes=options.classes, dropout=0.0, stochastic_depth_prob=0.0)
        self.student_head, self.teacher_head = Head(FEATURES, options.features), Head(FEATURES, options.features)
        self.attention_query, self.attention_key, self.attention_queue = (
            BatchAttention(options.features, options.heads) for _ in range(3)
        )
        self.queue = nn.functional.normalize(torch.randn(options.queue, options.features))
        self.images = torch.randn(options.batch, 3, options.size, options.size)
        self.labels = torch.arange(options.batch) % options.classes
        if options.start:
            self.load(options.start)
        if options.format == "channels_last":
            for model in (self.student, self.teacher):
                model.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        for module in (self.teacher, self.teacher_head, self.attention_key, self.attention_queue):
            module.requires_grad_(False)
        self.student.train()
        self.index = 0
        learnt = nn.ModuleList([self.student, self.student_head, self.attention_query])
        self.optimiser = torch.optim.SGD(
            learnt.parameters(), lr=options.learning_rate, momentum=0.9, weight_decay=1e-4, fused=True
        )
        self.followers = [*self.teacher.parameters(), *self.teacher_head.parameters()]
        self.leaders = [p.detach() for m in (self.student, self.student_head) for p in m.parameters()]
        for part in ("teacher_logits", "key_features", "student_loss", "follow"):
            setattr(self, part, compiled(getattr(self, part), options.mode))

    def load(self, path):
        """Weights, queue and batch that the other contender started from."""
        from safetensors.torch import load_file

        tensors = load_file(path)
        for name in ("student", "teacher", "student_head", "teacher_head", "attention_query", "attention_key", "attention_queue"):
            own = {n[len(name) + 1 :]: t for n, t in tensors.items() if n.startswith(f"{name}.")}
            module = getattr(self, name)
            own |= {n: t for n, t in module.state_dict().items() if n.endswith("num_batches_tracked")}
            module.load_state_dict(own)
        self.queue.copy_(tensors["queue"])
        self.images, self.labels = tensors["images"], tensors["labels"].long()

    @torch.no_grad()
    def teacher_logits(self):
        return forward(self.teacher, self.images)[1]

    @torch.no_grad()
    def follow(self):
        torch._foreach_lerp_(self.followers, self.leaders, 1 - self.options.momentum)

    @torch.no_grad()
    def key_features(self):
        projected = self.teacher_head(forward(self.teacher, self.images)[0])
        return self.attention_key(projected), self.attention_queue(projected)

    def student_loss(self, key, teacher_logits):
        features, logits = forward(self.student, self.images)
        query = self.attention_query(self.student_head(features))
        parts, _ = losses(query, key, self.queue, logits, teacher_logits, self.labels, 0.15, 4.0, (1.0, 1.0, 1.0))
        return parts["total"]

    @torch.no_grad()
    def enqueue(self, rows):
        """In place, as MoCo writes it: at most two runs of the ring."""
        at_end = min(len(rows), len(self.queue) - self.index)
        self.queue[self.index : self.index + at_end] = rows[:at_end]
        self.queue[: len(rows) - at_end] = rows[at_end:]
        self.index = (self.index + len(rows)) % len(self.queue)

    def run(self):
        self.teacher.eval()
        teacher_logits = self.teacher_logits()
        self.follow()
        self.teacher.train()
        key, entering = self.key_features()
        loss = self.student_loss(key, teacher_logits)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.enqueue(entering)
        return loss.item()


class Evaluation:
    """Forward only: classes of a batch."""

    def __init__(self, options):
        torch.manual_seed(1)
        self.model = torchvision.models.efficientnet_b0(num_classes=options.classes).eval()
        self.images = torch.randn(options.batch, 3, options.size, options.size)
        if options.format == "channels_last":
            self.model.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        if options.mode != "eager":
            # Weights are constants here: folded and laid out once, as an inference server does it.
            torch._inductor.config.freezing = True
        self.model = compiled(self.model, options.mode)

    @torch.inference_mode()
    def run(self):
        self.model(self.images).argmax(1).tolist()


def profile(work, warm_up=3, steps=3):
    """Prints where the time of a step goes, by operator and shape-independent, own time first."""
    for _ in range(warm_up):
        work.run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as trace:
        for _ in range(steps):
            work.run()
    print(trace.key_averages().table(sort_by="self_cpu_time_total", row_limit=30, max_name_column_width=48))


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=("eager", "compile", "autotune"), default="eager")
    parser.add_argument("--format", choices=("contiguous", "channels_last"), default="channels_last")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--classes", type=int, default=9)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--queue", type=int, default=16_384)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--momentum", type=float, default=0.999)
    parser.add_argument("--learning-rate", type=float, default=0.005)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--stochastic-depth", type=float, default=0.2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start")
    parser.add_argument("--evaluate", action="store_true")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    torch.set_num_threads(options.threads)
    work = Evaluation(options) if options.evaluate else MomaStep(options)
    if options.profile:
        profile(work)
    else:
        serve({"torch": torch.__version__, "torchvision": torchvision.__version__}, work.run)
