"use strict";
// The page shows what the server says; every edit goes there and comes back as a whole new state.

const $ = (id) => document.getElementById(id);
const NS = "http://www.w3.org/2000/svg";
const token = location.pathname.split("/")[1];
const KINDS = ["single", "multiple", "digits", "letters", "flag", "form", "barcode", "picture"];
const ROLES = ["", "answer", "identity", "staff"];
const MARGIN = 1.6; // mm between a box and its bubbles
const GRID_KINDS = ["digits", "letters"];

let state = null;
let face = "front";
let chosen = null; // { face, index }
let zoom = 1;
let adding = false;
let drag = null;

async function call(path, body, headers = {}) {
  const answer = await fetch(path, { method: "POST", body, headers: { "X-Studio": token, ...headers } });
  const said = await answer.json().catch(() => ({ error: `the studio answered ${answer.status}` }));
  if (!answer.ok) {
    const words = said.error || "the studio does not take that";
    if (said.state) show(said.state);
    notify(words, answer.status === 409 ? [
      ["Save over it", () => edit({ do: "save", overwrite: true, faulty: true })],
      ["Reload the file", () => edit({ do: "reload" })],
    ] : []);
    return null;
  }
  return said;
}

async function edit(asked) {
  notify("");
  let said = null;
  try {
    said = await call("edit", JSON.stringify(asked), { "Content-Type": "application/json" });
  } catch {
    notify("The studio has stopped. Start it again: what was not saved is kept as a draft.");
  }
  if (said) show(said);
  return said;
}

function notify(words, actions = []) {
  const notice = $("notice");
  notice.replaceChildren(words);
  for (const [name, act] of actions) {
    const button = document.createElement("button");
    button.textContent = name;
    button.onclick = act;
    notice.append(button);
  }
  notice.hidden = !words;
}

const boxes = () => state.sides.find((side) => side.face === face)?.boxes ?? [];
const box = () => chosen && state.sides.flatMap((side) => side.boxes)
  .find((one) => one.face === chosen.face && one.index === chosen.index);

function show(fresh) {
  state = fresh;
  if (!state.sides.some((side) => side.face === face)) face = "front";
  if (!box()) chosen = null;
  $("file").textContent = state.file;
  document.title = `${state.dirty ? "• " : ""}${state.file}`;
  const size = state.page ? `${state.page.fields} fields, ${state.page.bubbles} bubbles` : "";
  $("state").textContent = `${size}${state.dirty ? " · not saved" : " · saved"}`;
  $("undo").disabled = !state.canUndo;
  $("redo").disabled = !state.canRedo;
  $("save").disabled = !state.dirty;
  if (document.activeElement !== $("toml")) $("toml").value = state.text;
  drawFaces();
  draw();
  drawFindings();
  drawField();
  if (state.draft && !state.dirty) {
    notify("There is unsaved work of an earlier time.", [
      ["Take it up", () => edit({ do: "take_draft" })],
      ["Forget it", () => edit({ do: "forget_draft" })],
    ]);
  } else if (state.note && $("notice").hidden) {
    $("state").textContent += ` · ${state.note}`;
    $("state").title = state.note;
  }
}

function drawFaces() {
  $("faces").replaceChildren(...(state.sides.length < 2 ? [] : state.sides.map((side) => {
    const button = document.createElement("button");
    button.textContent = side.face;
    button.setAttribute("aria-pressed", side.face === face);
    button.onclick = () => { face = side.face; chosen = null; show(state); };
    return button;
  })));
}

function element(name, attributes, parent) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

function extent(one) {
  const [width, height] = state.page.bubble;
  const rects = one.zone.length ? one.zone.map(([x, y, w, h]) => [x, y, x + w, y + h])
    : one.bubbles.map(([x, y]) => [x - width / 2, y - height / 2, x + width / 2, y + height / 2]);
  const margin = one.zone.length ? 0 : MARGIN;
  return [Math.min(...rects.map((r) => r[0])) - margin, Math.min(...rects.map((r) => r[1])) - margin,
    Math.max(...rects.map((r) => r[2])) + margin, Math.max(...rects.map((r) => r[3])) + margin];
}

