"""Actions of a visitor on the page."""

from __future__ import annotations

from collections.abc import Iterator

from fake_engine import until
from playwright.sync_api import Locator, Page, expect

from ui.i18n.text import say

SLOW = 60_000  # milliseconds; a busy machine
expect.set_options(timeout=SLOW)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=say(f"tab.{name}"), exact=True).click()
    if name != "about":
        expect(page.get_by_text(say(f"intro.{name}"))).to_be_visible()


def write(field: Locator, words: str) -> None:
    """Fills in a field of Gradio's until the value stays.

    A field that has just appeared is reset when an answer of the server arrives within
    milliseconds.
    """

    def stayed() -> bool:
        field.fill(words)
        field.page.wait_for_timeout(150)
        return field.input_value() == words

    assert until(stayed, SLOW / 1000)


def generate(page: Page) -> None:
    button(page, "Generate").click()


def small(page: Page) -> list[str]:
    """What is smaller than a finger. A word on the timeline is as wide as it is long."""
    return page.evaluate(
        """() => [...document.querySelectorAll(
            "main :is(button, .tl-head, select, textarea, label:has(> input), input:not(label > *))"
          )]
          .filter((e) => e.offsetParent && !e.closest("#queue, [aria-hidden]"))
          .map((e) => ({name: e.id || e.ariaLabel || e.innerText, word: e.matches(".tl-word"),
            size: ["Width", "Height"].map((side) => Math.max(e[`offset${side}`],
              parseFloat(getComputedStyle(e, "::after")[side.toLowerCase()]) || 0))}))
          .filter(({word, size: [width, height]}) => (width < 44 && !word) || height < 44)
          .map(({name, size}) => `${name}: ${size.join(" x ")}`)"""
    )


def themes(page: Page) -> Iterator[str]:
    """Shows the page in each theme in turn, after its colours have come."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("body.dark")).to_have_count(int(theme == "dark"))
        page.evaluate(
            """() => Promise.allSettled(document.getAnimations()
              .filter((change) => change instanceof CSSTransition)
              .map((change) => change.finished))"""
        )
        yield theme


def still(page: Page) -> None:
    """Waits until the page has stopped scrolling."""
    page.wait_for_function(
        """async () => {
          const before = scrollY;
          await new Promise((done) => setTimeout(done, 250));
          return scrollY === before;
        }"""
    )


def shown(page: Page) -> Locator:
    video = page.locator("#video video")
    expect(video).to_be_visible()
    return video
