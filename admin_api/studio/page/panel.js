// The panel of the chosen table of fields, and the list of what the check finds.

import { $, all, box, choose, edit, make, notify, select, title, view } from "./core.js";

const KINDS = { single: "one option 单选", multiple: "several options 多选", digits: "number 数字",
  letters: "letters 字母", flag: "staff's box 标记", form: "paper form 卷型", barcode: "barcode 条形码",
  picture: "picture, kept 留影区" };
const ROLES = { "": "by its kind", answer: "answer 作答", identity: "identity 身份", staff: "staff 考务" };
const SEVERAL = { "": "as the policy says", reading: "a reading", doubt: "a doubt" };
const CHECKS = { "": "none", mod10: "mod 10 (Luhn)", "mod11-2": "mod 11-2 (ID cards)" };
const CODES = ["Code128", "Code39", "QRCode"];
const AXES = [["x_mm", "column"], ["y_mm", "row"]];

const table = () => box().table;
const set = (changes) => edit({ do: "set", ...view.chosen, changes });
const shown = (value) => value === undefined ? "" : String(value);

function row(words, id, ...controls) {
  const label = make("label", { textContent: words, htmlFor: id });
  return make("div", { className: "row" }, label, make("div", { className: "controls" }, ...controls));
}

function input(id, value, hint, keep) {
  const made = make("input", { id, value: shown(value), placeholder: hint, autocomplete: "off", spellcheck: false });
  made.addEventListener("change", () => keep(made.value.trim()));
  return made;
}

function text(key, words, hint) {
  return row(words, `f-${key}`, input(`f-${key}`, table()[key], hint, (value) => set({ [key]: value || null })));
}

// Options and the like: single characters stand together, words are parted by commas.
function list(key, words, hint) {
  const value = table()[key];
  const written = Array.isArray(value) ? value.join(", ") : value;
  return row(words, `f-${key}`, input(`f-${key}`, written, hint, (said) => set({ [key]: !said ? null
    : said.includes(",") ? said.split(",").map((one) => one.trim()).filter(Boolean) : said })));
}

function whole(key, words, hint) {
  return row(words, `f-${key}`, input(`f-${key}`, table()[key], hint, (said) => {
    if (said && !/^\d+$/.test(said)) { notify(`${words}: a whole number is wanted, not “${said}”`); return; }
    set({ [key]: said ? Number(said) : null });
  }));
}

function pick(key, words, choices, keep = (value) => set({ [key]: value || null })) {
  const made = make("select", { id: `f-${key}` });
  for (const [value, name] of Object.entries(choices)) {
    made.append(make("option", { value, textContent: name, selected: value === (table()[key] ?? "") }));
  }
  made.addEventListener("change", () => keep(made.value));
  return row(words, made.id, made);
}

function tick(key, words, standard) {
  const made = make("input", { type: "checkbox", id: `f-${key}`, checked: table()[key] ?? standard });
  made.addEventListener("change", () => set({ [key]: made.checked === standard ? null : made.checked }));
  return row(words, made.id, made);
}

// A number in a place or a step, stepped by the arrow keys.
function number(id, value, unit, keep) {
  const say = (said) => {
    if (said && !/^-?\d+(\.\d+)?$/.test(said)) { notify(`a number is wanted, not “${said}”`); return; }
    keep(said === "" ? null : Number(said));
  };
  const made = input(id, value, "–", say);
  made.inputMode = "decimal";
  made.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by || made.value === "") return;
    event.preventDefault();
    made.value = String(Math.round((Number(made.value) + by * (event.shiftKey ? 1 : 0.1)) * 1000) / 1000);
    say(made.value);
  });
  return make("span", { className: "number" }, made, make("span", { className: "unit", textContent: unit }));
}

// A place, or a step, counts an axis as the table's place does: in mm, or in columns and rows.
function place(key, words) {
  const at = table().at ?? {}, own = table()[key] ?? {};
  const controls = AXES.map(([mm, count], axis) => {
    const unit = count in at || count in own ? count : mm;
    const id = `f-${key}-${axis ? "y" : "x"}`;
    return number(id, own[unit], { x_mm: "mm →", y_mm: "mm ↓", column: "col.", row: "row" }[unit], (value) => {
      const place = { ...table()[key] };
      if (value === null || (value === 0 && key !== "at")) delete place[unit];
      else place[unit] = value;
      set({ [key]: Object.keys(place).length ? place : null });
    });
  });
  return row(words, `f-${key}-x`, ...controls);
}

function sizes() {
  const [width, height] = table().size_mm ?? [];
  const keep = (axis) => (value) => set({ size_mm: axis ? [width, value ?? height] : [value ?? width, height] });
  return row("size 大小", "f-size-x", number("f-size-x", width, "× ", keep(0)), number("f-size-y", height, "mm", keep(1)));
}

