"""Each tab from what is typed to what is saved, in a browser."""

import csv
import gzip
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TOLUENE = "137.9, 129.1, 128.3, 125.3, 21.5"
AXE = Path(__file__).with_name("axe.min.js")


class Task(NamedTuple):
    """A tab: its name, its button, and how it is used.

    Args:
        tab: Its name.
        button: That answers.
        fills: Fields and what is typed.
        wrong: What cannot be answered.
        refused: What is said of that.
    """

    tab: str
    button: str
    fills: dict[str, str]
    wrong: dict[str, str]
    refused: str


TASKS = {
    "predict": Task(
        "Predict", "Predict shifts", {"predict-smiles": "Cc1ccccc1 toluene\nCCO ethanol"},
        {"predict-smiles": "not a molecule"}, "no molecule can be taken",
    ),
    "elucidate": Task(
        "Elucidate", "Propose structures",
        {"elucidate-peaks": TOLUENE, "elucidate-formula": "C7H8"},
        {"elucidate-peaks": "cabbage", "elucidate-formula": ""}, "is not a shift",
    ),
    "rank": Task(
        "Rank", "Rank candidates",
        {"rank-peaks": TOLUENE, "rank-smiles": "C1C=CC=CC=C1 cycloheptatriene\nCc1ccccc1 toluene"},
        {"rank-smiles": "Xx"}, "no molecule can be taken",
    ),
    "check": Task(
        "Assign and check", "Assign and check",
        {"check-peaks": TOLUENE, "check-smiles": "Cc1ccccc1"},
        {"check-smiles": ""}, "give a structure",
    ),
    "search": Task(
        "Search", "Search the library", {"search-peaks": TOLUENE},
        {"search-peaks": "900"}, "900",
    ),
    "compare": Task(
        "Compare", "Compare", {"compare-one": TOLUENE, "compare-other": "Cc1ccccc1"},
        {"compare-other": "cabbage"}, "no structure, and no spectrum",
    ),
}  # fmt: skip


def field(page: Any, name: str) -> Any:
    return page.locator(f"#{name} :is(textarea, input)").first


def choose(page: Any, task: Task) -> None:
    page.get_by_role("tab", name=task.tab, exact=True).click()


def ask(page: Any, task: Task, fills: dict[str, str]) -> Any:
    """Type, click, and wait for the first card of the new answer."""
    for name, text in fills.items():
        field(page, name).fill(text)
    panel = page.locator("[role=tabpanel]:visible")
    panel.get_by_role("button", name=task.button, exact=True).click()
    if task.tab == "Elucidate":
        page.locator(".step.done, .answer .refused").locator("visible=true").first.wait_for(
            timeout=120_000
        )
    return panel


def saved(page: Any, link: Any, folder: Path) -> Path:
    with page.expect_download() as waiting:
        link.click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


@pytest.mark.parametrize("name", TASKS)
def test_from_input_to_download(name: str, page: Any, tmp_path: Path) -> None:
    task = TASKS[name]
    choose(page, task)
    panel = ask(page, task, task.fills)
    cards = panel.locator(".answer .card:not(.refused)")
    cards.first.wait_for(timeout=60_000)
    assert cards.locator("svg").first.is_visible()
    if name in ("elucidate", "rank", "search"):
        assert "Cc1ccccc1" in cards.nth(1).inner_text()
    if name != "compare":
        for form in ("CSV", "JSON", "SDF", "page"):
            file = saved(page, panel.get_by_role("link", name=form, exact=True), tmp_path)
            assert file.name.startswith(name)
            assert "c1ccccc1" in file.read_text().lower()
        with (tmp_path / f"{name}.csv").open(newline="") as stream:
            assert next(iter(csv.DictReader(stream)))["smiles"] == "Cc1ccccc1"
        json.loads((tmp_path / f"{name}.json").read_text())
        picture = panel.get_by_role("link", name="picture (SVG)").first
        assert saved(page, picture, tmp_path).read_text().lstrip().startswith("<?xml")
    ask(page, task, task.wrong)
    refused = panel.locator(".answer .refused")
    refused.wait_for(timeout=60_000)
    assert task.refused in refused.inner_text()
    assert refused.get_attribute("role") == "alert"


