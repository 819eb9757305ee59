"""Train the network on shards made by observe.py; checkpoints go beside them, and a stopped run goes on.

Usage: scripts/train/minutiae/learn.py SHARDS --out CHECKPOINT --minutes M [--validate SHARD] [--threads N]

Shards that appear while it runs are taken up. The learning rate falls with the time used (cosine), so the figure that
says how long this trained is --minutes; SECONDS_USED is kept in the checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import time
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import cv2
import numpy as np
import torch
from net import Net
from torch import Tensor
from torch.nn import functional

from hotspotd.biometrics.finger.evening import even_out

BATCH = 24
CUT = 192
"""Side of the random cuts that are learned from: more of them in the same time."""
RATE = 2.5e-3
SURE, UNSURE = 0.35, 0.2
"""Readability from which a minutia must be found, and under which there is none to be found; between, no matter."""

Batch = dict[str, Tensor]
Arrays = dict[str, np.ndarray]


class Shards:
    """Batches drawn at random from all shards in a folder, mirrored by chance."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.rng = np.random.default_rng(seed)
        self.open: dict[Path, dict[str, np.ndarray]] = {}

    def refresh(self) -> None:
        """Take up shards that have appeared."""
        for place in sorted(self.folder.glob("[0-9]*")):
            if place not in self.open:
                self.open[place] = {file.stem: np.load(file, mmap_mode="r") for file in place.glob("*.npy")}

    def batch(self, size: int) -> Arrays:
        """A random batch."""
        places = list(self.open)
        chosen = [
            (self.open[places[int(self.rng.integers(len(places)))]], int(self.rng.integers(512))) for _ in range(size)
        ]
        mirrored = self.rng.integers(2, size=(size, 2)).astype(bool)
        return labels([prepare(*which, across, over) for which, (across, over) in zip(chosen, mirrored, strict=True)])


def prepare(shard: dict[str, np.ndarray], index: int, across: bool, over: bool) -> dict[str, np.ndarray]:
    """One observation, mirrored left to right and top to bottom where told."""
    out = {name: np.array(values[index]) for name, values in shard.items()}
    points = out["points"].astype(np.float32)
    points = points[points[:, 0] >= 0]
    theta = out["theta"].astype(np.float32) * (np.pi / 256)
    side = out["image"].shape[1]
    # Samples of every eighth pixel don't mirror onto themselves: they move by seven pixels, and are interpolated.
    for wanted, axis in ((across, 1), (over, 0)):
        if not wanted:
            continue
        out["image"], out["ridges"] = (np.flip(out[name], axis) for name in ("image", "ridges"))
        field = np.stack([np.cos(2 * theta), np.sin(2 * theta), out["readable"].astype(np.float32)])
        field = np.flip(field, axis + 1)
        field = field + 0.125 * (np.roll(field, -1, axis + 1) - field)
        theta = np.pi - 0.5 * np.arctan2(field[1], field[0])
        out["readable"] = field[2]
        place = 1 - axis
        points[:, place] = side - 1 - points[:, place]
        points[:, 2] = (np.pi - points[:, 2]) if axis == 1 else -points[:, 2]
    out["points"], out["theta"] = points, theta
    out["image"] = even_out(np.ascontiguousarray(out["image"]))
    return out


