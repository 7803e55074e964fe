"use strict";
// Finds the number that the server asks for as proof of a little work, then sends the form.

function leadingZeros(bytes) {
  let bits = 0;
  for (const byte of bytes) {
    if (byte === 0) { bits += 8; continue; }
    return bits + Math.clz32(byte) - 24;
  }
  return bits;
}

async function solve(token, bits) {
  const encoder = new TextEncoder();
  for (let number = 0; ; number += 64) {
    const tries = Array.from({ length: 64 }, (_, n) => crypto.subtle.digest("SHA-256", encoder.encode(`${token}:${number + n}`)));
    const found = (await Promise.all(tries)).findIndex((digest) => leadingZeros(new Uint8Array(digest)) >= bits);
    if (found >= 0) return number + found;
  }
}

document.querySelectorAll("form[data-bits]").forEach((form) => {
  form.addEventListener("submit", async (event) => {
    if (form.elements.work.value || !window.crypto?.subtle) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    const submitter = event.submitter ?? form.querySelector("button");
    form.querySelector("[data-working]").hidden = false;
    form.elements.work.value = await solve(form.elements.token.value, Number(form.dataset.bits));
    // In a task of its own: the event whose default was prevented must have ended.
    setTimeout(() => submitter.click(), 0);
  });
});
// A page that comes back from the browser's memory has a used token.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
