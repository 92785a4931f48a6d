"""What is known of a started server is said of no other."""

from loadtests.runs.server_facts import FACTS_VARIABLE, ServerFacts, encode, facts_about

FACTS = ServerFacts(url="http://127.0.0.1:6632", pool=7, postgres="18")


def test_the_facts_are_of_the_started_server_alone() -> None:
    environ = {FACTS_VARIABLE: encode(FACTS)}
    assert facts_about(environ, "http://127.0.0.1:6632/") == FACTS
    assert facts_about(environ, "http://127.0.0.1:6633") == ServerFacts()
    assert facts_about({}, "http://127.0.0.1:6632") == ServerFacts()