def test_what_was_understood_stands_there_before_the_answer(page: Any) -> None:
    choose(page, TASKS["elucidate"])
    field(page, "elucidate-peaks").fill("13C NMR (101 MHz, CDCl3) δ 137.9 (C), 77.2, 21.5 (CH3)")
    said = page.locator("ul.understood:visible")
    said.wait_for()
    assert "2 peaks: 137.9 (C), 21.5 (CH3)" in said.inner_text()
    assert "Left out: 77.2 ppm (CDCl3)" in said.inner_text()
    page.locator("[role=tabpanel]:visible").get_by_label("Keep lines of solvent").check()
    page.wait_for_function("document.querySelector('ul.understood').innerText.includes('3 peaks')")


def test_a_drawn_structure_is_predicted(page: Any) -> None:
    page.get_by_role("button", name="Draw…").first.click()
    page.wait_for_function("globalThis.nmrflowEditor()", timeout=30_000)
    canvas = page.locator("#canvas canvas").last
    box = page.locator("#editor #canvas").bounding_box()
    canvas.wait_for()
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.4)
    page.wait_for_function(
        "/^[A-Za-z]/.test(document.querySelector('#drawn').textContent)"
        " && !document.querySelector('#drawn').textContent.startsWith('Nothing')"
    )
    page.get_by_role("button", name="Use this structure").click()
    page.wait_for_function(
        "/^[A-Za-z()=1-9]+$/.test("
        "document.querySelector('#predict-smiles :is(textarea, input)').value)"
    )
    page.get_by_role("button", name="Predict shifts").click()
    page.locator(".answer .card svg").first.wait_for(timeout=60_000)


def test_files_are_read_into_the_fields(page: Any, tmp_path: Path) -> None:
    packed = tmp_path / "peaks.txt.gz"
    packed.write_bytes(gzip.compress(b"> toluene\n137.9, 21.5\n"))
    choose(page, TASKS["elucidate"])
    inputs = page.locator("input[data-for=elucidate-peaks]")
    inputs.set_input_files(packed)
    page.wait_for_function(
        "document.querySelector('#elucidate-peaks textarea').value.includes('137.9')"
    )
    archive = tmp_path / "many.zip"
    archive.write_bytes(b"PK\x03\x04 rest")
    inputs.set_input_files(archive)
    note = page.locator("[data-note=elucidate-peaks]")
    page.wait_for_function(
        "document.querySelector('[data-note=elucidate-peaks]').innerText.includes('ZIP')"
    )
    assert "many.zip" in note.inner_text()


def test_a_file_may_be_dropped_on_its_field(page: Any) -> None:
    page.evaluate(
        """() => {
          const given = new DataTransfer();
          given.items.add(new File(["CCO ethanol\\n"], "a.smi"));
          document.querySelector('#predict-smiles textarea').dispatchEvent(
            new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true}));
        }"""
    )
    page.wait_for_function(
        "document.querySelector('#predict-smiles textarea').value.includes('ethanol')"
    )


def test_links_open_the_page_filled_in(page: Any, server: Any) -> None:
    page.goto(f"{server.url}?task=check&smiles=Cc1ccccc1&peaks=137.9%2C%2021.5&nonsense=1")
    page.wait_for_function(
        "document.querySelector('#check-smiles :is(input, textarea)')?.value === 'Cc1ccccc1'"
        " && document.querySelector('#check-peaks :is(input, textarea)').value === '137.9, 21.5'",
        timeout=30_000,
    )


def test_long_work_says_so_and_can_be_stopped(page: Any) -> None:
    task = TASKS["elucidate"]
    choose(page, task)
    page.get_by_role("button", name="More", exact=False).locator("visible=true").click()
    page.get_by_label("Network").locator("visible=true").fill("hydrocarbons")
    page.keyboard.press("Enter")
    page.get_by_label("Draws").fill("4000")
    field(page, "elucidate-peaks").fill(TOLUENE)
    page.get_by_role("button", name=task.button).click()
    page.locator(".step.working").wait_for()
    page.locator(".answer .card").locator("visible=true").first.wait_for(timeout=60_000)
    page.get_by_role("button", name="Stop").click()
    page.locator(".step.done").wait_for(timeout=60_000)
    assert "Stopped" in page.locator(".step.done").inner_text()
    cards = page.locator(".answer .card").locator("visible=true")
    assert "the search has not ended" in cards.first.inner_text()
    assert cards.count() > 1


