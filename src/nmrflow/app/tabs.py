"""The tabs: their fields, and which function answers them."""

from collections.abc import Iterator
from json import dumps
from typing import Any

import gradio as gr

from nmrflow.app import cards, examples
from nmrflow.app.elucidating import AUTOMATIC, Elucidating
from nmrflow.app.fields import (
    ANSWER,
    QUICK,
    as_number,
    as_text,
    in_words,
    known_fields,
    molecules_field,
    peak_fields,
    steps_in_words,
    typed,
    while_typing,
)
from nmrflow.app.page import Page
from nmrflow.app.tasks import (
    Wanted,
    check_text,
    compare_texts,
    predict_text,
    rank_text,
    search_text,
)
from nmrflow.app.understood import say_formula, say_molecules, say_spectra
from nmrflow.limits import MAX_SAMPLES

_MOST_SHOWN = 50


def _model(page: Page, *, automatic: bool = False) -> gr.Dropdown:
    choices = [*([AUTOMATIC] if automatic else []), *page.networks.names]
    return gr.Dropdown(
        choices, value=AUTOMATIC if automatic else page.networks.default, label="Network"
    )


def _buttons(name: str, *more: str) -> list[gr.Button]:
    """One that answers, one that fills in an example, and others."""
    with gr.Row():
        go = gr.Button(name, variant="primary", min_width=140)
        others = [gr.Button(one, min_width=140) for one in ("Fill in an example", *more)]
    return [go, *others]


def _shown() -> tuple[gr.HTML, gr.HTML]:
    """How the fields are understood, above the answer."""
    return gr.HTML(elem_classes="said"), gr.HTML(elem_classes="answer")


def _fills(example: gr.Button, values: dict[gr.Component, str]) -> None:
    """Let a button fill fields in, in the browser alone: at once."""
    given = dumps([*values.values()] if len(values) > 1 else next(iter(values.values())))
    example.click(None, None, list(values), js=f"() => {given}", api_visibility="private")


def _formula(task: str) -> gr.Textbox:
    return gr.Textbox(
        label="Formula", info="As C10H20O, if it is known", max_length=200,
        elem_id=f"{task}-formula",
    )  # fmt: skip


def predict_tab(page: Page) -> None:
    """The tab of ``predict``."""
    with gr.Tab("Predict", id="predict"):
        smiles = molecules_field(
            "predict-smiles", "Molecules", "SMILES or InChI, one a line, with a name behind"
        )
        with gr.Accordion("More", open=False):
            model = _model(page)
        go, example = _buttons("Predict shifts")
        said, out = _shown()

    def answer(text: object, name: object) -> str:
        return page.show(predict_text(page.networks, as_text(text), as_text(name)))

    _fills(example, {smiles: examples.MENTHOL})
    while_typing([smiles], lambda text: cards.of_understood(say_molecules(as_text(text))), said)
    go.click(in_words(answer), [smiles, model], out, **ANSWER)