function draw() {
  const svg = $("sheet");
  svg.replaceChildren();
  if (!state.page) return;
  const { width, height, bubble } = state.page;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", width * 3.4 * zoom);
  svg.setAttribute("height", height * 3.4 * zoom);
  element("image", { href: `sheet/${face}.jpg?${hash(state.background)}`, width, height,
    preserveAspectRatio: "none" }, svg);
  const side = state.sides.find((one) => one.face === face);
  side.marks.forEach(([x, y], n) => {
    const [w, h] = side.sizes[n];
    element("rect", { class: "mark", x: x - w / 2, y: y - h / 2, width: w, height: h }, svg);
  });
  const bad = new Set(state.findings.filter((f) => f.face === face).map((f) => f.index));
  for (const one of side.boxes) {
    const is = chosen && chosen.face === one.face && chosen.index === one.index;
    if (!one.bubbles.length && !one.zone.length) continue;
    const [left, top, right, bottom] = extent(one);
    const group = element("g", { "data-index": one.index }, svg);
    const rect = element("rect", { class: `box${bad.has(one.index) ? " bad" : ""}${is ? " chosen" : ""}`,
      x: left, y: top, width: right - left, height: bottom - top, rx: 1,
      role: "button", "aria-label": title(one) }, group);
    rect.addEventListener("pointerdown", (event) => begin(event, one, "move", group));
    for (const [x, y] of one.bubbles) {
      element("rect", { class: `bubble${is ? " chosen-bubble" : ""}`, x: x - bubble[0] / 2,
        y: y - bubble[1] / 2, width: bubble[0], height: bubble[1],
        rx: state.page.shape === "oval" ? bubble[1] / 2 : 0.3 }, group);
    }
    element("text", { class: "label", x: left, y: top - 0.7 }, group).textContent = title(one);
    if (is) {
      const handle = element("rect", { class: "handle", x: right - 1.6, y: bottom - 1.6, width: 3.2,
        height: 3.2, rx: 0.6, "aria-label": "Resize" }, group);
      handle.addEventListener("pointerdown", (event) => begin(event, one, "stretch", group));
    }
  }
  $("zoom").textContent = `${Math.round(100 * zoom)} %`;
}

const hash = (words) => [...words].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 7);
const title = (one) => one.names.length > 1 ? `${one.names[0]} … ${one.names.at(-1)}` : one.names[0] ?? "?";

function point(event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform($("sheet").getScreenCTM().inverse());
  return [at.x, at.y];
}

function begin(event, one, how, group) {
  if (adding || event.button !== 0) return;
  event.preventDefault();
  event.stopPropagation();
  const moved = !chosen || chosen.index !== one.index || chosen.face !== one.face;
  chosen = { face: one.face, index: one.index };
  if (moved) {
    select("field");
    draw();
    drawField();
    group = $("sheet").querySelector(`g[data-index="${one.index}"]`);
  }
  drag = { from: point(event), how, one, group, by: [0, 0] };
  $("desk").focus({ preventScroll: true });
}

window.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [x, y] = point(event);
  drag.by = [x - drag.from[0], y - drag.from[1]];
  const [left, top, right, bottom] = extent(drag.one);
  if (drag.how === "move") drag.group.setAttribute("transform", `translate(${drag.by})`);
  else {
    const scale = factors();
    drag.group.setAttribute("transform",
      `translate(${left},${top}) scale(${scale}) translate(${-left},${-top})`);
  }
});

function factors() {
  const [left, top, right, bottom] = extent(drag.one);
  const [w, h] = drag.one.zone.length ? [0, 0] : state.page.bubble;
  const inner = (span, size) => Math.max(span - size - (drag.one.zone.length ? 0 : 2 * MARGIN), 0);
  const across = inner(right - left, w), down = inner(bottom - top, h);
  return [across ? Math.max((across + drag.by[0]) / across, 0.05) : 1,
    down ? Math.max((down + drag.by[1]) / down, 0.05) : 1];
}

