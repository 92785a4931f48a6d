"""Rounds are whole and shuffled, and no cell always comes before another."""

from itertools import combinations

from loadtests.ceiling.schedule import orders

CELLS = "abcdefg"


def test_every_round_holds_each_cell_once() -> None:
    for order in orders(CELLS, 5, seed=7):
        assert sorted(order) == list(CELLS)


def test_of_two_cells_each_comes_first_as_often_as_the_other() -> None:
    rounds = orders(CELLS, 6, seed=7)
    for one, other in combinations(CELLS, 2):
        assert sum(order.index(one) < order.index(other) for order in rounds) == 3


def test_a_seed_gives_one_order_and_another_seed_another() -> None:
    assert orders(CELLS, 4, seed=7) == orders(CELLS, 4, seed=7)
    assert orders(CELLS, 4, seed=7) != orders(CELLS, 4, seed=8)
    first, _, third, _ = orders(CELLS, 4, seed=7)
    assert first != third
