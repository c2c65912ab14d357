"""Guesses of the next optimum from those before."""

import numpy as np
import pytest

from sklearn_softmax._solvers.related.trail import Trail


def trail_of(function, strengths):
    trail = Trail()
    for strength in strengths:
        trail.add(strength, function(np.log(strength)))
    return trail


@pytest.mark.parametrize("strengths", [[8.0, 4.0, 2.0], [1.0, 1.5, 3.0, 5.0]])
def test_parabolas_are_continued(strengths):
    def parabolas(time):
        return np.array([50.0 - time + 0.5 * time**2, -30.0 + 0.1 * time, 4.0])

    ahead = strengths[-1] ** 2 / strengths[-2]
    guess = trail_of(parabolas, strengths).ahead(ahead)
    np.testing.assert_allclose(guess, parabolas(np.log(ahead)), rtol=1e-12)


def test_what_was_zero_lately_tells_less():
    points = iter([[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 2.0, 0.5], [3.0, 2.0, 0.0, 0.25]])
    trail = trail_of(lambda _: np.array(next(points)), np.exp([0.0, -1.0, -2.0]))
    np.testing.assert_allclose(trail.ahead(np.exp(-3.0)), [3.0, 3.0, 0.0, 0.25])


def test_signs_do_not_change():
    trail = trail_of(lambda time: np.array([time - 0.5, 1.0]), np.exp([3.0, 2.0, 1.0]))
    np.testing.assert_allclose(trail.ahead(1.0), [0.0, 1.0])


@pytest.mark.parametrize("strength", [4.0, 2.0, 0.01])
def test_only_what_is_near_ahead_is_guessed(strength):
    trail = trail_of(lambda time: np.array([time + 9.0]), [4.0, 2.0])
    np.testing.assert_array_equal(trail.ahead(strength), [np.log(2.0) + 9.0])


def test_trails_that_turn_begin_anew():
    trail = trail_of(lambda time: np.array([time + 9.0]), [4.0, 2.0, 3.0])
    np.testing.assert_array_equal(trail.ahead(4.0), [np.log(3.0) + 9.0])