window.addEventListener("pointerup", () => {
  if (!drag) return;
  const { how, one, by } = drag;
  const scale = how === "stretch" ? factors() : null;
  drag = null;
  if (Math.hypot(...by) < 0.3) { draw(); return; }
  const at = { face: one.face, index: one.index };
  if (how === "move") edit({ do: "move", ...at, x: by[0], y: by[1], snap: $("snap").checked });
  else edit({ do: "stretch", ...at, x: scale[0], y: scale[1] });
});

$("sheet").addEventListener("pointerdown", (event) => {
  if (adding) {
    const [x, y] = point(event);
    adding = false;
    $("desk").classList.remove("adding");
    $("add").setAttribute("aria-pressed", "false");
    edit({ do: "add", face, x, y }).then((said) => {
      if (said && boxes().length) choose(boxes().at(-1));
    });
  } else if (!drag) {
    chosen = null;
    draw();
    drawField();
  }
});

function choose(one) {
  face = one.face;
  chosen = { face: one.face, index: one.index };
  select("field");
  drawFaces();
  draw();
  drawField();
  const rect = $("sheet").querySelector(".chosen");
  if (rect) rect.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function row(name, control) {
  const line = document.createElement("div");
  line.className = "row";
  const label = document.createElement("label");
  label.textContent = name;
  label.htmlFor = control.id = `f-${name.replace(/\W/g, "-")}`;
  line.append(label, control);
  return line;
}

function input(key, value, parse, hint = "") {
  const made = document.createElement("input");
  made.value = value ?? "";
  made.placeholder = hint;
  made.addEventListener("change", () => {
    const found = made.value === "" ? null : parse(made.value);
    if (found === undefined) { notify(`${key}: ${hint || "not that"}`); return; }
    edit({ do: "set", ...chosen, changes: { [key]: found } });
  });
  return made;
}

function options(key, all, value) {
  const made = document.createElement("select");
  for (const one of all) {
    const option = document.createElement("option");
    option.value = one;
    option.textContent = one || "by its kind";
    option.selected = one === (value ?? "");
    made.append(option);
  }
  made.addEventListener("change", () => edit({ do: "set", ...chosen, changes: kindly(key, made.value) }));
  return made;
}

// A kind brings the keys that it cannot do without and drops those that it does not know.
function kindly(key, value) {
  if (key !== "kind") return { [key]: value || null };
  const { table } = box();
  const changes = { kind: value };
  if (GRID_KINDS.includes(value) && !table.length) {
    changes.length = table.count ?? 1;
    changes.character_step = table.field_step ?? table.character_step ?? null;
    Object.assign(changes, { count: null, field_step: null, first: null });
    changes.name = String(table.name).replace("{n}", "") || "number";
  }
  if (!GRID_KINDS.includes(value)) Object.assign(changes, { length: null, character_step: null });
  if (!GRID_KINDS.includes(value) && !table.values && value !== "flag") changes.values = "ABCDE";
  return changes;
}

const number = (words) => /^-?\d+(\.\d+)?$/.test(words) ? Number(words) : undefined;
const whole = (words) => /^\d+$/.test(words) ? Number(words) : undefined;
const list = (words) => words.includes(",") ? words.split(",").map((one) => one.trim()) : words;
const step = (words) => {
  const found = {};
  for (const part of words.split(",")) {
    const match = part.trim().match(/^(x_mm|y_mm|column|row)\s*=\s*(-?\d+(?:\.\d+)?)$/);
    if (!match) return undefined;
    found[match[1]] = Number(match[2]);
  }
  return found;
};
const written = (table) => table && Object.entries(table).map(([k, v]) => `${k} = ${v}`).join(", ");

function drawField() {
  const panel = $("field"), one = box();
  const focused = document.activeElement?.id;
  panel.replaceChildren();
  if (!one) {
    const words = document.createElement("p");
    words.className = "quiet";
    words.textContent = "Choose a field on the sheet. Drag it to move it, its corner to resize it; " +
      "arrow keys move by 0.1 mm, with Shift by 1 mm; Tab goes to the next field.";
    panel.append(words);
    return;
  }
  const { table } = one;
  const zone = ["barcode", "picture"].includes(table.kind), grid = GRID_KINDS.includes(table.kind);
  const names = document.createElement("p");
  names.className = "names";
  names.textContent = `${one.names.length} field${one.names.length > 1 ? "s" : ""}: ${title(one)}, line ${one.line}`;
  panel.append(names);
  panel.append(row("name", input("name", table.name, String, "letters and digits, {n} for a number")));
  panel.append(row("title", input("title", table.title, String, "in words, as printed")));
  panel.append(row("kind", options("kind", KINDS, table.kind)));
  const place = "x_mm = 20, y_mm = 30, or column, row";
  panel.append(row("at", input("at", written(table.at), step, place)));
  if (zone) {
    const size = (words) => { const two = words.split(/[x×, ]+/).map(number);
      return two.length === 2 && !two.includes(undefined) ? two : undefined; };
    panel.append(row("size_mm", input("size_mm", table.size_mm?.join(" × "), size, "width × height")));
  } else {
    const values = Array.isArray(table.values) ? table.values.join(", ") : table.values;
    panel.append(row("values", input("values", values, list, grid ? "0123456789" : "ABCDE, or words, with commas")));
    panel.append(row("value_step", input("value_step", written(table.value_step), step, place)));
    if (grid) {
      panel.append(row("length", input("length", table.length, whole, "characters")));
      panel.append(row("character_step", input("character_step", written(table.character_step), step, place)));
    } else {
      panel.append(row("count", input("count", table.count, whole, "fields, from 1")));
      panel.append(row("first", input("first", table.first, whole, "the first's number")));
      panel.append(row("field_step", input("field_step", written(table.field_step), step, place)));
    }
    panel.append(row("role", options("role", ROLES, table.role)));
    const required = document.createElement("input");
    required.type = "checkbox";
    required.checked = table.required ?? (grid || table.kind === "form" || table.role === "identity");
    required.addEventListener("change", () => edit({ do: "set", ...chosen, changes: { required: required.checked } }));
    panel.append(row("required", required));
  }
  const tools = document.createElement("div");
  tools.className = "tools";
  for (const [name, asked] of [["Duplicate", "copy"], ["Delete", "delete"]]) {
    const button = document.createElement("button");
    button.textContent = name;
    button.onclick = () => edit({ do: asked, ...one });
    tools.append(button);
  }
  panel.append(tools);
  if (focused?.startsWith("f-")) $(focused)?.focus();
}

function drawFindings() {
  const found = state.findings;
  $("count").textContent = found.length ? `(${found.length})` : "";
  $("findings").replaceChildren(...(found.length ? found.map((one) => {
    const line = document.createElement("li");
    line.textContent = one.words;
    line.tabIndex = 0;
    const go = () => {
      const at = state.sides.flatMap((s) => s.boxes).find((b) => b.face === one.face && b.index === one.index);
      if (at) choose(at);
      else { select("text"); toLine(one.line); }
    };
    line.onclick = go;
    line.onkeydown = (event) => { if (event.key === "Enter") go(); };
    return line;
  }) : [Object.assign(document.createElement("li"), { className: "good", textContent: "Nothing: the check finds no fault." })]));
}

function toLine(line) {
  if (!line) return;
  const area = $("toml"), lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + lines[line - 1].length);
  area.scrollTop = (line - 4) * 18.75;
}

