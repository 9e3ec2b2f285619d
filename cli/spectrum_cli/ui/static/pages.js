// What the pages do by themselves: live updates, keys, confirmation, copying. They are complete
// without it but for these. Nothing here turns text into markup: new parts of a page come parsed,
// as a document in which no script runs.

const STALE_403 = "This run of `forwarder ui` has ended: open the link of the new one.";
const UNREACHABLE = "`forwarder ui` does not answer: it was ended, or this machine slept.";

const id = (name) => document.getElementById(name);

function load(address) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.timeout = 20000;
    request.onload = () => resolve({ status: request.status, page: request.response });
    request.onerror = request.ontimeout = () => resolve({ status: 0, page: null });
    request.send();
  });
}

// ---- Live updates ---------------------------------------------------------------------------

const live = () => [...document.querySelectorAll("[data-live]")];
// As they were served: what is drawn here afterwards must not look like a change. Times that are
// given as a distance from now change with every answer, and are none either.
const plain = (part) => part.outerHTML.replace(/(<span class="(?:ago|here)"[^>]*>)[^<]*/g, "$1");
const served = new Map(live().map((part) => [part.id, plain(part)]));

function swap(part, fresh) {
  const seen = new Set([...part.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  const focused = part.contains(document.activeElement)
    ? document.activeElement.closest("[data-key]")?.dataset.key
    : undefined;
  served.set(part.id, plain(fresh));
  const adopted = document.adoptNode(fresh);
  part.replaceWith(adopted);
  for (const row of adopted.querySelectorAll("[data-key]")) {
    if (seen.size && !seen.has(row.dataset.key)) row.classList.add("fresh");
    if (row.dataset.key === focused) row.querySelector("[data-row]").focus({ preventScroll: true });
  }
}

function busy() {
  const selected = String(getSelection());
  return document.hidden || document.querySelector("dialog[open]") !== null || selected !== "";
}

function tell(text) {
  const stale = id("stale");
  stale.textContent = text;
  stale.hidden = text === "";
  id("live").hidden = text !== "" || live().length === 0;
}

async function update() {
  const { status, page } = await load(location.href);
  if (status === 403) return tell(STALE_403);
  if (status === 0) return tell(UNREACHABLE);
  const count = page?.getElementById("refused-count");
  if (count) id("refused-count")?.replaceWith(document.adoptNode(count));
  const trouble = page?.getElementById("trouble");
  if (status >= 400) return tell(`Not up to date. ${trouble?.textContent ?? status}`);
  tell("");
  if (busy() || extended) return undefined;
  for (const part of live()) {
    const fresh = page.getElementById(part.id);
    if (fresh && plain(fresh) !== served.get(part.id)) swap(part, fresh);
  }
  const paging = page.getElementById("pages");
  if (paging && live().length) id("pages")?.replaceWith(document.adoptNode(paging));
  return ago();
}

async function keepUpdating(every) {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, every * 1000));
    if (!document.hidden && live().length) await update();
  }
}

// Beside UTC, the time here: where that is another one.
function here() {
  for (const part of document.querySelectorAll("[data-here]")) {
    const at = new Date(Number(part.dataset.here) * 1000);
    part.hidden = at.getTimezoneOffset() === 0;
    if (!part.hidden) part.textContent = `${at.toTimeString().slice(0, 8)} here`;
  }
}

function ago() {
  here();
  const now = Date.now() / 1000;
  for (const part of document.querySelectorAll("[data-ago]")) {
    const away = Number(part.dataset.ago) - now;
    part.textContent = Math.abs(away) < 1 ? "now" : away > 0 ? `in ${span(away)}` : `${span(-away)} ago`;
  }
}

function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

// ---- A search that goes on ------------------------------------------------------------------

let extended = false;

async function searchOn() {
  const wanted = 50;
  const many = 200;
  for (let portion = 0; portion < many; portion += 1) {
    const older = id("older");
    const rows = id("rows");
    if (!older || !("goesOn" in older.dataset) || !rows || rows.children.length > wanted) return;
    const { status, page } = await load(older.href);
    if (status !== 200) return;
    extended = true;
    const found = page.getElementById("rows");
    if (found) {
      const skip = rows.children.length ? ".row" : "li";
      for (const row of [...found.querySelectorAll(skip)]) rows.append(document.adoptNode(row));
    }
    const paging = document.adoptNode(page.getElementById("pages"));
    id("pages").replaceWith(paging);
    const count = rows.querySelectorAll(".row").length;
    const where = id("where");
    where.textContent = where.textContent.replace(/^\s*\d+ found/, `${count} found`);
  }
}

// ---- Keys, dialogs, copying -----------------------------------------------------------------

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const at = rows.indexOf(document.activeElement);
  const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  n: () => id("older")?.click(),
  m: () => id("reveal").click(),
  g: () => location.assign("/"),
  o: () => location.assign("/overview"),
  r: () => location.assign("/refused"),
  "/": () => id("filter-first")?.focus(),
  "?": () => id("keys").showModal(),
  Escape: () => (id("back") ? id("back").click() : document.activeElement?.blur()),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea") !== null;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing && event.key !== "Escape") return;
  if (typing) return void event.target.blur();
  const action = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : undefined;
  if (action) {
    event.preventDefault();
    action();
  }
});

async function copy(button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? (await bodyText(button)));
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not copied";
  }
  setTimeout(() => (button.textContent = before), 1500);
}

async function bodyText(button) {
  const answer = await fetch(button.dataset.copyFrom);
  if (!answer.ok) throw new Error("the body cannot be read");
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (button.dataset.as !== "base64") {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  }
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.open) id(button.dataset.open).showModal();
  if ("close" in button.dataset) button.closest("dialog").close();
  if (button.dataset.copy || button.dataset.copyFrom) copy(button);
});

document.querySelector(".filter")?.addEventListener("change", (event) => {
  if (event.target.tagName === "SELECT") event.target.form.requestSubmit();
});

// Fields that are empty would only lengthen the address.
document.querySelector(".filter")?.addEventListener("submit", (event) => {
  for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
});

ago();
setInterval(ago, 10000);
tell("");
searchOn();
if (document.body.dataset.every) keepUpdating(Number(document.body.dataset.every));
