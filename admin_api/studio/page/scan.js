// A filled scan, read with the design as it stands and again after every edit.

import { $, all, ask, changed, choose, make, notify, select, view } from "./core.js";

export async function tryScan(file) {
  if (!file) return;
  notify("");
  $("tried").replaceChildren(make("p", { className: "quiet", textContent: `reading ${file.name} …` }));
  select("tried");
  const said = await ask("try", file, { "Content-Type": "application/octet-stream", "X-Name": encodeURIComponent(file.name) });
  if (said) take(said);
  else drawTried();
}

let timer = 0;

// Not at every step of a key that is held down.
export function readAgain() {
  if (!view.state.scan || !view.state.usable || view.scan?.hash === undefined) return;
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const said = await ask("reading", null);
    if (said) take(said, { quietly: true });
  }, 300);
}

function take(said, { quietly = false } = {}) {
  view.scan = said;
  const faces = Object.keys(said.sides);
  if (!faces.length) view.showing = "blank";
  else if (!quietly) {
    view.showing = "scan";
    if (!faces.includes(view.face)) view.face = faces[0];
  }
  changed("scan");
}

export function drawShowing() {
  const can = view.scan && view.scan.sides[view.face];
  if (!can) view.showing = "blank";
  $("showing").hidden = !can;
  for (const name of ["blank", "scan"]) $(`show-${name}`).setAttribute("aria-pressed", view.showing === name);
}

export function drawTried() {
  const panel = $("tried"), said = view.scan;
  if (!said) { panel.replaceChildren($("nothing-tried").content.cloneNode(true)); return; }
  panel.replaceChildren(make("p", { className: "names", textContent: said.scan }));
  for (const one of said.refused) {
    panel.append(make("p", { className: "doubt", textContent: one.words }));
    if (one.picture) panel.append(Object.assign(new Image(), { src: `data:image/jpeg;base64,${one.picture}`, alt: "the refused page" }));
  }
  for (const [face, read] of Object.entries(said.sides)) panel.append(...sideRows(face, read));
}

function sideRows(face, read) {
  const doubted = read.fields.filter((one) => one.doubts.length).length;
  const words = `${face}: ${read.fields.length} fields, ${doubted ? `${doubted} doubted` : "none doubted"}; ` +
    `marks within ${read.residual.toFixed(2)} mm`;
  const table = make("table");
  for (const field of [...read.fields].sort((a, b) => (b.doubts.length > 0) - (a.doubts.length > 0))) {
    const line = table.insertRow();
    line.dataset.field = field.name;
    const at = all().find((one) => one.face === face && one.names.includes(field.name));
    const name = make("button", { textContent: field.name, onclick: () => at && choose(at) });
    line.insertCell().append(name);
    line.insertCell().textContent = field.value || "—";
    Object.assign(line.insertCell(), { className: "doubt", textContent: field.doubts.join("; ") });
  }
  return [make("p", { className: "quiet", textContent: words }),
    ...read.doubts.map((doubt) => make("p", { className: "doubt", textContent: doubt })), table];
}

export function show(name) {
  view.showing = name;
  changed("scan");
}
