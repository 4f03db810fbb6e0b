"""How long people stay, and when they leave: the part of fate that needs no beds."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS, HOUR_SECONDS, day_number, day_of, is_bank_holiday
from loaders.world.config import (
    HOUR_ARRIVAL,
    HOUR_DISCHARGE,
    HOUR_ELECTIVE,
    WEEKDAY_DISCHARGE_CHANCE,
    WEEKDAY_ELECTIVE,
    WEEKDAY_EMERGENCY,
    Department,
    World,
)
from loaders.world.rng import Streams

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TAIL = 0.95
SHIFT_STEPS = 256
SHIFT_DAYS = 14
YEAR_DAYS = 366
SAMPLE = 20_000
SAMPLE_MONDAY = date(2023, 1, 9)


@dataclass(frozen=True)
class StayTable:
    """A truncated lognormal as its quantiles: stays in seconds at the shares of stays that are shorter."""

    shares: Floats
    seconds: Floats

    def at(self, shares: Floats) -> Ints:
        """Stays in whole seconds at shares from 0 to 1."""
        return np.interp(shares, self.shares, self.seconds).astype(np.int64)


@lru_cache
def stay_table(department: Department, length_biased: bool = False) -> StayTable:
    """The stays of a department's patients, or of the patients whom a look at its beds would find (length-biased)."""
    sigma = sqrt(2 * log(department.stay_mean_days / department.stay_median_days))
    centre = log(department.stay_median_days) + (sigma**2 if length_biased else 0)
    top = (log(department.stay_max_days) - centre) / sigma
    scores = np.linspace(-4.0, top, 512)
    normal = NormalDist()
    shares = np.array([normal.cdf(score) for score in scores])
    shares = (shares - shares[0]) / (shares[-1] - shares[0])
    return StayTable(shares, np.exp(centre + sigma * scores) * DAY_SECONDS)


def stay_seconds(department: Department, extreme_share: float, draws: Floats) -> Ints:
    """Stays for uniform draws: `extreme_share` of them come from the longest 5 % of the department's own stays."""
    rest = 1 - extreme_share
    shares = np.where(
        draws < extreme_share,
        TAIL + (1 - TAIL) * draws / (extreme_share or 1),
        (draws - extreme_share) / rest,
    )
    return stay_table(department).at(shares)


@lru_cache
def second_table(profile: tuple[float, ...]) -> tuple[Floats, Floats]:
    """An hourly profile as (shares of the day that have passed, seconds of the day), for interpolation."""
    weights = np.array(profile, np.float64)
    return np.concatenate([[0.0], np.cumsum(weights) / weights.sum()]), np.arange(25, dtype=np.float64) * HOUR_SECONDS


def seconds_of_day(profile: tuple[float, ...], draws: Floats) -> Ints:
    """Seconds of the day for uniform draws, distributed as an hourly profile."""
    shares, seconds = second_table(profile)
    return np.minimum(np.interp(draws, shares, seconds).astype(np.int64), DAY_SECONDS - 1)


def request_profile(ed_hours: int) -> tuple[float, ...]:
    """When beds are asked for by emergency patients: arrivals, `ed_hours` later."""
    return HOUR_ARRIVAL[-ed_hours:] + HOUR_ARRIVAL[:-ed_hours] if ed_hours else HOUR_ARRIVAL


def discharge_chance(world: World, day: date) -> float:
    """The chance that a stay which could end on a date does."""
    chance = WEEKDAY_DISCHARGE_CHANCE[day.weekday()]
    return chance * world.bank_holiday_discharge if is_bank_holiday(day) else chance


@lru_cache
def world_shifts(world: World) -> tuple[int, list[bytes]]:
    """The discharge shifts of every day that a stay in this world can end on, and the first such day."""
    first_day = day_number(world.start) - 2 * YEAR_DAYS
    return first_day, discharge_shifts(world, first_day, world.days + 4 * YEAR_DAYS)


@lru_cache(maxsize=64)
def discharge_shifts(world: World, first_day: int, days: int) -> list[bytes]:
    """For each day from `first_day`, by a draw from 0 to 255: how many days later a stay that could end then does."""
    chances = np.array([discharge_chance(world, day_of(first_day + i)) for i in range(days + SHIFT_DAYS)])
    draws = (np.arange(SHIFT_STEPS) + 0.5) / SHIFT_STEPS
    shifts = np.zeros((days, SHIFT_STEPS), np.uint8)
    still_in = np.ones(days)
    for later in range(SHIFT_DAYS):
        still_in = still_in * (1 - chances[later : later + days])
        shifts += draws[None, :] >= 1 - still_in[:, None]
    return [row.tobytes() for row in shifts]


def discharge_times(starts: Ints, stays: Ints, leaves: Ints, draws: Ints, shifts: list[bytes], first_day: int) -> Ints:
    """When patients leave who came at `starts`: on the day their stay ends, or a later one that lets them go.

    A stay that ends on the day it began ends when it ends, after an hour at least. `shifts` are those of
    `discharge_shifts` from `first_day`.
    """
    nominal = starts + stays
    days = nominal // DAY_SECONDS
    table = np.frombuffer(b"".join(shifts), np.uint8).reshape(-1, SHIFT_STEPS)
    later = (days + table[days - first_day, draws]) * DAY_SECONDS + leaves
    return np.where(days > starts // DAY_SECONDS, later, np.maximum(nominal, starts + HOUR_SECONDS))


@dataclass(frozen=True)
class Expected:
    """What a department's plan comes to: the mean stay in days, how many more beds it fills at the morning review
    than at midnight (a ratio), and the share of stays of at least n nights, n from 0 to 7."""

    stay_days: float
    review_swing: float
    nights: Floats


@lru_cache(maxsize=256)
def expected(world: World, department: Department) -> Expected:
    """A department's stays with the effects of weekday and hour, from a fixed sample of plans."""
    draw = Streams(0)("expected")
    weights = np.concatenate(
        [
            department.emergency_share * np.array(WEEKDAY_EMERGENCY),
            (1 - department.emergency_share) * np.array(WEEKDAY_ELECTIVE),
        ]
    )
    kinds = draw.choice(14, SAMPLE, p=weights / weights.sum())
    times = draw.random(SAMPLE)
    asked = np.where(
        kinds < 7, seconds_of_day(request_profile(world.ed_hours), times), seconds_of_day(HOUR_ELECTIVE, times)
    )
    first_day = day_number(SAMPLE_MONDAY)
    starts = (first_day + kinds % 7) * DAY_SECONDS + asked + int(world.transfer_hours * HOUR_SECONDS)
    ends = discharge_times(
        starts,
        stay_seconds(department, world.extreme_stay_share, (draw.permutation(SAMPLE) + 0.5) / SAMPLE),
        seconds_of_day(HOUR_DISCHARGE, draw.random(SAMPLE)),
        draw.integers(0, SHIFT_STEPS, SAMPLE, dtype="i8"),
        discharge_shifts(world, first_day, int(department.stay_max_days) + 9),
        first_day,
    )
    stay_days = float(np.mean(ends - starts)) / DAY_SECONDS
    review = world.review_hour * HOUR_SECONDS
    swing = float(np.mean(starts % DAY_SECONDS < review) - np.mean(ends % DAY_SECONDS < review))
    nights = ends // DAY_SECONDS - starts // DAY_SECONDS
    return Expected(stay_days, 1 + swing / stay_days, np.array([np.mean(nights >= n) for n in range(8)]))
