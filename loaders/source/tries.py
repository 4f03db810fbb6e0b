"""Trying again, a bounded number of times, with waits that double and differ."""

import time
from collections.abc import Callable, Iterator
from secrets import randbelow
from typing import TypeVar

from loaders.source.session import Patience, Trouble

Done = TypeVar("Done")


def rounds(patience: Patience) -> Iterator[int]:
    """The number of each try, from 1, with a wait before all but the first."""
    for number in range(1, patience.tries + 1):
        if number > 1:
            longest = patience.wait_seconds * 2 ** (number - 2)
            time.sleep(longest / 2 * (1 + randbelow(1_000) / 1_000))
        yield number


def again(patience: Patience, call: Callable[[], Done]) -> Done:
    """What a call returns that may be repeated. Raises Trouble that does not pass, or did not in the last try."""
    for number in rounds(patience):
        try:
            return call()
        except Trouble as trouble:
            if not trouble.passes or number == patience.tries:
                raise tried(trouble, number) from None
    raise AssertionError("there is at least one try")


def tried(trouble: Trouble, tries: int) -> Trouble:
    """Trouble that says how often it was tried."""
    return Trouble(f"{trouble}, in {tries} tries", trouble.passes, trouble.unreached) if tries > 1 else trouble
