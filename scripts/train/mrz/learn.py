"""Train a network on pictures drawn as it goes; a checkpoint is kept, and a run that was stopped goes on from it.

Usage: scripts/train/mrz/learn.py lines|places --out CHECKPOINT [--steps N] [--seed 1]

One thread. The learning rate falls with the steps made, and each step's material comes from the seed and its number:
without options the bundled networks are made again, up to rounding. What it is validated on is drawn from another seed.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path
from types import ModuleType

import cv2
import lines
import numpy as np
import places
import torch
from nets import LineNet, PlaceNet
from torch import Tensor, nn

RATE = 3e-3
STEPS = {"lines": 2675, "places": 1100}
_WARM, _SLOW, _LAST = 100, 3300, 275
"""Steps in which the rate rises, would fall slowly to a fiftieth, and, the last ones, falls to nothing."""
VALIDATION_SEED = 900_001

Batch = dict[str, Tensor]


def validate(task: ModuleType, net: nn.Module, tested: list[Batch]) -> dict[str, float]:
    """Mean losses and the share of characters that are right, as they are (best column known)."""
    sums: dict[str, float] = {}
    net.eval()
    with torch.no_grad():
        for wanted in tested:
            output = net(wanted["picture"])
            for name, value in task.losses(output, wanted).items():
                sums[name] = sums.get(name, 0.0) + float(value) / len(tested)
            right = task.right(output, wanted)
            sums["right"] = sums.get("right", 0.0) + right / len(tested)
    return sums


def rate(step: int, steps: int) -> float:
    """The learning rate of one step: rising, falling slowly whatever the number of ``steps``, at last to nothing."""
    slow = 0.02 + 0.98 * 0.5 * (1 + float(np.cos(np.pi * min(1.0, step / _SLOW))))
    return RATE * min(1.0, (step + 1) / _WARM, (steps - step) / _LAST) * slow


def restore(path: Path, net: nn.Module, mean: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[int, float]:
    """Go on from the checkpoint: steps made and seconds used."""
    kept = torch.load(path, weights_only=True)
    net.load_state_dict(kept["net"])
    mean.load_state_dict(kept["mean"])
    optimiser.load_state_dict(kept["optimiser"])
    return kept["step"], kept["seconds_used"]


def keep(
    path: Path, net: nn.Module, mean: nn.Module, optimiser: torch.optim.Optimizer, used: tuple[int, float]
) -> None:
    """Write the checkpoint, whole or not at all."""
    parts = {"net": net.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict()}
    fresh = path.with_suffix(".new")
    torch.save({**parts, "step": used[0], "seconds_used": used[1]}, fresh)
    fresh.replace(path)


def main() -> None:
    """Train until the steps are made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("lines", "places"), help="what is learned: reading lines, or finding them")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, help=f"({', '.join(f'{task} {count}' for task, count in STEPS.items())})")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    task, net = (lines, LineNet()) if given.task == "lines" else (places, PlaceNet())
    mean = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    step, used = restore(given.out, net, mean, optimiser) if given.out.exists() else (0, 0.0)
    tested_rng = np.random.default_rng(VALIDATION_SEED)
    tested = [task.batch(tested_rng, 32) for _ in range(4)]
    last, saved = time.monotonic(), used
    sums: dict[str, float] = {}
    steps = given.steps or STEPS[given.task]
    while step < steps:
        for group in optimiser.param_groups:
            group["lr"] = rate(step, steps)
        wanted = task.batch(np.random.default_rng([given.seed, step]), task.BATCH)
        net.train()
        optimiser.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = net(wanted["picture"])
        each = task.losses(output.float(), wanted)
        torch.stack(list(each.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        follow(mean, net, 1 - min(0.999, (step + 1) / (step + 20)))
        for name, value in each.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        now = time.monotonic()
        used, last = used + now - last, now
        if step % 50 == 0:
            print(step, f"{used:.0f}s", " ".join(f"{k} {v / 50:.4f}" for k, v in sums.items()), flush=True)
            sums = {}
        if used - saved > 120 or step == steps:
            saved = used
            keep(given.out, net, mean, optimiser, (step, used))
            checked = validate(task, copy.deepcopy(mean), tested)
            print("validation", step, " ".join(f"{k} {v:.4f}" for k, v in checked.items()), flush=True)


def follow(mean: nn.Module, net: nn.Module, share: float) -> None:
    """Move the running mean of the weights by ``share`` towards ``net``."""
    with torch.no_grad():
        for kept, new in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, share)
            else:
                kept.copy_(new)


if __name__ == "__main__":
    main()
