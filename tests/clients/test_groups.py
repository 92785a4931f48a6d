"""Consumer groups as the clients use them."""

from tests.clients.published import Plays


def test_every_group_gets_every_message(play: Plays) -> None:
    assert play("groups", "two").report == {"mail": [0, 1, 2, 3], "audit": [0, 1, 2, 3]}


def test_a_group_of_new_messages_does_not_see_old_ones(play: Plays) -> None:
    assert play("groups", "from_now_on").report == {"before": [], "after": ["new"]}


def test_a_group_may_start_at_a_time(play: Plays) -> None:
    assert play("groups", "from_a_time").report == {"data": ["new"]}


def test_a_deleted_group_starts_anew(play: Plays) -> None:
    assert play("groups", "deleted").report == {"before": [], "success": True, "after": [0, 1, 2]}