function select(panel) {
  for (const name of ["field", "text", "tried"]) {
    $(name).hidden = name !== panel;
    $(`tab-${name}`).setAttribute("aria-selected", name === panel);
  }
}

async function tryScan(file) {
  if (!file) return;
  notify("");
  const said = await call("try", file, { "Content-Type": "application/octet-stream" });
  if (!said) return;
  const panel = $("tried");
  panel.replaceChildren();
  if (said.rejected) panel.append(Object.assign(document.createElement("p"), { className: "doubt", textContent: said.rejected }));
  if (said.picture) panel.append(Object.assign(new Image(), { src: `data:image/jpeg;base64,${said.picture}`, alt: "The scan as read" }));
  const table = document.createElement("table");
  for (const { field, value, doubts } of said.values) {
    const line = table.insertRow();
    line.dataset.field = field;
    line.insertCell().textContent = field;
    line.insertCell().textContent = value || "—";
    const doubt = line.insertCell();
    doubt.textContent = doubts.join("; ");
    doubt.className = "doubt";
  }
  panel.append(table);
  select("tried");
}

function setZoom(to) { zoom = Math.min(6, Math.max(0.25, to)); draw(); }

for (const [id, asked] of [["undo", "undo"], ["redo", "redo"]]) $(id).onclick = () => edit({ do: asked });
$("save").onclick = save;
$("add").onclick = () => {
  adding = !adding;
  $("add").setAttribute("aria-pressed", adding);
  $("desk").classList.toggle("adding", adding);
};
$("in").onclick = () => setZoom(zoom * 1.25);
$("out").onclick = () => setZoom(zoom / 1.25);
$("take").onclick = () => edit({ do: "text", text: $("toml").value });
$("scan").onchange = (event) => { tryScan(event.target.files[0]); event.target.value = ""; };
for (const name of ["field", "text", "tried"]) $(`tab-${name}`).onclick = () => select(name);
$("desk").addEventListener("dragover", (event) => event.preventDefault());
$("desk").addEventListener("drop", (event) => { event.preventDefault(); tryScan(event.dataTransfer.files[0]); });
$("desk").addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  setZoom(zoom * (event.deltaY < 0 ? 1.12 : 1 / 1.12));
}, { passive: false });