function codes() {
  const own = table().symbologies ?? ["Code128"];
  const labels = CODES.map((code) => {
    const made = make("input", { type: "checkbox", checked: own.includes(code) });
    made.addEventListener("change", () => {
      const left = made.checked ? [...own, code] : own.filter((one) => one !== code);
      set({ symbologies: left.length ? left : null });
    });
    return make("label", { className: "code" }, made, code);
  });
  return row("codes 码制", "", ...labels);
}

export function drawField() {
  const panel = $("field"), focused = document.activeElement?.id, top = panel.scrollTop;
  panel.replaceChildren();
  if (!box()) { panel.append($("nothing-chosen").content.cloneNode(true)); return; }
  const one = box(), { kind } = one.table;
  const zone = ["barcode", "picture"].includes(kind), grid = ["digits", "letters"].includes(kind);
  const many = one.names.length > 1 ? `${one.names.length} fields: ${title(one)}` : title(one);
  panel.append(make("p", { className: "names", textContent: `${many} · line ${one.line}` }));
  panel.append(text("name", "name 名称", one.table.count > 1 ? "q{n}" : "unique on the card"));
  if (one.toRename) panel.append(make("p", { className: "hint", textContent: `still to name: ${one.toRename}` }));
  panel.append(text("title", "title 标题", "as printed, may be empty"));
  panel.append(pick("kind", "kind 类型", KINDS, (value) => edit({ do: "retype", ...view.chosen, kind: value })));
  if (!one.table.places) panel.append(place("at", zone ? "top left 位置" : "first bubble 位置"));
  panel.append(...(zone ? zoneRows(kind) : bubbleRows(one, grid)));
  const act = (name, doing, hint) => make("button", { textContent: name, title: hint, onclick: () => edit({ do: doing, ...view.chosen }) });
  panel.append(make("div", { className: "tools" }, act("Duplicate", "copy", "Ctrl+D"), act("Delete", "delete", "Delete")));
  panel.scrollTop = top;
  if (focused?.startsWith("f-")) $(focused)?.focus();
}

function zoneRows(kind) {
  if (kind === "picture") return [sizes()];
  return [sizes(), codes(), tick("required", "required 必读", true), text("same_as", "same as 同于", "another field's name")];
}

const optionCount = ({ values, kind }) => values?.length ?? (kind === "flag" ? 1 : 2);

function bubbleRows(one, grid) {
  const { table: own } = one, rows = [];
  const identity = grid || own.kind === "form";
  const role = own.role ?? (identity ? "identity" : own.kind === "flag" ? "staff" : "answer");
  rows.push(list("values", "options 选项", own.kind === "digits" ? "0123456789" : "ABCD, or words with commas"));
  if (!own.places && (optionCount(own) > 1 || own.value_step)) rows.push(place("value_step", "option step 间距"));
  if (grid) {
    rows.push(whole("length", "characters 位数", "how many"));
    rows.push(place("character_step", "char. step 位距"));
  } else {
    rows.push(whole("count", "fields 题数", "1"), whole("first", "from no. 起始", "1"));
    if ((own.count ?? 1) > 1 || own.field_step) rows.push(place("field_step", "field step 题距"));
  }
  rows.push(pick("role", "role 用途", ROLES), tick("required", "required 必填", role === "identity"));
  const open = ["allowed", "several", "check", "same_as"].some((key) => key in own);
  const more = make("details", { open: open || moreIsOpen }, make("summary", { textContent: "rules 规则" }));
  more.addEventListener("toggle", () => { moreIsOpen = more.open; });
  more.append(list("allowed", "allowed 允许值", "any"), pick("several", "several 多涂", SEVERAL),
    text("same_as", "same as 同于", "another field's name"));
  if (grid) more.append(pick("check", "check digit 校验位", CHECKS));
  return [...rows, more];
}

let moreIsOpen = false;

const line = (words, go) => make("li", {}, make("button", { textContent: words, onclick: go }));

export function drawFindings() {
  const found = view.state.findings, unnamed = all().filter((one) => one.toRename);
  $("count").textContent = found.length ? `(${found.length})` : "";
  $("findings").replaceChildren(...found.map((one) => line(one.words, () => {
    const at = all().find((other) => other.face === one.face && other.index === one.index);
    if (at) choose(at);
    else toLine(one.line);
  })));
  if (!found.length) $("findings").append(make("li", { className: "good", textContent: "Nothing: the check finds no fault." }));
  $("unnamed").hidden = !unnamed.length;
  $("unnamed-count").textContent = `(${unnamed.length})`;
  $("unnamed-list").replaceChildren(...unnamed.map((one) => line(`${title(one)}: ${one.toRename}`, () => {
    choose(one);
    $("f-name").select();
    $("f-name").focus();
  })));
}

export function toLine(line) {
  select("text");
  if (!line) return;
  const area = $("toml"), lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, line - 4) * parseFloat(getComputedStyle(area).lineHeight);
}
