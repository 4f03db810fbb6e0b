"""What a robot's sensors say during a procedure.

A sample's draws stand at its case's own coordinates and its number, and what follows from them is look-ups, products
and sums, so a case is the same bytes whichever others are made with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.world.calendar import DAY_SECONDS
from loaders.world.clinical.draws import SCORES, STEPS, normals, shares
from loaders.world.config import World
from loaders.world.rng import Streams, sequence
from loaders.world.robotics.cases import COMPLETED, FAILURES, Cases
from loaders.world.robotics.catalogue import MODELS

Reals = NDArray[np.float32]
Words = NDArray[np.uint16]
Seeds = NDArray[np.uint64]

# Samples that are worked out at a time, so that their arrays stay in the processor's cache.
BLOCK_SAMPLES = 1 << 16
CHUNK_SAMPLES = 1 << 17
SECOND = 1_000_000


@dataclass(frozen=True)
class Tool:
    """An instrument: the median force when it is in use, and how often robots of a domain take it up."""

    name: str
    force_n: float
    shares: dict[str, float]


TOOLS = (
    Tool("monopolar_scissors", 1.2, {"soft_tissue": 0.25, "single_port": 0.35}),
    Tool("bipolar_forceps", 1.4, {"soft_tissue": 0.20, "single_port": 0.25}),
    Tool("needle_driver", 1.8, {"soft_tissue": 0.20, "single_port": 0.20}),
    Tool("grasper", 1.6, {"soft_tissue": 0.20, "single_port": 0.20}),
    Tool("vessel_sealer", 2.0, {"soft_tissue": 0.08}),
    Tool("stapler", 2.5, {"soft_tissue": 0.04}),
    Tool("clip_applier", 2.2, {"soft_tissue": 0.03}),
    Tool("bone_saw", 3.0, {"joint": 0.60, "spine": 0.10}),
    Tool("drill_guide", 2.4, {"joint": 0.40, "spine": 0.90}),
)
DOMAINS = sorted({model.domain for model in MODELS})
DOMAIN = np.array([DOMAINS.index(model.domain) for model in MODELS])
ARMS = np.array([model.arms for model in MODELS])
TOOL_FORCE = np.array([tool.force_n for tool in TOOLS], np.float32)
# The tool that each of 65,536 words picks, by domain; tools and arms are kept for some minutes.
TOOL_OF = np.array(
    [
        np.repeat(np.arange(len(TOOLS)), np.diff(np.rint(np.cumsum([0, *parts]) * STEPS).astype(np.int64)))
        for parts in ([tool.shares.get(domain, 0) for tool in TOOLS] for domain in DOMAINS)
    ],
    np.int8,
)
KEPT_MINUTES = 8.0

# A tip goes from place to place and rests in each; x, y, z in tenths of mm and then of degrees. What shakes it is two
# normal numbers a sample.
PLACES = 24
SPREAD = np.array([450, 400, 350, 550, 450, 600], np.float32)
BOUND = np.array([1100, 1100, 1100, 1600, 1600, 1600], np.float32)
SHAKE = np.array([[12, 3], [4, 10], [7, 7], [15, 5], [5, 15], [10, 10]], np.float32)
ARM_SPACING = 250

# In 256ths: tools are in use, and the camera moves while they are not.
USED, CAMERA_MOVES = 141, 37

# Newtons, relative to the tool's median; amperes; degrees above the room's 28 that a motor would come to.
FORCE = np.exp(0.35 * SCORES.astype(np.float64)).astype(np.float32)
IDLE_FORCE = np.float32(0.28)
MOST_FORCE = np.float32(39.99)
CURRENT, CURRENT_OF_FORCE, CURRENT_OF_SHAKE, CURRENT_SPREAD = (np.float32(part) for part in (0.3, 0.3, 0.08, 0.22))
LEAST_CURRENT, MOST_CURRENT = np.float32(0.05), np.float32(9.99)
ROOM = np.float32(28)
HEAT, MOST_HEAT = np.float32(26), np.float32(35)
LAG_MINUTES = (8.0, 15.0)

# Milliseconds: lognormal, and in one sample of 400 a burst.
LATENCY = (1.8 * np.exp(0.45 * SCORES.astype(np.float64))).astype(np.float32)
LATENCY[-STEPS // 400 :] = np.exp(2.64 + 0.4 * SCORES[200::400].astype(np.float64))
MOST_LATENCY = np.float32(999)
FPS, FPS_SPREAD = np.float32(59.4), np.float32(0.8)
# Frames lost for each millisecond over what a picture can wait.
PATIENCE, FPS_OF_LATENCY = np.float32(8), np.float32(0.11)


@dataclass(frozen=True)
class Telemetry:
    """Samples of completed cases in order of cases and times: parallel arrays, samples along the last axis.

    `case` is the place among the cases asked for, `number` counts from 1 within it, `microsecond` is UTC, `tool` is an
    index of TOOLS. What is measured is in whole parts of its unit: `position` and `rotation` have a row for each of x,
    y and z, in tenths of mm and of degrees.
    """

    case: NDArray[np.int32]
    number: NDArray[np.int32]
    microsecond: NDArray[np.int64]
    arm: NDArray[np.int8]
    position: NDArray[np.int16]
    rotation: NDArray[np.int16]
    force_hundredths: NDArray[np.int16]
    tool: NDArray[np.int8]
    is_tool_active: NDArray[np.bool_]
    is_camera_moving: NDArray[np.bool_]
    temperature_tenths: NDArray[np.int16]
    current_hundredths: NDArray[np.int16]
    latency_tenths: NDArray[np.int16]
    fps_tenths: NDArray[np.int16]

    @classmethod
    def room(cls, samples: int) -> "Telemetry":
        """Arrays to be filled."""
        measured = np.empty((11, samples), np.int16)
        return cls(
            case=np.empty(samples, np.int32),
            number=np.empty(samples, np.int32),
            microsecond=np.empty(samples, np.int64),
            arm=np.empty(samples, np.int8),
            position=measured[:3],
            rotation=measured[3:6],
            force_hundredths=measured[6],
            tool=np.empty(samples, np.int8),
            is_tool_active=np.empty(samples, np.bool_),
            is_camera_moving=np.empty(samples, np.bool_),
            temperature_tenths=measured[7],
            current_hundredths=measured[8],
            latency_tenths=measured[9],
            fps_tenths=measured[10],
        )

    def __len__(self) -> int:
        return len(self.case)

    @classmethod
    def joined(cls, parts: "list[Telemetry]") -> "Telemetry":
        """Samples one after the other."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts], axis=-1) for f in fields(cls)))

    @property
    def day(self) -> NDArray[np.int64]:
        """The day number of each sample."""
        return self.microsecond // (DAY_SECONDS * SECOND)

    def only(self, which: NDArray[Any] | slice) -> "Telemetry":
        """The samples that a mask, an index or a slice picks."""
        return Telemetry(*(getattr(self, field.name)[..., which] for field in fields(self)))


