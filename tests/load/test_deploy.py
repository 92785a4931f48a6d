"""The files of deploy/locust: they can be read, and Locust takes the commands in them."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments

from loadtests.commands import load
from loadtests.load.options import add_arguments
from loadtests.load.wire.credentials import TOKEN_FILE_VARIABLE

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "locust"
GUIDE = (ROOT / "docs" / "distributed.md").read_text(encoding="utf-8")


def compose() -> dict[str, Any]:
    text = (HERE / "compose.yaml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:[?-]([^}]*)\}", "http://x", text))
    return parsed


def kubernetes() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((HERE / "kubernetes.yaml").read_text(encoding="utf-8")))


def pods() -> Iterator[dict[str, Any]]:
    return (each["spec"]["template"] for each in kubernetes() if each["kind"] == "Deployment")


def commands() -> Iterator[list[str]]:
    yield from (service["command"] for service in compose()["services"].values())
    for pod in pods():
        yield from (container["args"] for container in pod["spec"]["containers"])
    yield from (words.split() for words in re.findall(r"^    locust (.*)$", GUIDE, re.MULTILINE))


def parsed(words: list[str]) -> argparse.Namespace:
    parser = get_empty_argument_parser()
    setup_parser_arguments(parser)
    add_arguments(parser, "high")
    options = parser.parse_args(words)
    assert isinstance(options, argparse.Namespace)
    return options


def test_there_are_a_master_and_workers_in_each() -> None:
    roles = [(options.master, options.worker) for options in map(parsed, commands())]
    assert roles.count((True, False)) == 3
    assert roles.count((False, True)) == 3


def test_queen_load_takes_the_command_of_the_guide() -> None:
    parser = argparse.ArgumentParser()
    load.add_arguments(parser)
    (words,) = re.findall(r"^    queen load (.*)$", GUIDE, re.MULTILINE)
    assert parser.parse_args(words.split()).processes > 1


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_locust_takes_the_command_and_its_file_is_there(words: list[str]) -> None:
    options = parsed(words)
    assert (ROOT / options.locustfile).is_file()


def test_master_and_workers_run_the_same_file_from_the_same_image() -> None:
    services = compose()["services"].values()
    assert len({service["image"] for service in services}) == 1
    assert len({str(service["build"]) for service in services}) == 1
    containers = [container for pod in pods() for container in pod["spec"]["containers"]]
    assert len({container["image"] for container in containers}) == 1
    assert len({parsed(words).locustfile for words in commands()}) == 1


def test_the_page_is_published_to_this_machine_alone() -> None:
    assert [service.get("ports", []) for service in compose()["services"].values()] == [
        ["127.0.0.1:8089:8089"],
        [],
    ]
    assert not [each for each in kubernetes() if each["spec"].get("type") in ("NodePort", "LoadBalancer")]


def test_the_workers_find_the_master_and_nobody_else_may_come_to_its_port() -> None:
    (service,) = (each for each in kubernetes() if each["kind"] == "Service")
    (policy,) = (each for each in kubernetes() if each["kind"] == "NetworkPolicy")
    master, worker = pods()
    (container,) = worker["spec"]["containers"]
    assert parsed(container["args"]).master_host == service["metadata"]["name"]
    assert service["spec"]["selector"] == master["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"] == master["metadata"]["labels"]
    (rule,) = policy["spec"]["ingress"]
    assert [source["podSelector"]["matchLabels"] for source in rule["from"]] == [worker["metadata"]["labels"]]
    assert rule["ports"] == [{"port": parsed(container["args"]).master_port}]
    assert compose()["services"].keys() == {"master", "worker"}
    assert parsed(compose()["services"]["worker"]["command"]).master_host == "master"


def test_a_token_is_mounted_where_the_variable_can_name_it() -> None:
    _, worker = pods()
    (container,) = worker["spec"]["containers"]
    assert TOKEN_FILE_VARIABLE in {each["name"] for each in container["env"]}


def test_the_image_takes_in_what_the_package_is_built_from() -> None:
    taken = re.findall(r"^!(\S+)$", (HERE / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert {"queen", "loadtests", "reports", "pyproject.toml", "requirements.lock"} <= set(taken)
    assert all((ROOT / name).exists() for name in taken)
