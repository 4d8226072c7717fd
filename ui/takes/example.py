"""The video of an example portrait, as the page opens: a loop without sound that plays by itself.

It stands in the result panel until there is a take, with the photo it was made from.
"""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path

from gaia_core.media.image import read_image
from ui import samples
from ui.gradio_compat import address
from ui.i18n.text import say
from ui.takes import result_view

PHOTO_SIDE = 192  # px, at most

# It stands still for visitors who want no motion, until they ask for the sound.
PLAY = """const start = () => {
  const film = element.querySelector(".example video");
  if (!film || film.dataset.begun) return;
  film.dataset.begun = "true";
  film.muted = true;
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) film.play().catch(() => {});
};
new MutationObserver(start).observe(element, {childList: true, subtree: true});
start();
element.addEventListener("click", (event) => {
  const sound = event.target.closest(".example button"), film = element.querySelector("video");
  if (!sound) return;
  const loud = sound.ariaPressed !== "true";
  sound.ariaPressed = `${loud}`;
  film.muted = !loud;
  if (loud) film.currentTime = 0;
  film.play().catch(() => {});
});"""

_SPEAKER = (
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2.5 6v4h2.6L8.5 13V3L5.1 6z"/>'
    '<path d="M10.7 5.6a3.4 3.4 0 0 1 0 4.8M12.6 3.8a6 6 0 0 1 0 8.4"/></svg>'
)


def html(portrait: Path) -> str:
    """The video of an example portrait; "" if there is none."""
    film = samples.output_of(portrait)
    if film is None:
        return ""
    return (
        f'<figure class="example"><div><video src="{escape(address(film))}" muted loop playsinline '
        f'aria-label="{escape(say("result.example"))}"></video>'
        f'<img src="{_photo(portrait)}" alt="{escape(say("result.example.photo"))}">'
        f'<button type="button" aria-pressed="false">{_SPEAKER}'
        f"{escape(say('result.example.sound'))}</button></div>"
        f'<figcaption class="caption">{escape(say("result.example"))}</figcaption></figure>'
    )


@cache
def _photo(portrait: Path) -> str:
    """Embedded, since a portrait with an address of its own would be no upload."""
    return result_view.data_url(read_image(portrait), PHOTO_SIDE)