@dataclass(frozen=True)
class _Block:
    """Some cases and some of their samples, all or a run of one case's, and the room for them. Random words: eight for
    each case and for each sample, and what sequences of others start from.
    """

    cases: Cases
    samples: int
    places: NDArray[np.int64]
    room: Telemetry
    own: Words
    drawn: Words
    paths: Seeds
    hands: Seeds
    faults: Seeds

    @property
    def minutes(self) -> NDArray[np.float64]:
        """From one sample to the next, by case."""
        return (self.cases.end - self.cases.start) / 60 / self.samples

    def failing(self, failure: str) -> tuple[NDArray[np.int64], Reals, Words]:
        """The cases in which a part fails, how worn it is, and four random words for each of their samples."""
        which = np.flatnonzero(self.cases.failing == FAILURES.index(failure))
        words = sequence(self.faults[which, None], self.places).view(np.uint16)
        wear = self.cases.wear[which, None].astype(np.float32)
        return which, wear, words.reshape(len(which), len(self.places), 4)


def telemetry(world: World, cases: Cases) -> Telemetry:
    """The samples of completed cases, `world.telemetry_samples` each, evenly from the start on.

    Times are whole seconds in a case that has as many, and microseconds in a shorter one; they increase.
    """
    samples = world.telemetry_samples
    done = np.flatnonzero(cases.status == COMPLETED) if samples else np.zeros(0, np.int64)
    room = Telemetry.room(len(done) * samples)
    step = max(1, BLOCK_SAMPLES // max(1, samples))
    for first in range(0, len(done), step):
        picked = done[first : first + step]
        warmth = np.zeros(len(picked), np.float32)
        for begin in range(0, samples, BLOCK_SAMPLES):
            places = np.arange(begin, min(begin + BLOCK_SAMPLES, samples))
            at = first * samples + begin
            part = room.only(slice(at, at + len(picked) * len(places)))
            part.case[:] = np.repeat(picked, len(places))
            block = _block(world, cases.only(picked), places, part)
            _time(block)
            warmth = _motor(block, _hands(block), _tip(block), warmth)
            _network(block)
    return room


def in_chunks(world: World, cases: Cases, samples: int = CHUNK_SAMPLES) -> Iterator[Telemetry]:
    """The same samples, at most that many at a time, so that memory does not grow with the number of cases."""
    step = max(1, samples // max(1, world.telemetry_samples))
    for first in range(0, len(cases), step):
        found = telemetry(world, cases.only(np.arange(first, min(first + step, len(cases)))))
        found.case[:] += first
        for begin in range(0, len(found), samples):
            yield found.only(slice(begin, begin + samples))


def _block(world: World, cases: Cases, places: NDArray[np.int64], room: Telemetry) -> _Block:
    streams = Streams(world.seed)
    first, own, more = (
        streams.words(f"telemetry.{name}", cases.facility, cases.day, cases.number)
        for name in ("samples", "case", "hands")
    )
    pairs = np.arange(2 * places[0], 2 * places[-1] + 2)
    drawn = sequence(first[:, :1], pairs).view(np.uint16).reshape(len(cases), len(places), 8)
    samples = world.telemetry_samples
    return _Block(cases, samples, places, room, own.view(np.uint16), drawn, first[:, 1], more[:, 0], more[:, 1])


def _time(block: _Block) -> None:
    """Sample times and numbers."""
    cases, samples, places = block.cases, block.samples, block.places
    seconds = (cases.end - cases.start)[:, None]
    unit = np.where(seconds < samples, 1, SECOND)
    microsecond = seconds * (SECOND // unit) * places // samples * unit + cases.start[:, None] * SECOND
    block.room.microsecond[:] = microsecond.ravel()
    block.room.number[:] = np.tile(places + 1, len(cases))


def _hands(block: _Block) -> Reals:
    """Tools and arms, changed now and then, and whether they are in use; returns the usual force of each sample."""
    cases, room = block.cases, block.room
    chance = np.minimum(block.minutes / KEPT_MINUTES * STEPS, STEPS - 1).astype(np.uint16)
    is_new = block.drawn[:, :, 4] < chance[:, None]
    is_new[:, 0] = True
    starts = np.flatnonzero(is_new)
    lengths = np.diff(starts, append=is_new.size)
    case, place = np.divmod(starts, len(block.places))
    words = sequence(block.hands[case], block.places[place]).view(np.uint16).reshape(-1, 4).astype(np.int64)
    model = cases.model[case]
    tool = TOOL_OF[DOMAIN[model], words[:, 0]]
    arm = 1 + (words[:, 1] * ARMS[model] >> 16)
    force = TOOL_FORCE[tool] * (0.8 + 0.05 * cases.complexity[case]).astype(np.float32)
    room.tool[:] = np.repeat(tool, lengths)
    room.arm[:] = np.repeat(arm.astype(np.int8), lengths)
    use = block.drawn[:, :, 5].ravel()
    np.less(use & np.uint16(0xFF), USED, out=room.is_tool_active)
    np.less(use >> np.uint16(8), CAMERA_MOVES, out=room.is_camera_moving)
    room.is_camera_moving[room.is_tool_active] = False
    return np.repeat(force, lengths)


def _tip(block: _Block) -> Reals:
    """Where the tip is and how it is turned, each arm around its own port; returns how hard each sample is shaken."""
    room = block.room
    words = sequence(block.paths[:, None], np.arange(-(-6 * (PLACES + 1) // 4))).view(np.uint16)
    along = (block.places + 0.5) * PLACES / block.samples
    place = along.astype(np.int64)
    share = (along - place).astype(np.float32)
    share *= share * (3 - 2 * share)
    one, other = (normals(block.drawn[:, :, word]) for word in (6, 7))
    for axis in range(6):
        ends = normals(words[:, axis * (PLACES + 1) : (axis + 1) * (PLACES + 1)]) * SPREAD[axis]
        np.clip(ends, -BOUND[axis], BOUND[axis], out=ends)
        path = np.diff(ends, axis=1).take(place, axis=1)
        path *= share
        path += ends.take(place, axis=1)
        path += SHAKE[axis, 0] * one
        path += SHAKE[axis, 1] * other
        (room.position if axis < 3 else room.rotation)[axis % 3] = np.rint(path, out=path).ravel()
    middle = np.repeat(ARM_SPACING * (ARMS[block.cases.model] + 1) // 2, len(block.places))
    room.position[0] += (ARM_SPACING * room.arm.astype(np.int16) - middle).astype(np.int16)
    return (np.abs(one, out=one) + np.abs(other, out=other)).ravel()


def _motor(block: _Block, force: Reals, shaken: Reals, warmth: Reals) -> Reals:
    """Force at the tip, the current that it takes, and the heat that the current leaves after a while.

    `warmth` is how much warmer than the room each case's motor was before, and what is returned how much it is now.
    """
    room, drawn = block.room, block.drawn
    force *= FORCE.take(drawn[:, :, 0].ravel())
    force *= IDLE_FORCE + (1 - IDLE_FORCE) * room.is_tool_active
    np.minimum(force, MOST_FORCE, out=force)
    room.force_hundredths[:] = np.rint(force * 100)
    current = CURRENT_SPREAD * normals(drawn[:, :, 1])
    flat = current.reshape(-1)
    flat += CURRENT + CURRENT_OF_FORCE * force
    flat += CURRENT_OF_SHAKE * shaken
    which, wear, words = block.failing("motor")
    spikes = (shares(words[:, :, 0]) < 0.35 * wear) * wear * (2.5 + 3.5 * shares(words[:, :, 1]))
    current[which] = current[which] * (1 + 0.9 * wear) + spikes
    np.clip(current, LEAST_CURRENT, MOST_CURRENT, out=current)
    room.current_hundredths[:] = np.rint(flat * 100)

    heat = HEAT * current
    heat *= current
    np.minimum(heat, MOST_HEAT, out=heat)
    which, wear, _ = block.failing("cooling")
    heat[which] += 30 * wear
    low, high = LAG_MINUTES
    left = np.exp(-block.minutes / (low + (high - low) * shares(block.own[:, 0]))).astype(np.float32)[:, None]
    heat *= 1 - left
    if block.places[0] == 0:
        heat[:, 0] = 0
    heat[:, 0] += left[:, 0] * warmth
    _gather(heat, left)
    warmth = heat[:, -1].copy()
    heat += ROOM
    heat *= 10
    room.temperature_tenths[:] = np.rint(heat, out=heat).ravel()
    return warmth


def _gather(values: Reals, left: Reals) -> None:
    """Add to each value what is left of those before it, `left` of the one before: a first-order lag, in place.

    By doubling: after a step, each has what twice as many gave.
    """
    samples = values.shape[1]
    before = np.empty_like(values)
    back = 1
    while back < samples:
        np.multiply(values[:, :-back], left, out=before[:, back:])
        values[:, back:] += before[:, back:]
        left = left * left
        back *= 2


def _network(block: _Block) -> None:
    """The delay between console and robot, and the frames that it and the camera leave of the picture."""
    room, drawn = block.room, block.drawn
    latency = LATENCY.take(drawn[:, :, 2])
    latency *= 0.8 + np.float32(0.5) * shares(block.own[:, 1:2])
    which, wear, words = block.failing("network")
    bursts = (shares(words[:, :, 0]) < 0.4 * wear) * wear * (60 + 300 * shares(words[:, :, 1]))
    latency[which] = latency[which] * (1 + 2 * wear) + bursts
    np.clip(latency, np.float32(0.1), MOST_LATENCY, out=latency)
    room.latency_tenths[:] = np.rint(latency * 10).ravel()

    fps = np.abs(normals(drawn[:, :, 3]))
    fps *= -FPS_SPREAD
    fps += FPS
    latency -= PATIENCE
    np.maximum(latency, 0, out=latency)
    latency *= FPS_OF_LATENCY
    fps -= latency
    which, wear, words = block.failing("camera")
    fps[which] -= wear * (12 + 26 * shares(words[:, :, 0]))
    np.maximum(fps, 0, out=fps)
    fps *= 10
    room.fps_tenths[:] = np.rint(fps, out=fps).ravel()
