"""Both languages say the same: every key, every value, every message of the core."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from types import SimpleNamespace

import gradio as gr
import pytest
from fake_engine import Studio
from gradio.context import LocalContext
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from gaia_core.errors import InputError, Message, join
from gaia_core.instruction import language
from gaia_core.request import SETTINGS
from ui import samples
from ui.i18n import text
from ui.i18n.chinese import MESSAGES, ZH
from ui.i18n.text import EN, say, translate
from ui.takes import result_view
from ui.toasts import toasts

CORE = Path(__file__).resolve().parent.parent.parent / "gaia_core"
# Descriptions of the API are English only.
SHOWN = {key for key in EN if not key.startswith("api.")}
# Names, signs, and examples that must be English.
ALIKE = re.compile(
    r"text\.start|instruction\.(placeholder|example\..*)|compare\.none|take\.name|line\.key\.name|.*\.(gif|json)"
)


def fields(template: str) -> list[tuple[str, str]]:
    return sorted((name, spec or "") for _, name, spec, _ in Formatter().parse(template) if name)


@pytest.fixture
def chinese() -> Iterator[None]:
    """As if an event of a Chinese browser were handled."""
    visit = SimpleNamespace(headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    token = LocalContext.request.set(visit)
    yield
    LocalContext.request.reset(token)


def test_the_same_keys():
    assert set(ZH) == SHOWN


@pytest.mark.parametrize("key", sorted(SHOWN))
def test_the_same_values_are_filled_in(key: str):
    assert fields(ZH[key]) == fields(EN[key])


def test_chinese_is_chinese():
    same = {key for key in SHOWN if not re.search("[\u4e00-\u9fff]", ZH[key])}
    assert {key for key in same if not ALIKE.fullmatch(key)} == set()


def test_a_visitor_reads_the_language_of_the_browser(chinese):
    assert say("result.stopped") == ZH["result.stopped"]
    assert "2.5" in say("fact.seconds", seconds=2.5)
    assert ZH["result.empty"] in result_view.message(say("result.empty"))


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("zh", "zh"),
        ("zh-TW;q=0.9", "zh"),
        ("en-GB,zh", "en"),
        ("fr", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_which_language(accepted: str | None, wanted: str):
    headers = {} if accepted is None else {"accept-language": accepted}
    token = LocalContext.request.set(SimpleNamespace(headers=headers))
    assert text.language() == wanted
    LocalContext.request.reset(token)


# Modules whose messages no visitor sees: English only.
ENGLISH = {"batch.py", "bench.py", "cli.py", "comparison.py", "evaluation", "phones.py", "training"}


def templates() -> set[str]:
    """Every template of the core's messages; so are names of settings and of actions."""
    found = set(language.CLASSES) - {"none"}
    for path in CORE.rglob("*.py"):
        parts = set(path.relative_to(CORE).parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(ast.Name("InputError" | "Message"), [ast.Constant(str(template))]):
                    found |= set() if parts & ENGLISH else {template}
                case ast.Call(ast.Name("InputError" | "Message")):
                    assert parts & {"errors.py", "settings.py", *ENGLISH}, f"{path}:{node.lineno}"
    for setting in SETTINGS.values():
        if setting.many:
            continue
        if setting.kind in (int, float):
            found.add(setting.name.capitalize())
        if setting.longest is not None:
            found.add(setting.name)
        if setting.choices:
            found.add(setting.label)
    return found


def test_every_message_is_translated_and_no_other():
    assert len(templates()) > 80
    assert templates() - MESSAGES.keys() == set()
    assert MESSAGES.keys() - templates() == set()


@pytest.mark.parametrize("template", MESSAGES)
def test_messages_have_the_same_fields(template: str):
    def parts(text: str) -> list[tuple[str | None, ...]]:
        return sorted(part[1:] for part in Formatter().parse(text) if part[1] is not None)

    assert parts(MESSAGES[template]) == parts(template)
    signs = re.compile(r"\{first\}\{next\}")
    assert re.search("[\u4e00-\u9fff]", MESSAGES[template]) or signs.fullmatch(MESSAGES[template])


def test_messages_are_translated_with_their_values(chinese):
    reason = Message("the network is off")
    one = Message(
        "The offline {gender} voice spoke instead of {name}, because {reason}.",
        gender=Message("male"),
        name="Guy",
        reason=reason,
    )
    two = Message("It reads English only: text in another language sounds wrong.")
    assert translate(one) == "改由离线男声代替 Guy，因为网络已关闭。"
    assert translate(join([one, two])) == translate(one) + translate(two)
    names = ("yaw", Message("the network is off"))
    listed = Message("There is no channel {name!r}; choose {names}.", name="a{b}", names=names)
    assert translate(listed) == "没有通道 'a{b}'；可选：yaw, 网络已关闭。"
    clause = SimpleNamespace(start=0.0, end=1.0, action="smile", strength=0.8, text="grin")
    assert "微笑" in result_view.reading(SimpleNamespace(clauses=[clause], notice=None))


def test_unknown_messages_and_plain_text_stay(chinese):
    assert translate(Message("Nobody knows {what}.", what=3)) == "Nobody knows 3."
    assert translate("The network is {off}") == "The network is {off}"


def test_errors_are_shown_in_the_language_of_the_browser(chinese):
    with pytest.raises(gr.Error) as error, toasts():
        raise InputError(
            "The face is cut off by the photo's edge; use a photo that shows it whole."
        )
    assert "照片" in error.value.message
    with pytest.raises(gr.Error) as error, toasts():
        raise InputError(say("error.gone", field="{field}"))
    assert error.value.message == ZH["error.gone"].format(field="{field}")


def test_english_is_left_as_it_is():
    message = Message("{name} has no sound; give a file with speech in it.", name="a.wav")
    assert translate(message) == str(message)


def test_programs_are_answered_in_their_language(studio: Studio, photos: dict[str, Path]):
    given = {
        "portrait": handle_file(photos["fine"]),
        "text": "Hello.",
        "api_name": "/speech_driven",
    }
    for headers, words in (({}, EN), ({"accept-language": "zh-CN"}, ZH)):
        client = Client(studio.url, verbose=False, headers=headers)
        with pytest.raises(AppError) as error:
            client.predict(**given)
        assert words["error.consent"] in str(error.value)
        client.close()
    assert samples.portraits()
