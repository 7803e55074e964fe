// The sheet: its picture, and over it every table of fields as a box with its bubbles.

import { $, boxes, changed, choose, edit, same, side, title, view } from "./core.js";

const NS = "http://www.w3.org/2000/svg";
const MARGIN = 1.2; // mm between a box and its bubbles
const NEAR_PX = 6; // how near a neighbour's row or column draws a dragged field to it
const LEAST_DRAG_PX = 3;
const MOST_ZOOM = 8;
const LEAST_SPAN = 0.01; // mm, under which there is nothing to widen

let scale = 3.4; // screen px a mm
let fitted = true; // until somebody zooms
let drag = null;
let adding = "";
let picture = { key: "", url: "" };

export function element(name, attributes, parent, words) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  parent.append(made);
  return made;
}

// ── drawing ────────────────────────────────────────────────────────────────────────────────────

function extent(one) {
  const [width, height] = view.state.page.bubble;
  const zone = one.zone.length > 0, margin = zone ? 0 : MARGIN;
  const rects = zone ? one.zone.map(([x, y, w, h]) => [x, y, x + w, y + h])
    : one.bubbles.map(([x, y]) => [x - width / 2, y - height / 2, x + width / 2, y + height / 2]);
  const least = (k) => Math.min(...rects.map((r) => r[k])), most = (k) => Math.max(...rects.map((r) => r[k]));
  return [least(0) - margin, least(1) - margin, most(2) + margin, most(3) + margin];
}

export function draw() {
  const layer = $("fields");
  layer.replaceChildren();
  const page = view.state?.page;
  if (!page) return;
  $("sheet").setAttribute("viewBox", `0 0 ${page.width} ${page.height}`);
  size();
  drawPicture();
  side().marks.forEach(([x, y], n) => {
    const [w, h] = side().sizes[n];
    element("rect", { class: "mark", x: x - w / 2, y: y - h / 2, width: w, height: h }, layer);
  });
  const bad = new Set(view.state.findings.filter((f) => f.face === view.face).map((f) => f.index));
  const order = [...boxes()].sort((a, b) => same(a, view.chosen) - same(b, view.chosen));
  for (const one of order) if (one.bubbles.length || one.zone.length) drawBox(one, layer, bad.has(one.index));
}

function drawBox(one, layer, bad) {
  const chosen = same(one, view.chosen);
  const [left, top, right, bottom] = extent(one);
  const group = element("g", { "data-index": one.index,
    class: `table${bad ? " bad" : ""}${chosen ? " chosen" : ""}` }, layer);
  const rect = element("rect", { class: "box", x: left, y: top, width: right - left,
    height: bottom - top, rx: 1, role: "button", "aria-label": title(one) }, group);
  rect.addEventListener("pointerdown", (event) => begin(event, one, "move"));
  drawBubbles(one, group, chosen);
  drawTag(one, group, left, top);
  if (view.showing === "scan" && one.names.length > 1) drawReading(one, group);
  if (!chosen) return;
  const [across, down] = spans(one).map((span) => span > LEAST_SPAN);
  const handles = [across && ["across", right, (top + bottom) / 2], down && ["down", (left + right) / 2, bottom],
    across && down && ["both", right, bottom]];
  for (const [how, x, y] of handles.filter(Boolean)) {
    const handle = element("rect", { class: `handle ${how}`, x: x - 1.2, y: y - 1.2, width: 2.4, height: 2.4, rx: 0.5 }, group);
    handle.addEventListener("pointerdown", (event) => begin(event, one, how));
  }
}

// The name above a box, and beside it what a tried scan reads there.
function drawTag(one, group, left, top) {
  const alone = view.showing === "scan" && one.names.length === 1 ? readings(one)[0] : null;
  const words = title(one) + (alone ? `: ${said(alone)}` : "");
  const tag = element("g", { class: `tag${alone?.doubts.length ? " doubt" : ""}` }, group);
  const back = element("rect", { x: left, y: top - 3.1, height: 3, rx: 0.5 }, tag);
  const text = element("text", { x: left + 0.7, y: top - 0.85 }, tag, words);
  back.setAttribute("width", text.getComputedTextLength() + 1.4);
  if (alone) element("title", {}, tag, told(alone));
}

const said = (field) => `${field.value || "–"}${field.doubts.length ? " ?" : ""}`;
const told = (field) => [`${field.name}: ${field.value || "blank"}`, ...field.doubts].join("\n");

