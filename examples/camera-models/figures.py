"""What a run comes to: figures for programs, and the table."""

from __future__ import annotations

from collections import Counter
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from memory import Memory

if TYPE_CHECKING:
    from supervisor import Terms, Told

MOMENTS = {"start": "at first", "attached": "weights", "ready": "sessions", "end": "after it"}


def figures(terms: Terms, told: Told) -> dict[str, Any]:
    """Return everything that is said of a run; times in milliseconds, memory in bytes."""
    times = [time for film in told.films for time in film["times"]]
    answers = sorted(1000 * (came - sent) for sent, _, _, came, _ in times)
    failed = sum((Counter(film["failed"]) for film in told.films), Counter())
    seen = [time for sent, *_, came, _ in times for time in (sent, came)]
    moments = {moment: [note[moment] for note in told.notes] for moment in ("start", "attached", "ready")}
    return {
        "cameras": terms.cameras,
        "workers": terms.workers,
        "answered": len(times),
        "left_out": sum(film["left_out"] for film in told.films),
        "wrong": [wrong for film in told.films for wrong in film["wrong"]],
        "failed": dict(failed),
        "per_second": len(times) / (max(seen) - min(seen)) if seen else 0.0,
        "answer": {"p50": quantile(answers, 0.5), "p99": quantile(answers, 0.99)},
        "mean": parts(times),
        "killed": told.killed,
        "back_after": [1000 * seconds for seconds in told.back_after],
        "memory": {
            moment: middle(memories)._asdict()
            for moment, memories in {**moments, "end": told.at_the_end}.items()
            if memories
        },
        "weights": sum(model["bytes"] for model in told.registry["models"]),
        "loads": told.registry["loads"],
        "read": told.registry["read_bytes"],
        "read_later": told.registry["read_bytes"] - told.first["read_bytes"],
    }


def parts(times: list[Any]) -> dict[str, float]:
    """Return the mean of each part of the way from a camera to its answer."""
    names = ("until_begun", "in_model", "beside_model", "until_there")
    each = [
        (begun - sent, in_model, ended - begun - in_model, came - ended)
        for sent, begun, ended, came, in_model in times
    ] or [(0.0, 0.0, 0.0, 0.0)]
    return {name: 1000 * fmean(part) for name, part in zip(names, zip(*each, strict=True), strict=True)}


def quantile(ordered: list[float], share: float) -> float:
    """Return the value that this share of all does not exceed."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def middle(memories: list[Memory]) -> Memory:
    """Return the median of each figure."""
    own, part = zip(*memories, strict=True)
    return Memory(int(median(own)), int(median(part)))


def table(said: dict[str, Any]) -> str:
    """Return the table that is printed at the end."""
    answer, mean, memory = said["answer"], said["mean"], said["memory"]
    in_worker = mean["in_model"] + mean["beside_model"]
    whole = in_worker + mean["until_begun"] + mean["until_there"]
    failed = ", ".join(f"{count} {name}" for name, count in said["failed"].items())
    back = said["back_after"]
    outside_worker, outside = mean["beside_model"] / (in_worker or 1), 1 - mean["in_model"] / (whole or 1)
    rows = {
        "Frames read": f"{said['answered']}, {said['per_second']:.1f} a second; left out {said['left_out']}",
        "Wrong": f"{len(said['wrong'])}{f'; not answered {failed}' if failed else ''}",
        "Sent to answer": f"p50 {answer['p50']:.1f} ms, p99 {answer['p99']:.1f} ms",
        "Means of it": f"until a worker begins {mean['until_begun']:.1f} ms, "
        f"in the models {mean['in_model']:.1f} ms, "
        f"beside them {mean['beside_model']:.1f} ms, back {mean['until_there']:.1f} ms",
        "Outside the models": f"{outside_worker:.1%} of a worker's time with a frame, "
        f"{outside:.1%} from sent to answer",
        "Workers": f"{said['workers']}, killed {said['killed']}"
        + (f", another one ready after {median(back) / 1000:.1f} s" if back else ""),
        "Weights": f"{megabytes(said['weights'])} of shared memory; {said['loads']} loads, "
        f"{megabytes(said['read'])} read, of these {said['read_later']} bytes for later workers",
    }
    for name, key in (("A worker's own memory", "own"), ("with its part of all", "part")):
        moments = [f"{MOMENTS[moment]} {megabytes(memory[moment][key])}" for moment in memory]
        rows[name] = ", ".join(moments)
    return "\n".join(f"{name:<21}  {value}" for name, value in rows.items())


def megabytes(nbytes: int) -> str:
    """Return bytes as is read most easily."""
    return f"{nbytes / 1e6:.1f} MB"
