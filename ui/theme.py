"""Theme and style sheet. Fonts are served locally."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils.colors import Color
from gradio.themes.utils.fonts import LocalFont

from ui import gradio_compat
from ui.i18n.text import LANGUAGES

HERE = Path(__file__).parent
STYLES = (gradio_compat.CSS, HERE / "style.css", *sorted(HERE.glob("*/*.css")))
ICON = HERE / "icon.png"

PINE = Color(
    name="pine",
    c50="#eef6f3",
    c100="#d8ebe4",
    c200="#b3d8cb",
    c300="#84bfac",
    c400="#54a18b",
    c500="#328571",
    c600="#226b5b",
    c700="#1c574b",
    c800="#19463d",
    c900="#163a33",
    c950="#0a211d",
)
STONE = Color(
    name="stone",
    c50="#faf9f7",
    c100="#f3f2ef",
    c200="#e6e4df",
    c300="#d3d0c9",
    c400="#a5a199",
    c500="#69655d",
    c600="#5a5750",
    c700="#44423d",
    c800="#2a2926",
    c900="#1d1c1a",
    c950="#141312",
)


def theme() -> gr.themes.Base:
    """Neutral surfaces and one accent, for primary actions and selections only."""
    base = gr.themes.Base(
        primary_hue=PINE,
        secondary_hue=PINE,
        neutral_hue=STONE,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=(LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"),
        font_mono=("ui-monospace", "SFMono-Regular", "Menlo", "monospace"),
    )
    return base.set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="#191816",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_padding="0px",
        block_radius="10px",
        container_radius="10px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_border_width_dark="0px",
        block_label_text_color="*body_text_color",
        block_label_text_color_dark="*body_text_color",
        block_label_text_weight="600",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_text_weight="600",
        block_title_text_size="0.875rem",
        block_info_text_size="0.8125rem",
        block_info_text_color="*body_text_color_subdued",
        block_info_text_color_dark="*body_text_color_subdued",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#33312d",
        border_color_accent="*primary_500",
        border_color_accent_dark="*primary_400",
        color_accent="*primary_600",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="#17312b",
        input_background_fill="#ffffff",
        input_background_fill_dark="#232220",
        input_border_color="*neutral_300",
        input_border_color_dark="#3d3b36",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_400",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_shadow="none",
        input_shadow_dark="none",
        input_shadow_focus="0 0 0 3px rgb(50 133 113 / 0.16)",
        input_shadow_focus_dark="0 0 0 3px rgb(84 161 139 / 0.25)",
        input_radius="8px",
        input_padding="9px 12px",
        input_text_size="0.9375rem",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        checkbox_background_color_selected="*primary_600",
        checkbox_background_color_selected_dark="*primary_500",
        checkbox_border_color="*neutral_400",
        checkbox_border_color_dark="*neutral_500",
        checkbox_border_color_selected="*primary_600",
        checkbox_border_color_selected_dark="*primary_500",
        checkbox_border_color_focus="*primary_500",
        checkbox_border_color_focus_dark="*primary_400",
        checkbox_border_radius="5px",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        loader_color="*primary_600",
        loader_color_dark="*primary_400",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        button_large_radius="9px",
        button_large_padding="11px 18px",
        button_large_text_size="1rem",
        button_medium_radius="8px",
        button_small_radius="8px",
        button_transition="background-color 120ms ease, border-color 120ms ease",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_primary_border_color="transparent",
        button_primary_border_color_dark="transparent",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#232220",
        button_secondary_background_fill_hover="*neutral_50",
        button_secondary_background_fill_hover_dark="#2b2a27",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="#3d3b36",
        button_secondary_text_color="*neutral_800",
        button_secondary_text_color_dark="*neutral_200",
    )


def toast_titles() -> str:
    """CSS for the titles of toasts, in the visitor's language."""
    keys = {"warning": "error.title", "error": "error.title.unexpected"}
    return gradio_compat.toast_titles(
        {
            code: {kind: words[key] for kind, key in keys.items()}
            for code, words in LANGUAGES.items()
        }
    )