function drawBubbles(one, group, chosen) {
  const { bubble: [width, height], shape } = view.state.page;
  const rounding = shape === "oval" ? Math.min(width, height) / 2 : 0.3;
  const filled = view.showing === "scan" ? filledIn(one) : new Set();
  one.bubbles.forEach(([x, y, value], n) => {
    element("rect", { class: `bubble${filled.has(n) ? " filled" : ""}`, x: x - width / 2,
      y: y - height / 2, width, height, rx: rounding }, group);
    if (chosen && view.showing !== "scan") {
      const size = Math.min(height * 0.8, width * 1.5 / Math.max(value.length, 1));
      element("text", { class: "value", x, y: y + size * 0.36, "font-size": size }, group, value);
    }
  });
}

const readings = (one) => (view.scan?.sides[one.face]?.fields ?? [])
  .filter((field) => one.names.includes(field.name));

function filledIn(one) {
  const each = one.bubbles.length / one.names.length, found = new Set();
  for (const field of readings(one)) {
    const start = one.names.indexOf(field.name) * each;
    for (const at of field.filled) found.add(start + at);
  }
  return found;
}

// What each of several fields reads, at the end of its row or column.
function drawReading(one, group) {
  const [, , right, bottom] = extent(one), each = one.bubbles.length / one.names.length;
  for (const field of readings(one)) {
    const [first, ...rest] = one.bubbles.slice(one.names.indexOf(field.name) * each).slice(0, each);
    const end = rest.at(-1) ?? first;
    const column = Math.abs(first[0] - end[0]) < Math.abs(first[1] - end[1]);
    const place = column ? { x: first[0] - 0.8, y: bottom + 2.6 } : { x: right + 0.5, y: first[1] + 0.9 };
    const words = element("text", { class: `reads${field.doubts.length ? " doubt" : ""}`, ...place }, group, said(field));
    element("title", {}, words, told(field));
  }
}

// The old picture stays until the new one is there, so that nothing flickers.
async function drawPicture() {
  const scan = view.showing === "scan";
  const key = scan ? `scan/${view.face}.jpg?${view.scan.hash}` : `sheet/${view.face}.jpg?${hash(view.state.background)}`;
  const image = $("picture"), page = view.state.page;
  image.setAttribute("width", page.width);
  image.setAttribute("height", page.height);
  if (key === picture.key) return;
  picture.key = key;
  await new Promise((done) => setTimeout(done, picture.url ? 250 : 0));
  if (key !== picture.key) return; // something newer is on its way
  const response = await fetch(key).catch(() => null);
  if (key !== picture.key || !response) return;
  $("note").textContent = scan ? "" : decodeURIComponent(response.headers.get("X-Note") ?? "");
  const old = picture.url;
  picture.url = response.ok ? URL.createObjectURL(await response.blob()) : "";
  image.setAttribute("href", picture.url);
  image.dataset.key = key;
  if (old) URL.revokeObjectURL(old);
}

const hash = (words) => [...words].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 7);

// ── zoom and pan ───────────────────────────────────────────────────────────────────────────────

function size() {
  const { width, height } = view.state.page, desk = $("desk");
  if (fitted) scale = Math.max(1, Math.min((desk.clientWidth - 32) / width, 4.5));
  $("sheet").setAttribute("width", width * scale);
  $("sheet").setAttribute("height", height * scale);
  $("zoom").textContent = `${Math.round(scale / 3.78 * 100)} %`; // CSS pixels are 3.78 a mm
}

export function zoomBy(factor, at) {
  const desk = $("desk"), frame = desk.getBoundingClientRect();
  const [x, y] = at ?? [frame.left + frame.width / 2, frame.top + frame.height / 2];
  const before = point({ clientX: x, clientY: y });
  fitted = false;
  scale = Math.min(3.78 * MOST_ZOOM, Math.max(0.8, scale * factor));
  size();
  const after = point({ clientX: x, clientY: y });
  desk.scrollLeft -= (after[0] - before[0]) * scale;
  desk.scrollTop -= (after[1] - before[1]) * scale;
}

export function fit(whole = false) {
  fitted = !whole;
  if (whole) {
    const { width, height } = view.state.page, desk = $("desk");
    scale = Math.min((desk.clientWidth - 32) / width, (desk.clientHeight - 32) / height);
  }
  size();
}

export function reveal() {
  $("fields").querySelector(".chosen .box")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function point(event) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform($("sheet").getScreenCTM().inverse());
  return [at.x, at.y];
}

// ── dragging ───────────────────────────────────────────────────────────────────────────────────

function begin(event, one, how) {
  if (adding || event.button !== 0) return;
  event.preventDefault();
  event.stopPropagation();
  if (!same(one, view.chosen)) choose(one);
  drag = { from: point(event), how, one, by: [0, 0], moved: false,
    group: $("fields").querySelector(`g[data-index="${one.index}"]`) };
  $("desk").focus({ preventScroll: true });
}

function beginPan(event) {
  drag = { how: "pan", at: [event.clientX, event.clientY], start: [event.clientX, event.clientY], moved: false };
  $("desk").classList.add("panning");
}

