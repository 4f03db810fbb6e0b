"""How a stand-in learns that it is to stop."""

import signal
from threading import Event

WAKE_SECONDS = 0.2


def stop_signal() -> Event:
    """An event that SIGTERM and SIGINT set from now on. To be called in the main thread."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def wait_for(stop: Event) -> None:
    """Wait in the main thread, which wakes now and then: a signal may come to a thread of an engine's, and wait too."""
    while not stop.wait(WAKE_SECONDS):
        pass