def labels(samples: list[Arrays]) -> Arrays:
    """Pictures and what the network should say about them."""
    count, side = len(samples), samples[0]["image"].shape[0]
    cells = side // 4
    heat = np.zeros((count, cells, cells), np.float32)
    weight = np.ones((count, cells, cells), np.float32)
    regress = np.zeros((count, 5, cells, cells), np.float32)
    closeness = np.zeros((count, cells, cells), np.float32)
    readable = np.stack([sample["readable"] for sample in samples]).astype(np.float32) / 255
    points = np.concatenate([sample["points"] for sample in samples])
    which = np.repeat(np.arange(count), [len(sample["points"]) for sample in samples])
    x, y = points[:, 0] / 4, points[:, 1] / 4
    column, row = np.clip(x.astype(int), 0, cells - 1), np.clip(y.astype(int), 0, cells - 1)
    clear = readable[which, row // 2, column // 2]
    off_y, off_x = (grid.ravel() for grid in np.mgrid[-2:3, -2:3])
    rows, columns = row[:, None] + off_y, column[:, None] + off_x
    inside = (rows >= 0) & (columns >= 0) & (rows < cells) & (columns < cells) & (clear[:, None] >= UNSURE)
    point, _ = np.nonzero(inside)
    rows, columns = rows[inside], columns[inside]
    dx, dy = x[point] - (columns + 0.5), y[point] - (rows + 0.5)
    doubtful = clear[point] < SURE
    weight[which[point[doubtful]], rows[doubtful], columns[doubtful]] = 0
    bell = np.where(doubtful, 0, np.exp(-(dx**2 + dy**2) / (2 * 0.7**2)) * 0.95)
    # The nearest minutia is written last, so it is the one that a cell answers for.
    order = np.argsort(bell, kind="stable")
    point, rows, columns, dx, dy, bell = (values[order] for values in (point, rows, columns, dx, dy, bell))
    n = which[point]
    heat[n, rows, columns] = bell
    weight[n[bell > 0], rows[bell > 0], columns[bell > 0]] = 1
    near = (np.hypot(dx, dy) < 1.6) & (bell > 0)
    n, rows, columns, point = n[near], rows[near], columns[near], point[near]
    closeness[n, rows, columns] = bell[near]
    regress[n, 0, rows, columns], regress[n, 1, rows, columns] = dx[near], dy[near]
    regress[n, 2, rows, columns], regress[n, 3, rows, columns] = np.cos(points[point, 2]), np.sin(points[point, 2])
    regress[n, 4, rows, columns] = points[point, 3]
    sure = clear >= SURE
    heat[which[sure], row[sure], column[sure]] = 1
    ridges = np.stack([sample["ridges"] for sample in samples]).astype(np.float32) / 127
    ridges = 1 / (1 + np.exp(5 * ridges))
    ridges = ridges.reshape(count, cells, 4, cells, 4).transpose(0, 2, 4, 1, 3).reshape(count, 16, cells, cells)
    theta = np.stack([sample["theta"] for sample in samples])
    return {
        "picture": np.stack([sample["image"] for sample in samples])[:, None],
        "heat": heat,
        "weight": weight,
        "regress": regress,
        "near": closeness,
        "ridges": ridges.astype(np.float32),
        "theta": np.stack([np.cos(2 * theta), np.sin(2 * theta)], axis=1).astype(np.float32),
        "readable": readable,
    }


def cut(batch: Arrays, rng: np.random.Generator) -> Arrays:
    """One CUT x CUT window of a batch."""
    top, left = (8 * int(rng.integers((256 - CUT) // 8 + 1)) for _ in range(2))
    out = {}
    for name, values in batch.items():
        step = 256 // values.shape[-1]
        rows, columns = slice(top // step, (top + CUT) // step), slice(left // step, (left + CUT) // step)
        out[name] = np.ascontiguousarray(values[..., rows, columns])
    return out


def supply(folder: Path, seed: int, ready: Queue[Arrays]) -> None:
    """Fill ``ready`` with batches, for ever, in a process of its own."""
    shards = Shards(folder, seed)
    while True:
        shards.refresh()
        for _ in range(100):
            ready.put(cut(shards.batch(BATCH), shards.rng))


def losses(fine: Tensor, field: Tensor, wanted: Batch) -> dict[str, Tensor]:
    """Each part of the loss, weighted."""
    confidence = fine[:, 0]
    chance = torch.sigmoid(confidence)
    peak = wanted["heat"] == 1
    hit = functional.logsigmoid(confidence) * (1 - chance) ** 2 * peak
    miss = functional.logsigmoid(-confidence) * chance**2 * (1 - wanted["heat"]) ** 4 * ~peak
    found = peak.sum().clamp(min=1)
    near = wanted["near"]
    total_near = near.sum().clamp(min=1)
    place = functional.smooth_l1_loss(fine[:, 1:3], wanted["regress"][:, :2], reduction="none", beta=0.2).sum(1)
    way = functional.smooth_l1_loss(fine[:, 3:5], wanted["regress"][:, 2:4], reduction="none", beta=0.2).sum(1)
    kind = functional.binary_cross_entropy_with_logits(fine[:, 5], wanted["regress"][:, 4], reduction="none")
    clear = ((wanted["readable"] - 0.15) / 0.3).clamp(0, 1)
    fine_clear = clear.repeat_interleave(2, 1).repeat_interleave(2, 2)
    ridges = functional.binary_cross_entropy_with_logits(fine[:, 6:], wanted["ridges"], reduction="none").mean(1)
    theta = (field[:, :2] - wanted["theta"]).square().sum(1)
    readable = functional.binary_cross_entropy_with_logits(field[:, 2], wanted["readable"])
    return {
        "confidence": -((hit + miss) * wanted["weight"]).sum() / found,
        "place": 2.0 * (place * near).sum() / total_near,
        "way": 1.5 * (way * near).sum() / total_near,
        "kind": 0.2 * (kind * near).sum() / total_near,
        "ridges": 1.5 * (ridges * fine_clear).sum() / fine_clear.sum().clamp(min=1),
        "theta": 1.0 * (theta * clear).sum() / clear.sum().clamp(min=1),
        "readable": 1.0 * readable,
    }


@torch.no_grad()
def validate(net: Net, shard: dict[str, np.ndarray], count: int = 128) -> dict[str, float]:
    """Mean of each part of the loss on the first ``count`` observations of a shard of other fingers."""
    net.eval()
    sums: dict[str, float] = {}
    for first in range(0, count, 16):
        made = labels([prepare(shard, first + n, across=False, over=False) for n in range(16)])
        batch = {name: torch.from_numpy(values) for name, values in made.items()}
        with torch.autocast("cpu", dtype=torch.bfloat16):
            fine, field = net(batch["picture"].to(memory_format=torch.channels_last))
        for name, value in losses(fine.float(), field.float(), batch).items():
            sums[name] = sums.get(name, 0.0) + float(value) * 16 / count
    return sums


@torch.no_grad()
def follow(mean: Net, net: Net, share: float) -> None:
    """Move the running mean of the weights by ``share`` of the way."""
    for slow, fast in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
        if slow.dtype.is_floating_point:
            slow.lerp_(fast, share)
        else:
            slow.copy_(fast)


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--validate", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Train until the time is used up."""
    given = options()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    cv2.setNumThreads(1)
    net = Net().to(memory_format=torch.channels_last)
    mean = copy.deepcopy(net)
    parts = [p for p in net.parameters() if p.ndim > 1], [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": parts[0], "weight_decay": 0.02}, {"params": parts[1], "weight_decay": 0.0}], lr=RATE
    )
    used, step = 0.0, 0
    if given.out.exists():
        kept = torch.load(given.out, weights_only=True)
        net.load_state_dict(kept["net"])
        mean.load_state_dict(kept["mean"])
        optimiser.load_state_dict(kept["optimiser"])
        used, step = kept["seconds_used"], kept["step"]
    ready: Queue[Arrays] = get_context("fork").Queue(maxsize=8)
    get_context("fork").Process(target=supply, args=(given.shards, given.seed + step, ready), daemon=True).start()
    tested = {f.stem: np.load(f) for f in given.validate.glob("*.npy")} if given.validate else None
    last, saved, sums = time.monotonic(), used, {}
    while used < given.minutes * 60:
        part = used / (given.minutes * 60)
        for group in optimiser.param_groups:
            group["lr"] = float(RATE * min(1.0, (step + 1) / 300) * (0.5 + 0.5 * np.cos(np.pi * part)) + 1e-5)
        net.train()
        batch = {name: torch.from_numpy(values) for name, values in ready.get().items()}
        with torch.autocast("cpu", dtype=torch.bfloat16):
            fine, field = net(batch["picture"].to(memory_format=torch.channels_last))
        each = losses(fine.float(), field.float(), batch)
        optimiser.zero_grad()
        torch.stack(list(each.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        keep = min(0.999, (step + 1) / (step + 20))
        follow(mean, net, 1 - keep)
        for name, value in each.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        now = time.monotonic()
        used, last = used + now - last, now
        if step % 100 == 0:
            print(step, f"{used:.0f}s", " ".join(f"{k} {v / 100:.3f}" for k, v in sums.items()), flush=True)
            sums = {}
        if used - saved > 180 or used >= given.minutes * 60:
            saved = used
            state = {
                "net": net.state_dict(),
                "mean": mean.state_dict(),
                "optimiser": optimiser.state_dict(),
                "seconds_used": used,
                "step": step,
            }
            torch.save(state, given.out.with_suffix(".new"))
            given.out.with_suffix(".new").replace(given.out)
            if tested is not None:
                checked = validate(mean, tested)
                print("validation", step, " ".join(f"{k} {v:.3f}" for k, v in checked.items()), flush=True)


if __name__ == "__main__":
    main()