function onMove(event) {
  if (!drag) return;
  if (drag.how === "pan") {
    $("desk").scrollBy(drag.at[0] - event.clientX, drag.at[1] - event.clientY);
    drag.moved ||= Math.hypot(event.clientX - drag.start[0], event.clientY - drag.start[1]) > LEAST_DRAG_PX;
    drag.at = [event.clientX, event.clientY];
    return;
  }
  const [x, y] = point(event), by = [x - drag.from[0], y - drag.from[1]];
  drag.moved ||= Math.hypot(...by) * scale > LEAST_DRAG_PX;
  if (!drag.moved) return;
  $("guides").replaceChildren();
  if (drag.how === "move") {
    drag.by = $("snap").checked && !event.altKey ? snapped(drag.one, by) : by;
    drag.group.setAttribute("transform", `translate(${drag.by})`);
  } else {
    drag.by = [drag.how === "down" ? 0 : by[0], drag.how === "across" ? 0 : by[1]];
    const [left, top] = corner(drag.one), [across, down] = factors();
    drag.group.setAttribute("transform",
      `translate(${left},${top}) scale(${across},${down}) translate(${-left},${-top})`);
  }
}

async function onUp() {
  if (!drag) return;
  const { how, one, by, moved } = drag, scaled = how !== "pan" && how !== "move" ? factors() : null;
  drag = null;
  $("desk").classList.remove("panning");
  $("guides").replaceChildren();
  if (how === "pan") { if (!moved) choose(null); return; }
  if (!moved) return;
  const at = { face: one.face, index: one.index };
  const said = await edit(how === "move" ? { do: "move", ...at, x: by[0], y: by[1] }
    : { do: "stretch", ...at, x: scaled[0], y: scaled[1] });
  if (!said) changed();
}

// To whole columns and rows where the table counts in them; else to a neighbour's or a track's.
function snapped(one, by) {
  const at = one.table.at ?? {}, first = one.bubbles[0] ?? one.zone[0];
  return by.map((far, axis) => {
    const number = at[axis ? "row" : "column"], pitch = side().pitch[axis];
    if (number !== undefined) return (Math.round(number + far / pitch) - number) * pitch;
    const others = boxes().filter((other) => other !== one && (other.bubbles.length > 0) === (one.bubbles.length > 0))
      .flatMap((other) => (other.bubbles.length ? other.bubbles : other.zone).map((b) => b[axis]));
    const wanted = first[axis] + far;
    const nearest = [...others, ...side().marks.map((m) => m[axis])]
      .reduce((best, line) => Math.abs(line - wanted) < Math.abs(best - wanted) ? line : best, Infinity);
    if (Math.abs(nearest - wanted) * scale > NEAR_PX) return far;
    const { width, height } = view.state.page;
    element("line", axis ? { x1: 0, x2: width, y1: nearest, y2: nearest }
      : { y1: 0, y2: height, x1: nearest, x2: nearest }, $("guides"));
    return nearest - first[axis];
  });
}

const corner = (one) => one.zone.length ? one.zone[0] : [Math.min(...one.bubbles.map((b) => b[0])),
  Math.min(...one.bubbles.map((b) => b[1]))];

// From the first row and column of bubbles to the last; a zone's size.
function spans(one) {
  if (one.zone.length) return one.zone[0].slice(2);
  return corner(one).map((start, axis) => Math.max(...one.bubbles.map((b) => b[axis])) - start);
}

function factors() {
  const { one, by } = drag;
  return spans(one).map((span, axis) => span > LEAST_SPAN ? Math.min(20, Math.max(0.05, (span + by[axis]) / span)) : 1);
}

export function addNext(what) {
  adding = what;
  $("desk").classList.toggle("adding", Boolean(what));
  $("add").value = what;
}

export const isAdding = () => Boolean(adding);

async function addAt(event) {
  const [x, y] = point(event), what = adding;
  addNext("");
  const said = await edit({ do: "add", face: view.face, what, x, y });
  if (said && boxes().length) choose(boxes().at(-1));
}

export function listen() {
  window.addEventListener("pointermove", onMove);
  window.addEventListener("pointerup", onUp);
  window.addEventListener("resize", () => { if (fitted && view.state?.page) size(); });
  $("desk").addEventListener("pointerdown", (event) => {
    if (adding && $("sheet").contains(event.target)) { event.preventDefault(); addAt(event); return; }
    if (event.button === 0 || event.button === 1) { $("desk").focus({ preventScroll: true }); event.preventDefault(); beginPan(event); }
  });
  $("desk").addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // without it the wheel scrolls
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.15 : 1 / 1.15, [event.clientX, event.clientY]);
  }, { passive: false });
}
