"""A lease that is renewed is kept; one that is not, ends."""

import pytest

from tests.clients.published import Plays


def test_a_renewed_lease_is_kept_and_the_other_one_is_not(play: Plays) -> None:
    report = play("leases", "renewed").report
    assert report["renewal"]["success"]
    assert report["renewal"]["newExpiresAt"].endswith("Z")
    assert report["again"] == ["left"]
    assert report["acked"]["renewed"]["success"]
    assert report["acked"]["left"] == {"success": False, "error": "Invalid or expired lease"}


def test_a_consumer_renews_while_its_handler_works(play: Plays) -> None:
    assert play("leases", "renewed_by_the_consumer").report == {"again": [], "rest": []}


def test_one_renewal_serves_all_partitions_of_a_pop(play: Plays) -> None:
    report = play("leases", "many_at_once").report
    [renewal] = report["renewals"]
    assert report["messages"] == 3
    assert renewal["success"]
    assert renewal.get("renewed", 3) == 3  # 0.15.0 does not tell


def test_a_lease_that_is_gone_has_no_new_end(play: Plays) -> None:
    report = play("leases", "gone").report
    assert report["renewal"]["newExpiresAt"] is None


@pytest.mark.parametrize("published", ["2.6.0"], indirect=True)
def test_the_renewal_of_a_lease_that_is_gone_is_no_success(play: Plays) -> None:
    report = play("leases", "gone").report
    assert (report["renewal"]["success"], report["renewal"]["error"]) == (False, "Lease not found")
