from flask import Flask

from loadtests.ui.form_guard import guard_form
from tests.ui.support import FakeWebUi


def app(*, restarting: bool = False) -> Flask:
    made = FakeWebUi().app
    guard_form(made, restarting=lambda: restarting, fields=lambda: {"batch"})
    return made


def test_a_start_may_set_what_is_in_the_form_and_nothing_else() -> None:
    client = app().test_client()
    assert client.post("/swarm", data={"user_count": "1", "batch": "5"}).status_code == 200
    refused = client.post("/swarm", data={"results_dir": "/etc", "web_host": "", "batch": "5"})
    assert refused.status_code == 400
    assert refused.get_json() == {
        "success": False,
        "message": "no fields of this form: results_dir, web_host",
    }


def test_nothing_is_started_while_there_is_no_server() -> None:
    client = app(restarting=True).test_client()
    assert client.post("/swarm", data={"user_count": "1"}).status_code == 409
    assert client.get("/stats/requests").status_code == 200
