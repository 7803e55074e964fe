// What the page knows, and its one way to change anything: ask the server, show what it answers.

export const $ = (id) => document.getElementById(id);
export const token = location.pathname.split("/")[1];

export const view = {
  state: null, // as the server says it
  face: "front",
  chosen: null, // { face, index }: a table of fields
  scan: null, // the reading of a scan that is tried out
  showing: "blank", // or "scan": what lies behind the fields
};

const listeners = [];
let last = Promise.resolve(); // edits go one after another, in the order they were made

export function onChange(listener) { listeners.push(listener); }
export function changed(what = "view") { for (const listener of listeners) listener(what); }

export const side = () => view.state?.sides.find((one) => one.face === view.face);
export const boxes = () => side()?.boxes ?? [];
export const all = () => view.state?.sides.flatMap((one) => one.boxes) ?? [];
export const same = (a, b) => Boolean(a && b) && a.face === b.face && a.index === b.index;
export const box = () => all().find((one) => same(one, view.chosen));
export const title = (one) => one.names.length > 1 ? `${one.names[0]} … ${one.names.at(-1)}`
  : one.names[0] ?? String(one.table.name ?? "?");

export function choose(one) {
  view.chosen = one ? { face: one.face, index: one.index } : null;
  if (one) view.face = one.face;
  changed("choice");
}

export function take(state) {
  view.state = state;
  if (!side()) view.face = "front";
  if (view.chosen && !box()) view.chosen = null;
  changed("state");
}

export function ask(path, body, headers = {}) {
  const asked = last.then(() => answer(path, body, headers));
  last = asked.catch(() => null);
  return asked;
}

async function answer(path, body, headers) {
  let said;
  try {
    const options = body === null ? {} : { method: "POST", body, headers: { "X-Studio": token, ...headers } };
    const response = await fetch(path, options);
    said = await response.json().catch(() => ({ error: `the studio answered ${response.status}` }));
    if (response.ok) return said;
    if (said.state) take(said.state);
    const words = said.error ?? "The studio does not take that value.";
    notify(words, response.status !== 409 ? [] : [
      ["Save over it", () => edit({ do: "save", overwrite: true, faulty: true })],
      ["Reload the file", () => edit({ do: "reload" })],
    ]);
  } catch {
    notify("The studio has stopped. Start it again with the same command: what was not saved is kept.");
  }
  return null;
}

export async function edit(asked) {
  notify("");
  const said = await ask("edit", JSON.stringify(asked), { "Content-Type": "application/json" });
  if (said) take(said);
  return said;
}

export function notify(words, actions = []) {
  const notice = $("notice");
  notice.replaceChildren(words);
  for (const [name, act] of actions) notice.append(make("button", { textContent: name, onclick: act }));
  notice.hidden = !words;
}

export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function select(panel) {
  for (const name of ["field", "text", "tried"]) {
    $(name).hidden = name !== panel;
    $(`tab-${name}`).setAttribute("aria-selected", name === panel);
  }
}
