"""Who asked to be told that the client is gone is told once."""

from queen.http.presence import ClientPresence


def test_told_once() -> None:
    client, told = ClientPresence(), list[str]()
    client.on_gone(lambda: told.append("a"))
    client.on_gone(lambda: told.append("b"))
    client.leave()
    client.leave()
    assert (client.gone, told) == (True, ["a", "b"])


def test_not_told_after_taking_it_back() -> None:
    client, told = ClientPresence(), list[str]()
    take_back = client.on_gone(lambda: told.append("a"))
    take_back()
    take_back()
    client.leave()
    assert told == []


def test_told_at_once_when_it_is_gone_already() -> None:
    client, told = ClientPresence(), list[str]()
    client.leave()
    client.on_gone(lambda: told.append("a"))()
    assert told == ["a"]
