"""Text as people write it to text that an English voice can read.

What hibari's own normaliser reads well (numbers, clock times, dates, amounts) is left to it; this
brings all else to plain Latin letters, digits and punctuation, and names what it had to leave out.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

_TAG = re.compile(
    r"<!--.*?-->|<\?.*?\?>|</?[A-Za-z][\w:-]*(?:\s+[\w:-]+\s*=\s*(\"|').*?\1)*\s*/?>", re.S
)
_PAUSE = re.compile(r"<break\b[^<>]*>", re.I)

# Before NFKC, which would make 31/2 of 3½, 1o of 1º and m2 of m².
_CHARACTERS = {
    **dict.fromkeys("’‘ʼʻʹ′＇`´ˈ", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒﹣", "-"),
    **dict.fromkeys("。｡", ". "),
    **dict.fromkeys("、，", ", "),
    **dict.fromkeys("™®℠", ""),
    "…": "…",
    "№": " number ",
    "‰": " per mille ",
    "∞": " infinity ",
    "≈": " about ",
    "≤": " less than or equal to ",
    "≥": " greater than or equal to ",
    "≠": " is not equal to ",
    "√": " square root of ",
    "⋅": " times ",
    "ß": "ss",
    "ı": "i",
}
_FRACTIONS = {
    "½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter",
    "¾": "three quarters", "⅕": "one fifth", "⅛": "one eighth", "⅜": "three eighths",
    "⅝": "five eighths", "⅞": "seven eighths",
}  # fmt: skip
_SUPERSCRIPT = re.compile("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")

_PREFIXES = {
    "p": "pico", "n": "nano", "μ": "micro", "m": "milli", "c": "centi", "d": "deci", "h": "hecto",
    "k": "kilo", "M": "mega", "G": "giga", "T": "tera",
}  # fmt: skip
# Base unit, its name, its prefixes. "pm" is an hour of the day, "5 A" may be anything.
_SI = """
Ω ohm mkMG | V volt μmkM | W watt μmkMGT | Wh watt-hour kMGT | F farad pnμm | Hz hertz kMGT
Pa pascal hkM | A amp nμm | J joule kMG | g gram nμmk | m meter nμmcdk | L liter μmcd | l liter μmcd
s second nμm | mol mole μm | eV electronvolt kMGT | B byte kMGT | Ah amp-hour m | N newton kM
"""
_UNITS = {
    prefix + unit: _PREFIXES[prefix] + name
    for unit, name, prefixes in (entry.split() for entry in re.split(r"[|\n]", _SI.strip()))
    for prefix in prefixes
} | {
    "Ω": "ohm", "kΩ": "kilohm", "MΩ": "megohm", "V": "volt", "W": "watt", "Hz": "hertz",
    "Pa": "pascal", "m": "meter", "g": "gram", "L": "liter", "l": "liter", "s": "second",
    "h": "hour", "ha": "hectare", "dB": "decibel", "bar": "bar", "cal": "calorie",
    "kcal": "kilocalorie", "rpm": "revolution per minute", "bpm": "beat per minute",
    "px": "pixel", "min": "minute", "mi": "mile",
}  # fmt: skip
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_QUANTITY = re.compile(
    rf"(?<![\w.$£€¥])({_NUMBER})(?!s\b)\s?({_UNIT})([²³]?)(?:/({_UNIT})([²³]?))?(?!\w|/|')"
)
_BARE_UNIT = re.compile(r"(?<!\w)([mkMG]Ω|μ(?:[VWFAgmLls]|mol))(?!\w)")

_CODES = {
    "CHF": "Swiss francs", "JPY": "yen", "CNY": "yuan", "INR": "rupees", "USD": "dollars",
    "AUD": "Australian dollars", "CAD": "Canadian dollars", "EUR": "euros", "GBP": "pounds",
    "zł": "zloty", "US$": "dollars", "A$": "Australian dollars", "C$": "Canadian dollars",
}  # fmt: skip
_CODE = "|".join(re.escape(code) for code in _CODES)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

_MAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_URL = re.compile(
    r"(?:https?|ftp)://[^\s<>\"]+|(?<![\w@.])(?:www\.)?(?:[a-z0-9-]+\.)+"
    r"(?:com|org|net|edu|gov|io|co|uk|de|fr|info|us|ca|au|tv|me|ai|dev|app)(?![\w.@]\w)(?:/[^\s<>\"]*)?"
)
_URL_SYMBOLS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "+": "plus", ":": "colon", "%": "percent", "~": "tilde",
}  # fmt: skip

_SPACED_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?:[\u00a0\u202f\u2009]\d{3})+(?!\d)")
# 555-1234, (555) 123-4567, +1 555-123-4567
_PHONE = re.compile(r"(?<![\w-])(?:\+?\d{1,3}[ -])?(?:\(\d{3}\) ?|\d{3}-)?\d{3}-\d{4}(?![\w-])")
_LEADING_ZEROS = re.compile(r"(?<![\w.,:/-])0\d{2,}(?![\w:/-]|[.,]\d)")
_LARGE = {"k": "thousand", "m": "million", "bn": "billion", "tn": "trillion"}
_PHRASES = (
    (r"\[([^\[\]]+)\]\(", r"\1 ("),  # a link of Markdown; hibari would read phonemes from it
    (r"(?m)^\s*#+ ", ""),
    (r"\be\.g\.,?", "for example"),
    (r"\bi\.e\.,?", "that is"),
    (r"\bNo\. ?(?=\d)", "number "),
    (r"(?<=\d) ?in\.(?= [a-z])", " inches"),
    (r"(?<= )'n'?(?= )", "and"),
    (r"\bC#", "C sharp"),
    (r"\bCO(?=2\b)", "C O "),
    (r"\b24/7\b", "twenty-four seven"),
    (r"(?<=[ap]m)\s*[-–]\s*(?=\d)", " to "),
    (r"\b(\d)'(\d{1,2})\"", r"\1 feet \2 inches"),
    (r"\b(\d{4}-\d\d-\d\d)T(?=\d\d:)", r"\1 "),
    (r"(?<=\d)[eE]([+-]?\d+)\b", r" times ten to the power of \1"),
    (r"(?<![\d:])(\d{1,2}):(\d)(?![\d:])", r"\1 to \2"),
    (r"(?<=[a-z]{2})\.(?=[a-z]{2,4}\b)", " dot "),
    (r"(?<![\d.])(\d+)\.0(?![\d.]*\d)", r"\1 point zero"),
    (r"(?<=[\w)]) ?− ?(?=[\w(])", " minus "),
    (r"−", "-"),
    (r"(?<!\w)'(?=\d0s\b)", ""),
    # Amounts: hibari reads a sign before them.
    (r"(?<![\w.])-(?=[$£€¥])", "minus "),
    (rf"(?<![\w.])({_NUMBER}|\d+,\d\d)\s?([$£€¥₹₩])(?!\d)", r"\2\1"),
    (r"([$£€])(\d+),(\d\d)(?!\d)", r"\1\2.\3"),
)


@dataclass(frozen=True)
class Readable:
    """A text for an English voice, and the parts of the original that it does not hold."""

    text: str
    left_out: tuple[str, ...] = ()


def without_markup(text: str) -> str:
    """Text without the tags of SSML or HTML; a break is a comma."""
    if "<" in text:
        text = _TAG.sub("", _PAUSE.sub(", ", text))
    return html.unescape(text)


def normalise(text: str) -> Readable:
    """Brings a text to Latin letters, digits and punctuation.

    Amounts, units, addresses and symbols are spelt out as they are said. Letters of other scripts
    are left out, and named in the order in which they stand.
    """
    text = _SPACED_NUMBER.sub(lambda found: re.sub(r"\s", ",", found[0]), text)
    text = _MAIL.sub(lambda found: _spell_address(found[0]), text)
    text = _URL.sub(lambda found: _spell_address(found[0]), text)
    text = "".join(_plain(each) for each in unicodedata.normalize("NFC", text))
    text = re.sub(rf"(?<=\d) (?={'|'.join(_FRACTIONS.values())})", " and ", text)
    text = _PHONE.sub(lambda found: ", ".join(map(" ".join, re.findall(r"\d+", found[0]))), text)
    text = _LEADING_ZEROS.sub(lambda found: " ".join(found[0]), text)
    text = _QUANTITY.sub(_quantity, text)
    text = _BARE_UNIT.sub(lambda found: _UNITS[found[1]], text)
    for pattern, said in _PHRASES:
        text = re.sub(pattern, said, text)
    text = re.sub(
        rf"([$£€]{_NUMBER})\s?(k|m|bn|tn)\b",
        lambda m: f"{m[1]} {_LARGE[m[2].lower()]}",
        text,
        flags=re.I,
    )
    text = re.sub(rf"(?<!\w)({_CODE})\s?({_NUMBER})", lambda m: f"{m[2]} {_CODES[m[1]]}", text)
    text = re.sub(rf"({_NUMBER})\s?({_CODE})(?!\w)", lambda m: f"{m[1]} {_CODES[m[2]]}", text)
    text = re.sub(r"(?<![\w.])(\d{1,2})\.(\d{1,2})\.(\d{4})\b", lambda m: _date(m, 1, 2, 3), text)
    text = re.sub(r"(?<![\w/])(\d{4})/(\d{1,2})/(\d{1,2})\b", lambda m: _date(m, 3, 2, 1), text)
    text = re.sub(r"(\d+)[ºª]", lambda m: m[1] + _ordinal(int(m[1])), text)
    text = _SUPERSCRIPT.sub(_power, text)
    text, left_out = _latin_alone(text)
    text = re.sub(r"[^\S\n]+", " ", text)
    return Readable(re.sub(r" +(?=[,.;:!?](?:\s|$))", "", text).strip(), left_out)


def _plain(letter: str) -> str:
    """A character as the patterns know it."""
    if letter in _CHARACTERS:
        return _CHARACTERS[letter]
    if letter in _FRACTIONS:
        return f" {_FRACTIONS[letter]} "
    if letter in "ºª" or _SUPERSCRIPT.fullmatch(letter):
        return letter
    if unicodedata.category(letter) == "Cf":  # soft hyphens, joiners, marks of direction
        return ""
    return unicodedata.normalize("NFKC", letter)


def _quantity(found: re.Match[str]) -> str:
    """10 kΩ, 5 m², 9.81 m/s²"""
    number, unit, power, per, per_power = found.groups()
    raised = {"²": "square ", "³": "cubic "}
    name = _UNITS[unit]
    if number != "1" and not name.endswith(("hertz", "s")):
        first, _, rest = name.partition(" ")
        name = f"{first}s {rest}".strip()
    said = f"{number} {raised.get(power, '')}{name}"
    after = {"²": " squared", "³": " cubed"} if per == "s" else {}
    before = {} if after else raised
    rest = f" per {before.get(per_power, '')}{_UNITS[per]}{after.get(per_power, '')}" if per else ""
    return said + rest


def _power(found: re.Match[str]) -> str:
    digits = unicodedata.normalize("NFKC", found[0]).replace("−", "-")
    known = {"2": " squared", "3": " cubed"}
    return known.get(digits, f" to the power of {digits}")


def _date(found: re.Match[str], day: int, month: int, year: int) -> str:
    number = int(found[month])
    if not 1 <= number <= 12:
        return found[0]
    return f"{_MONTHS[number - 1]} {int(found[day])}, {found[year]}"


def _ordinal(number: int) -> str:
    special = {1: "st", 2: "nd", 3: "rd"}
    return "th" if number % 100 in (11, 12, 13) else special.get(number % 10, "th")


def _spell_address(address: str) -> str:
    """bob@example.com, https://example.com/a -> the words it is read out with."""
    end = address[len(address.rstrip(".,;:!?)")) :]
    address = re.sub(r"^\w+://", "", unquote(address.removesuffix(end)))
    parts = re.findall(r"[^\W\d_]+|\d+|.", address.rstrip("/"))
    spelt = " ".join(_URL_SYMBOLS.get(part, part) for part in parts)
    return re.sub(r"\bwww\b", "w w w", spelt) + end


