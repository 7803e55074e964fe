"use strict";
// What plain pages cannot do: a countdown, the focus after a swap, questions before what cannot be undone.

const pad = (number) => String(number).padStart(2, "0");

// The office's clock counts, not this machine's.
const ahead = Date.parse(document.documentElement.dataset.now ?? "") - Date.now() || 0;

function count(time) {
  const left = Math.max(0, Date.parse(time.dateTime) + 1000 - (Date.now() + ahead));
  const seconds = Math.floor(left / 1000);
  const days = Math.floor(seconds / 86400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  time.title = time.title || time.textContent;
  const zh = document.documentElement.lang.startsWith("zh");
  const words = zh ? `（还剩 ${days} 天 ${clock.map(pad).join(":")}）` : ` (${days} d ${clock.map(pad).join(":")} left)`;
  time.textContent = time.title + (left > 0 ? words : "");
  time.classList.toggle("over", left === 0);
}

function tick() {
  document.querySelectorAll("time[data-countdown]").forEach(count);
}

document.addEventListener("submit", (event) => {
  const asked = event.target.dataset.ask;
  if (asked && !window.confirm(asked)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

// A swap may have led to another page; the head stays.
function markPlace() {
  const path = window.location.pathname;
  document.querySelectorAll(".head nav a").forEach((link) => {
    const here = path === link.pathname || (link.pathname !== "/" && path.startsWith(link.pathname));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
}

document.addEventListener("htmx:after:swap", () => {
  tick();
  window.setTimeout(markPlace);
  const first = document.querySelector("#notices .notice, main [autofocus]");
  if (first && first.matches("[autofocus]")) first.focus();
  else if (first) first.scrollIntoView({ block: "nearest" });
});

tick();
window.setInterval(tick, 1000);

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

// Keys: an element with data-key is pressed by that key, one with data-focus takes the focus.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.matches("input:not([type=hidden]), textarea, select")) return;
  const key = event.key.toLowerCase();
  const wanted = [...document.querySelectorAll("main [data-key], main [data-focus]")].find(
    (one) => (one.dataset.key ?? one.dataset.focus) === key);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.dataset.focus !== undefined) wanted.focus();
  else if (wanted.tagName === "DETAILS") wanted.open = !wanted.open;
  else wanted.click();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-bag]");
  if (!form) return;
  event.preventDefault();
  const part = (name) => encodeURIComponent(form.elements[name].value.trim());
  window.location = `/bags/${part("region")}/${part("box")}/${part("bag")}`;
});

// A choice of everything is no part of an address.
document.addEventListener("submit", (event) => {
  event.target.querySelectorAll("[data-drop-empty]").forEach((one) => { one.disabled = !one.value; });
});

// A file that is made by an act: asked for with the page's token, then kept.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-download]");
  if (!form) return;
  event.preventDefault();
  const headers = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
  const answer = await fetch(form.action, { method: "POST", headers });
  if (!answer.ok) {
    const problem = await answer.json();
    const told = document.createElement("p");
    told.className = "notice bad";
    told.textContent = problem.error;
    document.getElementById("notices").replaceChildren(told);
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "";
  link.click();
  URL.revokeObjectURL(link.href);
});