async function save() {
  if (!state.usable) {
    notify("This is no design yet; cards cannot be read with it.", [["Save it all the same", () => edit({ do: "save", faulty: true })]]);
    return;
  }
  await edit({ do: "save" });
}

window.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName);
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "s") { event.preventDefault(); save(); return; }
  if (typing || !state) return;
  if ((event.ctrlKey || event.metaKey) && key === "z") { event.preventDefault(); edit({ do: event.shiftKey ? "redo" : "undo" }); return; }
  if ((event.ctrlKey || event.metaKey) && key === "y") { event.preventDefault(); edit({ do: "redo" }); return; }
  if (event.key === "+" || event.key === "=") { setZoom(zoom * 1.25); return; }
  if (event.key === "-") { setZoom(zoom / 1.25); return; }
  if (event.target !== $("desk")) return;
  if (event.key === "Tab" && boxes().length && !(event.shiftKey && !chosen)) {
    const at = boxes().findIndex((one) => chosen && one.index === chosen.index) + (event.shiftKey ? -1 : 1);
    if (at >= 0 && at < boxes().length) { event.preventDefault(); choose(boxes()[at]); }
    return;
  }
  if (event.key === "Escape") { chosen = null; draw(); drawField(); return; }
  if (!chosen) return;
  if (event.key === "Delete") { edit({ do: "delete", ...chosen }); return; }
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (by) {
    event.preventDefault();
    const size = event.shiftKey ? 1 : 0.1;
    edit({ do: "move", ...chosen, x: by[0] * size, y: by[1] * size });
  }
});

window.addEventListener("beforeunload", (event) => { if (state?.dirty) event.preventDefault(); });
select("field");
fetch("state").then((answer) => answer.json()).then(show)
  .catch(() => notify("The studio has stopped. Start it again."));