def elucidate_tab(page: Page) -> None:
    """The tab of ``elucidate``."""
    with gr.Tab("Elucidate", id="elucidate"):
        spectrum = peak_fields("elucidate-peaks")
        formula = _formula("elucidate")
        with gr.Accordion("What else is known", open=False):
            known = known_fields("elucidate")
        with gr.Accordion("More", open=False):
            shown = gr.Slider(1, _MOST_SHOWN, 10, step=1, label="Candidates to show")
            samples = gr.Number(
                label="Draws", precision=0, minimum=0, maximum=MAX_SAMPLES, value=0,
                info="More find rarer structures; 0: as the network does best",
            )  # fmt: skip
            seed = gr.Number(label="Seed", precision=0, minimum=0, value=0)
            model = _model(page, automatic=True)
        go, example, stop = _buttons("Propose structures", "Stop")
        said, out = _shown()
        state = gr.HTML(elem_classes="state")

    def answer(*given: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        *asked, shown, samples, seed, name, session = given
        question = Elucidating(
            typed(*asked),
            as_text(name) or AUTOMATIC,
            int(as_number(shown, 1, _MOST_SHOWN) or 10),
            int(as_number(samples, 0, MAX_SAMPLES) or 0) or None,
            int(as_number(seed, 0, 2**31) or 0),
        )
        yield from page.elucidate(question, session)

    def begin(request: gr.Request, *given: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
        yield from steps_in_words(answer)(*given, request.session_hash or "")

    def say(*given: Any) -> str:  # noqa: ANN401
        own = [*say_spectra(typed(*given)), *say_formula(as_text(given[3]))]
        return cards.of_understood(own)

    def end(request: gr.Request) -> None:
        page.stop(request.session_hash or "")

    asked = [*spectrum.all, formula, *known]
    _fills(example, {spectrum.peaks: examples.MENTHOL_PEAKS, formula: examples.MENTHOL_FORMULA})
    while_typing(asked, say, said)
    how = {**ANSWER, "show_progress": "hidden"}
    go.click(begin, [*asked, shown, samples, seed, model], [state, out], **how)
    stop.click(end, None, None, **{**QUICK, "trigger_mode": "multiple"})


def rank_tab(page: Page) -> None:
    """The tab of ``rank``."""
    with gr.Tab("Rank", id="rank"):
        spectrum = peak_fields("rank-peaks")
        smiles = molecules_field(
            "rank-smiles", "Candidates", "SMILES or InChI, one a line, with a name behind", lines=4
        )
        formula = _formula("rank")
        with gr.Accordion("What else is known", open=False):
            known = known_fields("rank")
        with gr.Accordion("More", open=False):
            model = _model(page)
        go, example = _buttons("Rank candidates")
        said, out = _shown()

    def answer(*given: Any) -> str:  # noqa: ANN401
        *asked, smiles, name = given
        text = as_text(smiles)
        return page.show(rank_text(page.networks, typed(*asked), text, as_text(name)))

    def say(*given: Any) -> str:  # noqa: ANN401
        *asked, smiles = given
        own = [*say_spectra(typed(*asked)), *say_formula(as_text(asked[3]))]
        return cards.of_understood([*own, *say_molecules(as_text(smiles))])

    asked = [*spectrum.all, formula, *known, smiles]
    _fills(example, {spectrum.peaks: examples.TOLUENE_PEAKS, smiles: examples.ISOMERS})
    while_typing(asked, say, said)
    go.click(in_words(answer), [*asked, model], out, **ANSWER)


def check_tab(page: Page) -> None:
    """The tab of ``check``."""
    with gr.Tab("Assign and check", id="check"):
        spectrum = peak_fields("check-peaks")
        smiles = molecules_field(
            "check-smiles", "Structure",
            "SMILES or InChI; empty where the peaks come with theirs", lines=1,
        )  # fmt: skip
        with gr.Accordion("More", open=False):
            model = _model(page)
        go, example = _buttons("Assign and check")
        said, out = _shown()

    def answer(*given: Any) -> str:  # noqa: ANN401
        *asked, smiles, name = given
        return page.show(check_text(page.networks, typed(*asked), as_text(smiles), as_text(name)))

    def say(*given: Any) -> str:  # noqa: ANN401
        *asked, smiles = given
        own = say_spectra(typed(*asked))
        return cards.of_understood([*own, *say_molecules(as_text(smiles))])

    asked = [*spectrum.all, smiles]
    _fills(example, {spectrum.peaks: examples.TOLUENE_PEAKS, smiles: examples.TOLUENE})
    while_typing(asked, say, said)
    go.click(in_words(answer), [*asked, model], out, **ANSWER)


def search_tab(page: Page) -> None:
    """The tab of ``search``."""
    names = list(page.networks.libraries)
    none = "None was named: start the page as  nmrflow app --library FOLDER"
    with gr.Tab("Search", id="search"):
        spectrum = peak_fields("search-peaks")
        library = gr.Dropdown(
            names, value=names[0] if names else None, label="Library",
            info="Molecules with predicted spectra, made by  nmrflow library build" if names
            else none,
        )  # fmt: skip
        formula = _formula("search")
        with gr.Accordion("More", open=False):
            with gr.Row():
                mass = gr.Number(label="Monoisotopic mass", info="In u; 0: any", value=0)
                ppm = gr.Number(label="Within", info="In ppm", value=10, minimum=0)
            elements = gr.Textbox(label="Elements", info="That it may have, as C,H,N,O")
            kinds = gr.Textbox(label="Kinds of carbon", info="As CH3=2, C=O>=1, aromatic CH<=4")
            part = gr.Textbox(
                label="Substructure", info="As SMARTS or SMILES", elem_id="search-substructure"
            )
            shown = gr.Slider(1, _MOST_SHOWN, 10, step=1, label="Hits to show")
            model = _model(page)
        go, example = _buttons("Search the library")
        said, out = _shown()

    def answer(*given: Any) -> str:  # noqa: ANN401
        *asked, library, mass, ppm, elements, kinds, part, shown, name = given
        wanted = Wanted(
            as_number(mass, 0, 1e5),
            as_number(ppm, 0, 1e6) or 0.0,
            as_text(elements),
            as_text(kinds),
            as_text(part),
            int(as_number(shown, 1, _MOST_SHOWN) or 10),
        )
        return page.show(
            search_text(page.networks, typed(*asked), as_text(library), wanted, as_text(name))
        )

    def say(*given: Any) -> str:  # noqa: ANN401
        return cards.of_understood([*say_spectra(typed(*given)), *say_formula(as_text(given[-1]))])

    asked = [*spectrum.all, formula]
    _fills(example, {spectrum.peaks: examples.TOLUENE_PEAKS})
    while_typing(asked, say, said)
    how = [library, mass, ppm, elements, kinds, part, shown, model]
    go.click(in_words(answer), [*asked, *how], out, **ANSWER)


def compare_tab(page: Page) -> None:
    """The tab of ``compare``."""
    with gr.Tab("Compare", id="compare"):
        info = "Peaks in any form, or a SMILES, of which the predicted spectrum is taken"
        one = molecules_field("compare-one", "First", info, lines=2)
        other = molecules_field("compare-other", "Second", info, lines=2)
        with gr.Accordion("More", open=False):
            model = _model(page)
        go, example = _buttons("Compare")
        out = gr.HTML(elem_classes="answer")

    def answer(one: object, other: object, name: object) -> str:
        texts = as_text(one), as_text(other)
        return page.show(compare_texts(page.networks, *texts, as_text(name)))

    _fills(example, {one: examples.TOLUENE_PEAKS, other: examples.TOLUENE})
    go.click(in_words(answer), [one, other, model], out, **ANSWER)
