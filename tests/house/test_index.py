"""What pip is configured with reaches uv."""

from house.index import for_locking, parse_pip_settings, uv_environment, uv_options

LISTING = """\
:env:.cert='/etc/own.pem'
global.cert='/etc/global.pem'
global.index-url='https://user:p%40ss@mirror.example/packages?a=b'
global.extra-index-url='file:///one\\nfile:///two'
install.trusted-host='mirror.example  other.example'
freeze.timeout='1'
"""


def test_pip_settings_are_read_with_values_that_hold_anything() -> None:
    settings = parse_pip_settings(LISTING)
    assert settings["index-url"] == "https://user:p%40ss@mirror.example/packages?a=b"
    assert settings["extra-index-url"].split() == ["file:///one", "file:///two"]


def test_the_environment_wins_over_the_files_as_it_does_in_pip() -> None:
    lines = LISTING.splitlines()
    assert parse_pip_settings("\n".join(lines))["cert"] == "/etc/own.pem"
    assert parse_pip_settings("\n".join(reversed(lines)))["cert"] == "/etc/own.pem"


def test_sections_of_other_pip_commands_do_not_count() -> None:
    assert "timeout" not in parse_pip_settings(LISTING)


def test_uv_gets_the_indexes_certificate_and_hosts_of_pip() -> None:
    environ = uv_environment(parse_pip_settings(LISTING), {})
    assert environ["UV_DEFAULT_INDEX"] == "https://user:p%40ss@mirror.example/packages?a=b"
    assert environ["UV_INDEX"] == "file:///one file:///two"
    assert environ["UV_INSECURE_HOST"] == "mirror.example other.example"
    assert environ["SSL_CERT_FILE"] == "/etc/own.pem"


def test_find_links_are_separated_as_uv_wants_them() -> None:
    assert uv_environment({"find-links": "/a /b"}, {})["UV_FIND_LINKS"] == "/a,/b"


def test_nothing_is_said_about_what_pip_does_not_know() -> None:
    assert not {"UV_DEFAULT_INDEX", "UV_INDEX", "SSL_CERT_FILE", "ALL_PROXY"} & uv_environment({}, {}).keys()


def test_uv_never_downloads_a_python() -> None:
    assert uv_environment({}, {})["UV_PYTHON_DOWNLOADS"] == "never"


def test_what_the_user_set_for_uv_wins() -> None:
    environ = uv_environment({"index-url": "https://pip.example"}, {"UV_DEFAULT_INDEX": "https://uv.example"})
    assert environ["UV_DEFAULT_INDEX"] == "https://uv.example"


def test_no_index_is_an_option() -> None:
    assert uv_options({"no-index": "true"}) == ["--no-index"]
    assert uv_options({"no-index": "0"}) == uv_options({}) == []


def test_a_lock_is_made_from_the_default_index_alone() -> None:
    environ = for_locking(uv_environment(parse_pip_settings(LISTING), {"HOME": "/home/me"}))
    assert "UV_INDEX" not in environ
    assert environ["UV_DEFAULT_INDEX"].endswith("mirror.example/packages?a=b")
    assert environ["HOME"] == "/home/me"
