"""The page as a whole."""

import gradio as gr

from nmrflow.app import tabs
from nmrflow.app.page import Page

_HEAD = (
    "<h1>nmrflow</h1><p>13C NMR both ways, on this machine alone: nothing that you type leaves "
    "it.</p>"
)


def build(page: Page) -> gr.Blocks:
    """The page, whose style and scripts the server adds.

    Links that fill it in (``?task=predict&smiles=…``) are followed by its script: a field has the
    name of its tab and its own as ``elem_id``.
    """
    with gr.Blocks(title="nmrflow", analytics_enabled=False, fill_width=True) as blocks:
        gr.HTML(_HEAD, elem_classes="head")
        with gr.Tabs(elem_id="tasks"):
            tabs.predict_tab(page)
            tabs.elucidate_tab(page)
            tabs.rank_tab(page)
            tabs.check_tab(page)
            tabs.search_tab(page)
            tabs.compare_tab(page)
    return blocks
