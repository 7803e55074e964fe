"use strict";
// What plain pages cannot do: a countdown, the focus after a swap, questions before what cannot be undone.

const pad = (number) => String(number).padStart(2, "0");

function count(time) {
  const left = Math.max(0, Date.parse(time.dateTime) + 1000 - Date.now());
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

document.addEventListener("htmx:after:swap", () => {
  tick();
  const first = document.querySelector("#notices .notice, main [autofocus]");
  if (first && first.matches("[autofocus]")) first.focus();
  else if (first) first.scrollIntoView({ block: "nearest" });
});

tick();
window.setInterval(tick, 1000);
