"""When things are done to patients: rounds at intervals that follow how ill a patient is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.world.clinical.course import SEVERITY_BOUNDS, Course
from loaders.world.clinical.draws import Ints, Reals

JITTER = 0.24


@dataclass(frozen=True)
class Rounds:
    """Rounds as a running number of them over time, piecewise linear: the hours and numbers at which its slope
    changes, and the slopes, shape (stays, pieces). `counts` rounds fit into each stay, the first at hour `first`."""

    hours: NDArray[np.float64]
    numbers: NDArray[np.float64]
    slopes: NDArray[np.float64]
    first: NDArray[np.float64]
    counts: Ints


def rounds(
    course: Course, intervals: NDArray[np.float64] | tuple[float, ...], extra: float, first: NDArray[np.float64]
) -> Rounds:
    """Rounds every `intervals` hours at acuity 1 to 5 (shape (5,) or (stays, 5)), `extra` more an hour around a turn
    for the worse."""
    per_hour = 1 / np.broadcast_to(np.asarray(intervals, np.float64), (len(course), 5))
    severity = np.maximum(course.severity.astype(np.float64), 1e-3)
    last = course.hours - first
    lasts = [
        np.where(course.lasting > bound, np.inf, course.recovery * np.log(severity / bound))
        for bound in SEVERITY_BOUNDS
    ]
    has_turn = course.turn_size > 0
    start = np.where(has_turn, course.turn - 0.7 * course.turn_length - first, 0)
    end = np.where(has_turn, course.turn + 6 - first, 0)
    edges = np.stack([*lasts, start, end], axis=1)
    edges = np.sort(np.clip(edges, 0, last[:, None]), axis=1)
    hours = np.concatenate([np.zeros((len(course), 1)), edges], axis=1)
    widths = np.diff(np.concatenate([hours, last[:, None]], axis=1), axis=1)
    middle = hours + widths / 2
    acuity = sum((middle < at[:, None]).astype(np.int64) for at in lasts)
    slopes = np.take_along_axis(per_hour, np.asarray(acuity), axis=1)
    slopes = slopes + extra * ((middle > start[:, None]) & (middle < end[:, None]))
    steps = np.cumsum(slopes * widths, axis=1)
    numbers = np.concatenate([np.zeros((len(course), 1)), steps[:, :-1]], axis=1)
    counts = 1 + np.maximum(np.floor(steps[:, -1] - JITTER), 0).astype(np.int64)
    return Rounds(hours, numbers, slopes, first, counts)


def times(plan: Rounds, stay: Ints, number: Ints, jitter: Reals) -> Reals:
    """The hour of each round, given its stay, its number in the stay from 0, and a jitter between 0 and 1.

    Intervals vary by about a fifth around the planned ones; rounds keep their order.
    """
    wanted = np.where(number == 0, np.float32(0), number + np.float32(JITTER) * (2 * jitter - 1)).astype(np.float32)
    pieces = plan.hours.shape[1]
    piece = stay * pieces
    for p in range(1, pieces):
        piece += plan.numbers[:, p].astype(np.float32)[stay] < wanted
    hours, numbers, slopes = (a.astype(np.float32).ravel()[piece] for a in (plan.hours, plan.numbers, plan.slopes))
    return plan.first.astype(np.float32)[stay] + hours + (wanted - numbers) / slopes


def counted(counts: Ints) -> tuple[Ints, Ints]:
    """For each row of runs of the given lengths: which run it is in, and its place there from 0."""
    ends = np.cumsum(counts)
    run = np.repeat(np.arange(len(counts)), counts)
    return run, np.arange(len(run)) - np.repeat(ends - counts, counts)
