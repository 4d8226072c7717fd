"""What an English voice reads of a text: every word of it is spoken, or named as left out."""

import re
from pathlib import Path

import pytest

from gaia_core.speech.offline_voice import _engine, _is_mute
from gaia_core.speech.synthesis import synthesise
from gaia_core.speech.text import normalise, without_markup
from gaia_core.speech.voices import OFFLINE_VOICE

# text | what is read | what is left out
SENTENCES = """
I donʼt know|I don't know
I don’t know|I don't know
I don`t know|I don't know
I don＇t know|I don't know
Hawaiʻi is nice|Hawai'i is nice
‘Yes,’ she said|'Yes,' she said
She said “no”|She said "no"
«Bonjour», he said|"Bonjour", he said
a well‑known fact|a well-known fact
wait…|wait…
one—two|one—two
Use the 10 kΩ resistor|Use the 10 kilohms resistor
Use the 10 kΩ resistor|Use the 10 kilohms resistor
a 1 MΩ load|a 1 megohm load
measured in kΩ|measured in kilohm
a 5 µF capacitor|a 5 microfarads capacitor
a 5 μF capacitor|a 5 microfarads capacitor
3.3 V at 20 mA|3.3 volts at 20 milliamps
230V mains|230 volts mains
1.5 kWh a day|1.5 kilowatt-hours a day
50 Hz|50 hertz
12 hPa|12 hectopascals
9.81 m/s²|9.81 meters per second squared
5 m² of land|5 square meters of land
2 m³ of water|2 cubic meters of water
2 kg/m³|2 kilograms per cubic meter
1 km and 2 km|1 kilometer and 2 kilometers
250 ml of milk|250 milliliters of milk
60 dB|60 decibels
in 5 min|in 5 minutes
at 5 pm|at 5 pm
the 1990s|the 1990s
the '90s|the 90s
3½ cups|3 and one half cups
½ cup|one half cup
¾ of it|three quarters of it
10⁶ and x²|10 to the power of 6 and x squared
10⁻³|10 to the power of -3
6e23|6 times ten to the power of 23
H₂O|H2O
3 × 4 = 12|3 × 4 = 12
x ≤ 5|x less than or equal to 5
x ≠ y|x is not equal to y
to ∞|to infinity
5‰|5 per mille
−5 degrees|-5 degrees
№ 5|number 5
1 234 567 people|1,234,567 people
1 234 people|1,234 people
El 1º premio|El 1st premio
the 2ª, the 11º|the 2nd, the 11th
٣ cats|3 cats
１２３|123
it costs €5.50|it costs €5.50
it costs 5,50 € now|it costs €5.50 now
it costs 5€|it costs €5
€5,50|€5.50
-$5|minus $5
US$5|5 dollars
CHF 20|20 Swiss francs
20 USD|20 dollars
100 zł|100 zloty
₿ alone|bitcoin alone
31.12.2024|December 31, 2024
2024/12/31|December 31, 2024
31.13.2024|31.13.2024
2024-05-06T10:30|2024-05-06 10:30
10am-5pm|10am to 5pm
open 24/7|open twenty-four seven
we won 3:1|we won 3 to 1
at 9:30|at 9:30
5'10" tall|5 feet 10 inches tall
e.g. this|for example this
i.e. that|that is that
C# and C++|C sharp and C++
bob.smith@example.com|bob dot smith at example dot com
a_b+c@x-y.org.|a underscore b plus c at x dash y dot org.
https://example.com/a?b=1|example dot com slash a question mark b equals 1
See www.example.com.|See w w w dot example dot com.
(http://example.org/)|(example dot org)
see gaia.ai now|see gaia dot ai now
report.pdf is here|report dot pdf is here
The end.Next one|The end.Next one
[a link](there)|a link (there)
# Title|Title
𝐇𝐞𝐥𝐥𝐨 my friend|Hello my friend
ＡＢＣ|ABC
ⓗⓘ|hi
ʜᴇʟʟᴏ|hello
ﬁne oﬃce|fine office
co­operate|cooperate
zero​width|zerowidth
café naïve|café naïve
Wrocław and Łódź|Wroclaw and Lódz
straße|strasse
π is 3.14|pi is 3.14
the α-helix|the alpha -helix
Δt|delta t
λ|lambda
🙂 hi 👩‍👩‍👧|hi
Gaia™ is|Gaia is
Hello世界, good morning|Hello, good morning|世界
我 said hello to 李明 today|said hello to today|我 李明
Hello мир and мир|Hello and|мир
हिन्दी and English|and English|हिन्दी
Ελλάδα is Greece|is Greece|Ελλάδα
שלום friend|friend|שלום
good。Yes|good. Yes
"""
CASES = [line.split("|") for line in SENTENCES.strip().split("\n")]
PHONEMES = {
    "10 kΩ": "tˈɛn kˈɪlOmz",
    "x²": "ˈɛks skwˈɛɹd",
    "bob@example.com": "bˈɑb æt ɪɡzˈæmpəl dˈɑt kˈɑm",
    "C#": "sˈi ʃˈɑɹp",
    "24/7": "twˈɛntifˌɔɹ sˈɛvən",
    "20 USD": "twˈɛnti dˈɑləɹz",
    "π": "pˈI",
    "I donʼt know": "ˌI dˈOnt nˈO",
    "ﬁne": "fˈIn",
    "𝐇𝐞𝐥𝐥𝐨": "həlˈO",
    "5€": "fˈIv jˈʊɹOz",
    "H₂O": "ˈAʧtʊˈO",
    "½": "wˈʌn hˈæf",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_what_is_read_of_a_text(case: list[str]) -> None:
    readable = normalise(case[0])
    assert readable.text == case[1]
    assert readable.left_out == tuple(case[2].split() if len(case) > 2 else ())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            'Say <break time="1s"/> hello <emphasis level="strong">you</emphasis>',
            "Say ,  hello you",
        ),
        ("<speak>Tom &amp; Ann</speak><!-- no -->", "Tom & Ann"),
        ("a < b and c > d, <3", "a < b and c > d, <3"),
    ],
)
def test_tags_are_not_read(text: str, read: str) -> None:
    assert without_markup(text) == read


