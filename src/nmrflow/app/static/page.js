// The page's own behaviour: files into fields, the structure editor, copying. Nothing is fetched
// but from the server that this came from.

const field = (id) => document.querySelector(`#${CSS.escape(id)} textarea, #${CSS.escape(id)} input`);

function put(id, text) {
  const box = field(id);
  if (!box) return;
  const kind = box.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(box, text);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function note(id, text, isError = false) {
  const place = document.querySelector(`[data-note="${CSS.escape(id)}"]`);
  if (!place) return;
  place.textContent = text;
  place.classList.toggle("error", isError);
}

async function readFile(id, file) {
  if (file.size > 20_000_000) {
    note(id, `${file.name}: larger than 20 MB; give the command (nmrflow --help) the file`, true);
    return;
  }
  note(id, `reading ${file.name} …`);
  try {
    const response = await fetch("read", {
      method: "POST",
      headers: { "x-file-name": encodeURIComponent(file.name) },
      body: file,
    });
    if (!response.ok) throw new Error(await response.text());
    const told = await response.json();
    if (told.error) {
      note(id, told.error, true);
    } else {
      put(id, told.text);
      note(id, told.said);
    }
  } catch (error) {
    note(id, `${file.name}: ${error.message || error}`, true);
  }
}

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!(input instanceof HTMLInputElement) || input.type !== "file" || !input.dataset.for) return;
  if (input.files.length) readFile(input.dataset.for, input.files[0]);
  input.value = "";
});

// A file dropped onto a field, or onto what stands below it, is read into it.
function dropTarget(event) {
  if (![...(event.dataTransfer?.types || [])].includes("Files")) return null;
  for (const input of document.querySelectorAll("input[type=file][data-for]")) {
    const box = document.getElementById(input.dataset.for);
    if (box?.contains(event.target) || input.closest(".row")?.contains(event.target)) return box;
  }
  return null;
}

document.addEventListener("dragover", (event) => {
  document.querySelectorAll(".dropping").forEach((one) => one.classList.remove("dropping"));
  const box = dropTarget(event);
  if (box) box.classList.add("dropping");
  event.preventDefault(); // A file dropped elsewhere must not replace the page.
}, true);

document.addEventListener("drop", (event) => {
  document.querySelectorAll(".dropping").forEach((one) => one.classList.remove("dropping"));
  const box = dropTarget(event);
  if (![...(event.dataTransfer?.types || [])].includes("Files")) return;
  event.preventDefault();
  event.stopPropagation();
  if (box) readFile(box.id, event.dataTransfer.files[0]);
}, true);

// The structure editor, fetched when it is first wanted.
let editor = null;
let dialog = null;
let OCL = null;

async function openEditor(id, adds) {
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "editor";
    dialog.setAttribute("aria-label", "Draw a structure");
    dialog.innerHTML =
      '<div id="canvas"></div><p id="drawn" role="status"></p>' +
      '<form method="dialog"><button value="use" class="use">Use this structure</button> ' +
      '<button value="no">Cancel</button></form>';
    document.body.append(dialog);
  }
  dialog.returnValue = "no";
  dialog.showModal();
  const drawn = dialog.querySelector("#drawn");
  if (!editor) {
    drawn.textContent = "Opening the editor …";
    OCL = await import("./openchemlib.js");
    await OCL.Resources.registerFromUrl("page/resources.json");
    editor = new OCL.CanvasEditor(dialog.querySelector("#canvas"), { initialMode: "molecule" });
    editor.setOnChangeListener(() => {
      const smiles = editor.getMolecule().toIsomericSmiles();
      drawn.textContent = smiles || "Nothing is drawn yet.";
    });
  }
  const lines = (field(id)?.value || "").split("\n");
  const given = adds ? "" : lines[0].trim().split(/\s+/)[0];
  try {
    const molecule = given ? OCL.Molecule.fromSmiles(given) : new OCL.Molecule(0, 0);
    editor.setMolecule(molecule);
  } catch {
    editor.setMolecule(new OCL.Molecule(0, 0));
  }
  drawn.textContent = given || "Nothing is drawn yet.";
  dialog.onclose = () => {
    if (dialog.returnValue !== "use") return;
    const smiles = editor.getMolecule().toIsomericSmiles();
    if (!smiles) return;
    const before = (field(id)?.value || "").trimEnd();
    put(id, adds && before ? `${before}\n${smiles}` : smiles);
    field(id)?.focus();
  };
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button");
  if (!button) return;
  if (button.classList.contains("draw")) {
    try {
      await openEditor(button.dataset.for, button.dataset.adds === "true");
    } catch (error) {
      dialog?.close();
      note(button.dataset.for, `the editor cannot be opened: ${error.message || error}`, true);
    }
  } else if (button.classList.contains("copy")) {
    await navigator.clipboard.writeText(button.dataset.copy);
    const name = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = name; }, 1500);
  }
});

globalThis.nmrflowEditor = () => editor;

// Links: ?task=predict&smiles=... opens a tab and fills its fields in.
const TABS = { predict: "Predict", elucidate: "Elucidate", rank: "Rank",
  check: "Assign and check", search: "Search", compare: "Compare" };

async function wait(find, ms = 20000) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const found = find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return null;
}

async function followLink() {
  const told = new URLSearchParams(location.search);
  const task = told.get("task");
  if (!Object.hasOwn(TABS, task)) return;
  // On a narrow window a tab may stand in a menu, or move there while it is looked for.
  const isShown = () => [...document.querySelectorAll(`[id^="${task}-"]`)].some(
    (one) => one.offsetParent !== null);
  const opened = await wait(() => {
    if (isShown()) return true;
    for (const one of document.querySelectorAll("#tasks button")) {
      if (one.textContent.trim() === TABS[task] && !one.closest("[role=tabpanel]")) one.click();
    }
    return isShown();
  });
  if (!opened) return;
  for (const [name, text] of told) {
    if (!/^[a-z]+$/.test(name) || name === "task") continue;
    if (await wait(() => field(`${task}-${name}`), 2000)) put(`${task}-${name}`, text);
  }
}

followLink();
