// What all pages share: requests, elements, text that is shown as text, the theme, notices, dialogs.

/** An element with properties (`class`, `dataset`, listeners as `onclick`) and children; strings become text, never markup. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const find = (selector) => document.querySelector(selector);

// control characters, and those that turn the direction of the text around them
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const code = (character) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** The text in which hidden characters are visible as their codes. */
export const plain = (text) => text.replace(HIDDEN, (character) => `[${code(character)}]`);

/** Nodes of `text`, hidden characters as coloured codes. */
export function shown(text) {
  const nodes = [];
  let start = 0;
  for (const match of text.matchAll(HIDDEN)) {
    nodes.push(text.slice(start, match.index), make("span", { className: "control" }, `[${code(match[0])}]`));
    start = match.index + 1;
  }
  return [...nodes, text.slice(start)];
}

/** A place in `text` that the server counts in characters, as JavaScript counts it: in UTF-16 units. */
export function unitsAt(text, characters) {
  let units = 0;
  for (let passed = 0; passed < characters && units < text.length; passed++) units += text.codePointAt(units) > 0xffff ? 2 : 1;
  return units;
}

/** Nodes of `text` with the characters from `span[0]` to `span[1]` marked. */
export function marked(text, span) {
  if (!span) return shown(text);
  const [start, end] = span.map((place) => unitsAt(text, place));
  return [...shown(text.slice(0, start)), make("mark", {}, shown(text.slice(start, end) || " ")), ...shown(text.slice(end))];
}

export const count = (number) => number.toLocaleString("en-US");

export const noun = (number, name) => `${count(number)} ${name}${number === 1 ? "" : "s"}`;

/** What the server refuses; `status` is that of HTTP, `detail` the answer. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail.error ?? `The server answered ${status}.`);
    this.status = status;
    this.detail = detail;
  }
}

/** The JSON answer of the server; with `body` a POST request. While the server does not answer, the page says so and asks again. */
export async function ask(path, body, signal) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  if (body !== undefined) options.headers = { "content-type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, { ...options, signal });
  } catch (error) {
    if (error.name !== "AbortError") lost();
    throw error;
  }
  if (answer.ok) return answer.json();
  const detail = await answer.json().catch(() => ({}));
  if (answer.status === 403) showBanner("This page may not ask the server any more: open the address that booruflow review printed.");
  throw new Refused(answer.status, detail);
}

let waiting = false;

/** Say that the server is away, ask until it is back, then tell the page with the event `back`. */
async function lost() {
  if (waiting) return;
  waiting = true;
  showBanner("The server does not answer. What you typed is kept in this tab; the page goes on by itself when it is back.");
  for (;;) {
    await new Promise((done) => setTimeout(done, 700));
    const answer = await fetch("/api/about").catch(() => null);
    if (!answer) continue;
    waiting = false;
    if (answer.status === 403) {
      showBanner("The server was started again with another token: open its new address in this tab. What you typed is kept.");
      return;
    }
    find(".banner").hidden = true;
    document.dispatchEvent(new CustomEvent("back"));
    return;
  }
}

function showBanner(text) {
  find(".banner").textContent = text;
  find(".banner").hidden = false;
}

let toastTimer;

/** A notice for a few seconds, with a button if `label` is given. */
export function toast(text, label, action) {
  find(".toast")?.remove();
  clearTimeout(toastTimer);
  const button = label && make("button", { onclick: () => (find(".toast").remove(), action()) }, label);
  document.body.append(make("div", { className: "toast", role: "status" }, make("span", {}, text), button));
  toastTimer = setTimeout(() => find(".toast")?.remove(), 6000);
}

/** Report an error of a request; lost connections are already on the banner. */
export function report(error) {
  if (error instanceof Refused) toast(error.message);
  else if (!(error instanceof TypeError) && error.name !== "AbortError") throw error;
}

const THEMES = { auto: "System", light: "Light", dark: "Dark" };

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem("theme", theme);
}

/** The bar at the top of every page, and the place for notices. */
export function frame(current, keys) {
  const theme = localStorage.getItem("theme") in THEMES ? localStorage.getItem("theme") : "auto";
  setTheme(theme);
  const choice = make("select", { title: "Colours", ariaLabel: "Colours", onchange: () => setTheme(choice.value) });
  for (const [value, label] of Object.entries(THEMES)) choice.append(make("option", { value, selected: value === theme }, label));
  const folder = make("span", { className: "folder quiet small grow" });
  const links = Object.entries({ Repair: "/", Browse: "/browse", Progress: "/progress" }).map(([name, href]) => {
    const link = make("a", { href }, name);
    if (name === current) link.ariaCurrent = "page";
    return link;
  });
  const help = make("button", { className: "plain", title: "Keys", ariaLabel: "Keys", onclick: () => showKeys(keys) }, "?");
  document.body.prepend(
    make("header", { className: "bar" }, make("span", { className: "name" }, "booruflow"), make("nav", {}, links), folder, choice, help),
    make("div", { className: "banner", role: "alert", hidden: true }),
  );
  ask("/api/about").then((about) => {
    folder.textContent = folder.title = about.folder;
    document.title = `${current} · ${about.name}`;
  }, report);
}