def _latin_alone(text: str) -> tuple[str, tuple[str, ...]]:
    """Without letters of other scripts, and these; single Greek letters are called by name."""
    left_out: dict[str, None] = {}

    def said(found: re.Match[str]) -> str:
        run = found[0]
        name = unicodedata.name(run[0], "")
        if len(run) == 1 and name.startswith("GREEK"):
            return f" {name.split(' LETTER ')[-1].split()[0].lower().replace('lamda', 'lambda')} "
        left_out[run] = None
        return " "

    text = "".join(_fold(letter) for letter in text)
    text = re.sub(r"(?:(?![A-Za-zÀ-ÿ\d_\s])[\w\u0300-\u036f\u0900-\u0dff])+", said, text)
    return text, tuple(left_out)


def _fold(letter: str) -> str:
    """A digit, Latin letter or sign of money that hibari does not know, as one that it does."""
    if letter.isascii() or letter in _SUPERSCRIPT.pattern:
        return letter
    name, category = unicodedata.name(letter, ""), unicodedata.category(letter)
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category == "Sc" and letter not in "£€¥₹₩¢":
        return f" {name.removesuffix(' SIGN').lower()} "
    if category == "So" and letter not in "°©":  # emoji among them
        return " "
    if "\u0300" <= letter <= "\u036f" or "\ufe00" <= letter <= "\ufe0f":  # accents, variants
        return ""
    if letter > "ÿ" and name.startswith("LATIN"):
        base = unicodedata.normalize("NFKD", letter)[0]
        plain = re.search(r"(?:LETTER|CAPITAL) ([A-Z]{1,2})(?: WITH .*)?$", name)
        if not base.isascii() and plain:
            base = plain[1] if "CAPITAL LETTER" in name else plain[1].lower()
        return base
    return letter
