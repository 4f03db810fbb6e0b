"""What theatres did: the cases that outcomes and telemetry are told of."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STATUSES = ("completed", "converted", "cancelled")
REASONS = ("patient_unwell", "list_overrun", "robot_unavailable")
COMPLETED, CONVERTED, CANCELLED = range(3)
NO_REASON = -1


@dataclass(frozen=True)
class Cases:
    """Parallel arrays, one element a case, in order of days, facilities and starts.

    `facility`, `day` and `number` name the encounter (index of the facility, day number of the request, its number in
    that day); `robot` and `surgeon` count from 0 through the network; `procedure` and `model` are indices of the
    catalogue. `start` and `end` are UTC seconds at whole minutes, and the planned ones of a cancelled case. `wear` says
    how near the robot is to a breakdown, or how badly a part fails in passing, from 0 to 1, and `failing` which part
    it is (index of FAILURES, -1: none).
    """

    facility: Ints
    day: Ints
    number: Ints
    patient: Ints
    procedure: Ints
    robot: Ints
    model: Ints
    surgeon: Ints
    start: Ints
    end: Ints
    complexity: Ints
    status: Ints
    reason: Ints
    wear: Floats
    failing: Ints

    def __len__(self) -> int:
        return len(self.facility)

    def only(self, which: NDArray[Any]) -> "Cases":
        """The cases that a mask or an index picks."""
        return Cases(*(getattr(self, field.name)[which] for field in fields(self)))


FAILURES = ("motor", "cooling", "network", "camera")
"""What fails: a motor draws too much current, cooling lets it run hot, the network lags, the camera drops frames."""
