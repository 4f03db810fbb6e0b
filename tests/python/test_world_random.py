import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.world.rng import Streams, quantity_word, sequence


def test_a_stream_depends_on_its_place_alone():
    one, other = Streams(7), Streams(7)
    other("stay", 3, 9).random(1000)
    assert (one("stay", 1, 2).random(5) == other("stay", 1, 2).random(5)).all()


@pytest.mark.parametrize("place", [("stay", 1, 3), ("stay", 2, 2), ("wait", 1, 2)])
def test_streams_of_different_places_differ(place):
    assert not np.isclose(Streams(7)("stay", 1, 2).random(5), Streams(7)(*place).random(5)).any()
    assert not np.isclose(Streams(7)("stay", 1, 2).random(5), Streams(8)("stay", 1, 2).random(5)).any()


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_draws_do_not_depend_on_how_many_are_drawn_at_a_time(sizes):
    whole = Streams(1)("x").random(sum(sizes))
    stream = Streams(1)("x")
    assert (np.concatenate([stream.random(size) for size in sizes]) == whole).all()


def test_words_of_coordinates_are_unique_and_order_free():
    facility, day = (axis.ravel() for axis in np.meshgrid(np.arange(50), np.arange(2000)))
    words = Streams(42).words("event_id.admission", facility, day)
    assert len(np.unique(words[:, 0])) == len(words)
    assert (Streams(42).words("event_id.admission", facility[::-1], day[::-1]) == words[::-1]).all()
    ones = np.unpackbits(words.view("u1")).mean()
    assert 0.498 < ones < 0.502


def test_a_sequence_is_splitmix_and_any_part_of_it_is_had_alone():
    state = np.array([1234567], "u8")
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert sequence(state, np.arange(4)).tolist() == published
    assert sequence(state, np.array([2])).tolist() == published[2:3]
    states = Streams(42).words("x", np.arange(100))[:, :1]
    assert len(np.unique(sequence(states, np.arange(100)))) == 10_000


def test_quantities_of_the_world_have_keys_of_their_own():
    sources = Path(__file__).parents[2].glob("loaders/world/*.py")
    text = "".join(path.read_text() for path in sources)
    names = set(re.findall(r'(?:stream|streams|draws|Streams\([^)]*\))\(\s*"([a-z_.]+)"', text))
    assert len(names) > 15
    assert len({quantity_word(name) for name in names}) == len(names)


def test_no_other_randomness_is_used():
    for path in Path(__file__).parents[2].glob("loaders/**/*.py"):
        if path.name not in ("rng.py",):
            assert "np.random.default_rng" not in path.read_text(), path
            assert "import random" not in path.read_text(), path
            assert "default_rng" not in path.read_text(), path
