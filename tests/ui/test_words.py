"""Both languages say the same: every key, every value that is filled in, every core sentence."""

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

from gaia_core.errors import InputError
from gaia_core.instruction import language
from ui import samples
from ui.i18n import text
from ui.i18n.chinese import SENTENCES, ZH
from ui.i18n.text import EN, say, told
from ui.takes import result_view
from ui.toasts import toasts

CORE = Path(__file__).resolve().parent.parent.parent / "gaia_core"
# Said to programs, at the server's start: not in the visitor's language.
SHOWN = {key for key in EN if not key.startswith("api.")}
# Names, signs, and what is written in English because it is read or spoken as English.
ALIKE = re.compile(
    r"text\.start|instruction\.(placeholder|example\..*)|compare\.(none|keys)|line\.key\.name|.*\.(gif|json)"
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


def test_a_visitor_is_told_in_the_language_of_the_browser(chinese):
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


def templates() -> list[re.Pattern[str]]:
    """Every string that the core may write, with anything where a value is filled in."""
    found = []
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            parts: list[ast.expr] = []
            if isinstance(node, ast.JoinedStr):
                parts = node.values
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts = [node]
            if any(isinstance(part, ast.Constant) and part.value.strip() for part in parts):
                pattern = "".join(
                    re.escape(part.value) if isinstance(part, ast.Constant) else ".*"
                    for part in parts
                )
                found.append(re.compile(pattern, re.S))
    return found


def test_every_sentence_that_is_translated_is_one_of_the_core():
    known = templates()
    plain = {name for name in SENTENCES if not name.endswith((".", ". {help}"))}
    for sentence in set(SENTENCES) - plain:
        assert any(
            pattern.fullmatch(sentence) and len(pattern.pattern) > 12 for pattern in known
        ), sentence
    actions = set(language.CLASSES) - {"none"}
    assert actions <= plain
    for words in plain - actions:
        assert any(pattern.fullmatch(words) for pattern in known), words


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentences_are_told_with_their_values(sentence: str, chinese):
    names = [name for name, _ in fields(sentence)]
    assert len(set(names)) == len(names)
    values = {name: f"<{index}>" for index, name in enumerate(names)}
    words = told(sentence.format(**values))
    assert words == SENTENCES[sentence].format(**values)
    assert re.search("[\u4e00-\u9fff]", words)


def test_several_sentences_and_unknown_ones(chinese):
    one = "The offline male voice spoke instead of en-US-GuyNeural, because the network is off."
    two = "It reads English only: text in another language sounds wrong."
    assert told(f"{one} {two}") == told(one) + told(two)
    assert "网络已关闭" in told(one) and "en-US-GuyNeural" in told(one)
    assert told(f"{two} Nobody knows this one.") == f"{two} Nobody knows this one."
    assert told("smile broadly") == "smile broadly"
    with pytest.raises(gr.Error) as error, toasts():
        raise InputError(
            "The face is cut off by the photo's edge; use a photo that shows it whole."
        )
    assert "照片" in error.value.message


def test_english_is_left_as_it_is():
    assert told("nod") == "nod"


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
