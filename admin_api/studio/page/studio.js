"use strict";
// Ties the page together: what is drawn when something changes, the buttons, and the keys.

import { $, ask, boxes, box, changed, choose, edit, make, notify, onChange, same, select, take, view } from "./core.js";
import { drawField, drawFindings } from "./panel.js";
import { drawShowing, drawTried, readAgain, show, tryScan } from "./scan.js";
import { addNext, draw, fit, isAdding, listen, reveal, zoomBy } from "./sheet.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ONE_MOVE_MS = 1000; // arrow keys within it are one step of undo

onChange((what) => {
  drawShowing();
  drawFaces();
  draw();
  drawField();
  if (what === "choice") { select("field"); reveal(); }
  if (what === "scan") drawTried();
  if (what !== "state") return;
  drawState();
  drawFindings();
  readAgain();
});

function drawState() {
  const { state } = view;
  $("file").textContent = state.file;
  document.title = `${state.dirty ? "• " : ""}${state.file}`;
  const size = state.page ? `${state.page.fields} fields, ${state.page.bubbles} bubbles` : "no design yet";
  $("state").textContent = `${size} · ${state.dirty ? "not saved" : "saved"}`;
  $("undo").disabled = !state.canUndo;
  $("redo").disabled = !state.canRedo;
  $("save").disabled = !state.dirty;
  if ($("toml").value !== state.text) {
    const { scrollTop, selectionStart } = $("toml");
    $("toml").value = state.text;
    $("toml").setSelectionRange(selectionStart, selectionStart);
    $("toml").scrollTop = scrollTop;
  }
  const asking = $("earlier");
  $("older").hidden = !state.earlierIsOlder;
  if (state.earlier && !asking.open) asking.showModal();
  if (!state.earlier && asking.open) asking.close();
}

function drawFaces() {
  const { sides } = view.state;
  $("faces").replaceChildren(...(sides.length < 2 ? [] : sides.map(({ face }) => {
    const button = make("button", { textContent: { front: "front 正面", back: "back 背面" }[face],
      onclick: () => { view.face = face; choose(null); } });
    button.setAttribute("aria-pressed", face === view.face);
    return button;
  })));
}

// What is being typed counts too: leaving a control hands its value in before the file is saved.
async function save() {
  const focused = document.activeElement;
  if (["INPUT", "TEXTAREA", "SELECT"].includes(focused?.tagName)) { focused.blur(); focused.focus(); }
  await ask("state", null); // edits before it have arrived
  if (view.state.usable) { await edit({ do: "save" }); return; }
  notify("This is no design yet; cards cannot be read with it.",
    [["Save it all the same", () => edit({ do: "save", faulty: true })]]);
}

// Keys that are held down are added up while an edit is under way.
let waiting = null, movedAt = 0, movedWhat = null;

async function moveBy(x, y) {
  if (waiting) { waiting[0] += x; waiting[1] += y; return; }
  waiting = [x, y];
  while (waiting && (waiting[0] || waiting[1])) {
    const [right, down] = waiting.map((one) => Math.round(one * 1000) / 1000);
    waiting = [0, 0];
    const further = same(movedWhat, view.chosen) && performance.now() - movedAt < ONE_MOVE_MS;
    movedWhat = view.chosen;
    if (!view.chosen || !await edit({ do: "move", ...view.chosen, x: right, y: down, further })) break;
    movedAt = performance.now();
  }
  waiting = null;
}

function toNext(event) {
  const at = boxes().findIndex((one) => same(one, view.chosen));
  const next = at < 0 ? (event.shiftKey ? -1 : 0) : at + (event.shiftKey ? -1 : 1);
  if (next < 0 || next >= boxes().length) return; // on to the next control
  event.preventDefault();
  choose(boxes()[next]);
}

function onKey(event) {
  const held = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (held && key === "s") { event.preventDefault(); save(); return; }
  if (!view.state || $("earlier").open || ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName) && event.target.type !== "checkbox") return;
  const doing = held ? { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key] : null;
  if (doing) { event.preventDefault(); edit({ do: doing }); return; }
  if (held && key === "d" && box()) { event.preventDefault(); edit({ do: "copy", ...view.chosen }); return; }
  if (held) return;
  if (key === "+" || key === "=") zoomBy(1.25);
  else if (key === "-") zoomBy(1 / 1.25);
  else if (key === "0") fit(true);
  else if (key === "escape") { if (isAdding()) addNext(""); else choose(null); }
  else if (event.target === $("desk") && key === "tab") toNext(event);
  else if (event.target === $("desk") && box()) onFieldKey(event);
}

function onFieldKey(event) {
  if (event.key === "Delete" || event.key === "Backspace") { edit({ do: "delete", ...view.chosen }); return; }
  if (event.key === "Enter") { event.preventDefault(); $("f-name")?.select(); $("f-name")?.focus(); return; }
  const by = ARROWS[event.key];
  if (!by) return;
  event.preventDefault();
  const size = event.shiftKey ? 1 : 0.1;
  moveBy(by[0] * size, by[1] * size);
}

$("undo").onclick = () => edit({ do: "undo" });
$("redo").onclick = () => edit({ do: "redo" });
$("save").onclick = save;
$("add").onchange = (event) => { addNext(event.target.value); $("desk").focus(); };
$("in").onclick = () => zoomBy(1.25);
$("out").onclick = () => zoomBy(1 / 1.25);
$("fit").onclick = () => fit(true);
$("width").onclick = () => fit();
$("toml").onchange = () => edit({ do: "text", text: $("toml").value });
$("scan").onchange = (event) => { tryScan(event.target.files[0]); event.target.value = ""; };
$("take-earlier").onclick = () => edit({ do: "take_earlier" });
$("forget-earlier").onclick = () => edit({ do: "forget_earlier" });
$("earlier").addEventListener("cancel", (event) => event.preventDefault());
$("bare").onchange = (event) => $("sheet").classList.toggle("bare", !event.target.checked);
for (const name of ["blank", "scan"]) $(`show-${name}`).onclick = () => show(name);
for (const name of ["field", "text", "tried"]) $(`tab-${name}`).onclick = () => select(name);
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
window.addEventListener("drop", (event) => tryScan(event.dataTransfer.files[0]));
window.addEventListener("keydown", onKey);
window.addEventListener("beforeunload", (event) => { if (view.state?.dirty) event.preventDefault(); });

listen();
drawTried();
const first = await ask("state", null);
if (first) take(first);