def sounds(text: str) -> str:
    """The phonemes of a text as it is written, without stress and pauses."""
    said = ""
    for sentence in _engine().text.split_sentences(normalise(without_markup(text)).text):
        spelled, _ = _engine()._spell(sentence)
        assert not any(_is_mute(word) for word in spelled), text
        said += "".join(word.phonemes for word in spelled)
    return re.sub(r"\W|[ˈˌ]", "", said)


def distance(one: str, other: str) -> int:
    """Levenshtein's, of two strings."""
    row = list(range(len(other) + 1))
    for i, x in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def test_two_hundred_sentences_sound_as_they_are_said() -> None:
    """What is written beside how it is said, word by word; they may differ by an accent."""
    lines = Path(__file__).with_name("sentences.txt").read_text("utf-8").splitlines()
    cases = [line.split("|") for line in lines if not line.startswith("# ")]
    assert len(cases) == 200
    wrong, total = {}, 0
    for written, said in cases:
        wanted = sounds(said)
        total += len(wanted)
        wrong[written] = distance(sounds(written), wanted)
    assert sum(wrong.values()) < 0.01 * total, wrong
    assert max(wrong.values()) <= 3, wrong


@pytest.mark.parametrize("text", PHONEMES)
def test_how_it_sounds(text: str) -> None:
    spelled, _ = _engine()._spell(normalise(text).text)
    assert " ".join(word.phonemes for word in spelled) == PHONEMES[text]


def test_every_word_is_spoken() -> None:
    """What `normalise` hands on has a sound in hibari's tables."""
    for _, read, *_ in CASES:
        spelled, _ = _engine()._spell(read)
        for word in spelled:
            if any(letter.isalnum() for letter in word.text):
                assert any(letter.isalpha() for letter in word.phonemes), (read, word)


def test_what_is_left_out_is_named() -> None:
    spoken = synthesise("我 said hello to 李明 today", OFFLINE_VOICE)
    assert [word.text for word in spoken.words] == ["said", "hello", "to", "today"]
    assert spoken.notice == "It reads English only and left out: 我, 李明."
    assert synthesise("I donʼt know, π.", OFFLINE_VOICE).notice is None
