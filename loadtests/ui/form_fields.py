"""The fields of Locust's start form, read as the command line reads the options that they set.

Locust believes its form: it writes any key that is a name of an option, also of those that are left out of
the form (where results go, what the page listens on), and keeps a value that the run then refuses.
"""

from argparse import Action, ArgumentError, ArgumentTypeError, Namespace
from collections.abc import Mapping

from locust.env import Environment
from werkzeug.datastructures import MultiDict

from loadtests.load.bounds import option_name, shown
from loadtests.load.options.values import OptionError

NAMES = {"user_count": "num_users"}  # where the form calls an option otherwise than the command line
CHOSEN = frozenset({"user_classes", "shape_class", "profile"})  # from lists of Locust's, or any text
LOCUSTS_FIELDS = frozenset({"user_count", "spawn_rate", "host", "run_time", *CHOSEN})
NEEDED = ("user_count", "spawn_rate")
IN_A_RUN = frozenset({"user_count", "spawn_rate", "run_time"})  # what Locust changes while a run is on
NO_SHAPE = ("", "Default")


def with_form(
    environment: Environment, form: MultiDict[str, str], actions: Mapping[str, Action]
) -> Namespace:
    """The options as they would be with this form; nothing is changed. Raises `OptionError`.

    Each value is read by the option's own action, as on the command line.
    """
    values = {**vars(environment.parsed_options or Namespace()), "host": environment.host}
    for name in NEEDED:
        if name not in form:
            raise OptionError(f"{option_of(name)}: is missing")
    for field, text in form.items():
        if field in CHOSEN or (field == "run_time" and not text):
            continue
        name = NAMES.get(field, field)
        values[name] = _read(actions[name], text)
    return Namespace(**values)


def only_for_the_next_run(
    environment: Environment, form: MultiDict[str, str], wanted: Namespace, actions: Mapping[str, Action]
) -> list[str]:
    """The options that this form changes and that the run that is on would not see, by name.

    `wanted` is what `with_form` made of it. The run has the options as they are: whatever would change
    them meanwhile is refused.
    """
    return [
        option_of(field)
        for field in form
        if field not in IN_A_RUN and _is_changed(environment, field, form.getlist(field), wanted, actions)
    ]


def option_of(field: str) -> str:
    """The option that a field sets, for people: `--users`."""
    return option_name(NAMES.get(field, field).removeprefix("num_"))


def _is_changed(
    environment: Environment,
    field: str,
    texts: list[str],
    wanted: Namespace,
    actions: Mapping[str, Action],
) -> bool:
    if field == "user_classes":
        return set(texts) != {user.__name__ for user in environment.user_classes}
    if field == "shape_class":
        return texts[0] not in NO_SHAPE
    if field == "profile":
        return (texts[0] or None) != environment.profile
    if field == "host":
        return str(wanted.host).rstrip("/") != (environment.host or "").rstrip("/")
    now = getattr(environment.parsed_options, field, None)
    if isinstance(now, str):  # Locust keeps a text where an option was not set
        now = _read(actions[field], now)
    return bool(getattr(wanted, field) != now)


def _read(action: Action, text: str) -> object:
    name = action.option_strings[-1]
    try:
        value = action.type(text) if callable(action.type) else text
    except (ArgumentTypeError, ArgumentError) as error:
        raise OptionError(f"{name} {shown(text)}: {error}") from None
    except (ValueError, TypeError, OverflowError):
        raise OptionError(f"{name} {shown(text)}: expected {_kind(action)}") from None
    if action.choices is not None and value not in action.choices:
        raise OptionError(f"{name} {shown(text)}: expected one of {', '.join(map(str, action.choices))}")
    return value


def _kind(action: Action) -> str:
    return "a whole number" if action.type is int else "a number"
