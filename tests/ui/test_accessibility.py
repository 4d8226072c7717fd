"""axe-core finds nothing serious on the page, in both themes; it is installed by `npm ci`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_engine import Studio

from ui.i18n.text import say

pytest.importorskip("playwright")

from playwright.sync_api import Page, expect
from visitor import button, tab, themes

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
# Gradio names its areas for uploads "Click to upload or drop files", whatever stands in them.
RULES = {"label-content-name-mismatch": {"enabled": False}}
SERIOUS = """async ([rules, only]) => {
  const options = {resultTypes: ["violations"], rules};
  if (only) options.runOnly = only;
  const {violations} = await axe.run(document, options);
  return violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .flatMap(({id, nodes}) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}"""


def serious(page: Page, only: list[str] | None = None) -> list[str]:
    """What axe reports, by rule and element; of some rules only, if they are named."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    return page.evaluate(SERIOUS, [{} if only else RULES, only])


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run npm ci")
def test_nothing_serious_is_found_in_either_theme(opened):
    page = opened()
    expect(page.get_by_text(say("face.one"))).to_be_visible()
    for name in ("speech", "video", "compare", "edit", "about", "pose"):
        tab(page, name)
        if name == "pose":
            button(page, say("preset.nod")).click()
            expect(page.locator(".tl-key").first).to_be_visible()
        for theme in themes(page):
            assert not serious(page), (name, theme)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: run npm ci")
def test_the_page_of_the_api_can_be_read_in_either_theme(browser, studio: Studio):
    """Its markup is Gradio's, but its colours are ours."""
    page = browser.new_page()
    page.goto(studio.url)
    page.locator("footer .show-api").click()
    docs = page.locator(".api-docs")
    expect(docs.locator(".snippets").first).to_have_css("flex-wrap", "wrap")  # on a phone
    docs.get_by_text("Python", exact=True).click()
    expect(docs.get_by_text("/speech_driven").first).to_be_visible()
    for theme in themes(page):
        assert not serious(page, ["color-contrast"]), theme
    page.close()