def test_a_row_lights_its_atoms_and_its_peak(page: Any) -> None:
    ask(page, TASKS["predict"], {"predict-smiles": "Cc1ccccc1"})
    row = page.locator("table.carbons tr.g0")
    row.wait_for(timeout=60_000)

    def lit() -> list[str]:
        return page.evaluate(
            "[...document.querySelectorAll('svg :is(circle, .stick).g0')]"
            ".map((one) => getComputedStyle(one).stroke)"
        )

    before = lit()
    row.focus()
    assert all(one == "rgb(179, 0, 94)" for one in lit())
    row.blur()
    page.mouse.move(0, 0)
    assert lit() == before
    page.locator("svg circle.g0").first.hover()
    assert "rgb(179, 0, 94)" in row.evaluate("(one) => getComputedStyle(one).outlineColor")


def test_a_smiles_can_be_copied(page: Any) -> None:
    ask(page, TASKS["predict"], {"predict-smiles": "Cc1ccccc1"})
    page.get_by_role("button", name="Copy SMILES").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "Cc1ccccc1"


def test_the_keyboard_reaches_an_answer(page: Any) -> None:
    field(page, "predict-smiles").fill("Cc1ccccc1")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Predict shifts":
            break
    page.keyboard.press("Enter")
    page.locator(".answer .card svg").first.wait_for(timeout=60_000)
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('tr,a,button')?.tagName"))
    assert {"TR", "A", "BUTTON"} <= reached


NASTY = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    '"onmouseover=alert(1) x="',
)


def test_names_are_text_and_nothing_else(page: Any) -> None:
    smiles = "\n".join(f"Cc1ccccc1 {name}" for name in NASTY)
    panel = ask(page, TASKS["predict"], {"predict-smiles": smiles})
    panel.locator(".answer .card").nth(len(NASTY) - 1).wait_for(timeout=60_000)
    text = panel.inner_text()
    for name in NASTY:
        assert text.count(name) >= 2
    assert page.locator(".answer img, .said img, .answer script").count() == 0
    choose(page, TASKS["rank"])
    fills = {"rank-peaks": f"> {NASTY[0]}\n137.9, 21.5", "rank-smiles": smiles}
    panel = ask(page, TASKS["rank"], fills)
    panel.locator(".answer .card").nth(len(NASTY)).wait_for(timeout=60_000)
    assert NASTY[0] in panel.inner_text()
    page.mouse.move(300, 600)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(scheme: str, chromium: Any, server: Any) -> None:
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Predict shifts").wait_for(timeout=60_000)
    found = []
    for task in TASKS.values():
        choose(page, task)
        panel = ask(page, task, task.fills)
        panel.locator(".answer .card").first.wait_for(timeout=60_000)
        # While an answer fades in its colours are paler than they will be.
        page.wait_for_function(
            """() => [...document.querySelectorAll(".answer")].every((one) => {
              for (; one; one = one.parentElement)
                if (getComputedStyle(one).opacity !== "1") return false;
              return true;
            })"""
        )
        page.evaluate(AXE.read_text())
        found += page.evaluate(
            """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
            .filter((one) => ["serious", "critical"].includes(one.impact))
            .map((one) => [one.id, one.nodes[0].html, one.nodes[0].failureSummary])"""
        )
    context.close()
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(
    width: int, scheme: str, chromium: Any, server: Any
) -> None:
    """And, where ``NMRFLOW_SHOTS`` names a folder, pictures of every tab lie there."""
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(server.url)
    page.get_by_role("button", name="Predict shifts").wait_for(timeout=60_000)
    shots = os.environ.get("NMRFLOW_SHOTS")
    for name, task in TASKS.items():
        page.goto(f"{server.url}?task={name}")
        button = page.get_by_role("button", name=task.button, exact=True).locator("visible=true")
        button.wait_for(timeout=60_000)
        panel = ask(page, task, task.fills)
        panel.locator(".answer .card").first.wait_for(timeout=60_000)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over <= 0, name
        if shots:
            page.screenshot(path=Path(shots) / f"{name}-{width}-{scheme}.png", full_page=True)
    context.close()