/** A dialog that is removed when it closes. */
export function dialog(className, ...children) {
  const element = make("dialog", { className, onclose: () => element.remove() }, children);
  document.body.append(element);
  element.showModal();
  return element;
}

function showKeys(keys) {
  const rows = keys.map(([names, what]) =>
    make("tr", {}, make("td", {}, names.split(" ").map((name) => [make("kbd", {}, name), " "])), make("td", {}, what)),
  );
  const close = make("button", { onclick: () => box.close() }, "Close");
  const box = dialog("", make("div", { className: "stack" }, make("h1", {}, "Keys"), make("table", { className: "keys" }, rows), close));
}

/** Call `actions[key]` for keys that are pressed; while somebody types only those with Ctrl, and Escape, which leaves the field. */
export function listen(actions, keys) {
  document.addEventListener("keydown", (event) => {
    if (find("dialog[open]") || event.altKey || event.isComposing) return;
    const typing = event.target.matches("input, textarea, select");
    const control = event.ctrlKey || event.metaKey;
    if (typing && event.key === "Escape") event.target.blur();
    if ((typing && !control) || (event.target.matches("button, a, summary") && [" ", "Enter"].includes(event.key) && !control)) return;
    const name = (control ? "Ctrl+" : "") + event.key;
    const action = name === "?" ? () => showKeys(keys) : actions[name];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** The image of a post that opens in full size when it is clicked. */
export function picture(post) {
  const box = make("button", { className: "image", title: "Zoom", ariaLabel: `Image of post ${post.id}, zoom` });
  const fail = (reason) => {
    box.replaceChildren(make("p", {}, reason));
    box.disabled = true;
  };
  const image = make("img", { alt: `Post ${post.id}`, src: `/image/${post.id}?size=view` });
  image.onerror = async () => {
    const answer = await fetch(image.src).catch(() => null);
    fail(answer && answer.status !== 200 ? plain((await answer.json().catch(() => ({}))).error ?? "No image") : "No image");
  };
  box.append(image);
  box.onclick = () => showImage(post.id);
  return box;
}

/** The image alone on the screen: fitted, or in its own size, or any between. */
export function showImage(id) {
  const image = make("img", { alt: `Post ${id}` });
  const scroll = make("div", { className: "scroll" }, image);
  const size = make("span", { className: "small numbers" });
  let scale = 1;
  const fitted = () => Math.min(innerWidth / image.naturalWidth, innerHeight / image.naturalHeight);
  const zoom = (to) => {
    scale = Math.min(Math.max(to, 0.02), 16);
    image.style.width = `${image.naturalWidth * scale}px`;
    size.textContent = `${image.naturalWidth} × ${image.naturalHeight} · ${Math.round(scale * 100)}%`;
  };
  const fit = () => zoom(fitted());
  image.onload = fit;
  image.src = `/image/${id}?size=full`;
  const tool = (label, title, action) => make("button", { title, ariaLabel: title, onclick: action }, label);
  const tools = make(
    "div", { className: "tools" }, size, tool("−", "Smaller", () => zoom(scale / 1.25)), tool("+", "Larger", () => zoom(scale * 1.25)),
    tool("1:1", "Original size", () => zoom(1)), tool("Fit", "Fit into the window", fit), tool("×", "Close", () => box.close()),
  );
  const box = dialog("viewer", scroll, tools);
  const keys = { "+": () => zoom(scale * 1.25), "-": () => zoom(scale / 1.25), 1: () => zoom(1), 0: fit, z: () => box.close() };
  box.addEventListener("keydown", (event) => keys[event.key]?.());
  scroll.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  });
  scroll.addEventListener("pointermove", (event) => {
    if (event.buttons === 1) scroll.scrollBy(-event.movementX, -event.movementY);
  });
  image.draggable = false;
}

/** The tags in the colours of their categories. */
export function tagList(tags) {
  return make("div", { className: "tags" }, tags.map((tag) => {
    const name = plain(tag.name);
    return make("span", { className: tag.category, title: `${tag.category}: ${name.slice(0, 300)}`, dir: "auto" }, name);
  }));
}
