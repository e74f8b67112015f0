// The repair queue: one bad caption after the other.

import { ask, count, find, frame, listen, make, noun, report, shown } from "./common.js";
import { Entry, ENTRY_KEYS, entryActions } from "./entry.js";
import { Filters, RATINGS } from "./filters.js";

const KEYS = [["j →", "next"], ["k ←", "previous"], ["g", "go to a post by its id"], ["/", "search"], ...ENTRY_KEYS];

frame("Repair", KEYS);
const filters = new Filters({
  state: ["State", "choice"], reason: ["Reason", "choice"], flag: ["Flag", "choice"], shard: ["Shard", "choice"], rating: ["Rating", "choice"],
  tag: ["Tag", "Tag"], text: ["Search in texts", "Search in texts"],
}, () => (first(), refresh().catch(report)));
const jump = make("input", { type: "search", inputMode: "numeric", placeholder: "Go to id", ariaLabel: "Go to id", className: "jump" });
const state = make("p", { className: "small quiet numbers", role: "status" });
const meter = make("i");
const root = make("div", { className: "place" });
const previous = make("button", { onclick: () => go(-1), title: "Previous (k)" }, "‹", make("span", { className: "word" }, " Previous"));
const next = make("button", { onclick: () => go(1), title: "Next (j)" }, make("span", { className: "word" }, "Next "), "›");
filters.element.append(jump, make("span", { className: "row" }, previous, next));
find("main").append(make("div", { className: "stack" }, filters.element, make("div", { className: "meter" }, meter), state), root);

const entry = new Entry(root, { changed: () => refresh().catch(report), advance: () => go(1), go: open });

jump.onkeydown = (event) => {
  const id = event.key === "Enter" && jump.value.trim().match(/^\d+$/);
  if (!id) return;
  jump.value = "";
  jump.blur();
  open(Number(id[0]));
};

let refreshing = 0;

/** What is left and done, and the choices of the filters. */
async function refresh() {
  const mine = ++refreshing;
  const { counts, total } = await ask(`/api/queue?${filters.query}`);
  if (mine !== refreshing) return; // the filters were changed meanwhile
  const { left, done } = counts;
  meter.style.width = `${(100 * done) / Math.max(left + done, 1)}%`;
  const matching = filters.any ? ` · ${noun(total, "entry").replace("entrys", "entries")} by these filters` : "";
  state.textContent = `${count(left)} left · ${count(done)} done${matching}`;
  filters.offer("state", `left · ${count(left)}`, { done: `done · ${count(done)}`, all: "left and done" });
  filters.offer("reason", "any reason", counts.reasons);
  filters.offer("flag", "any flag", counts.flags);
  filters.offer("shard", "any shard", counts.shards);
  filters.offer("rating", "any rating", RATINGS);
}

/** Open a post; the address names the one that is shown. */
async function open(id) {
  await entry.open(id).catch(report);
  history.replaceState(null, "", `${location.pathname}${location.search}#${entry.id ?? id}`);
  scrollTo({ top: 0 });
}

let moving = Promise.resolve();

/** Do one move after the other, however fast the keys are pressed. */
const go = (step) => (moving = moving.then(() => move(entry.id ?? -1, step)).catch(report));
const first = () => (moving = moving.then(() => move(-1, 1)).catch(report));

/** Open the entry after or before an id; after the last one the first that is left. */
async function move(from, step) {
  const near = (post) => ask(`/api/queue/step?${filters.query}&post=${post}&step=${step}`);
  const item = (await near(from)) ?? (step > 0 && from >= 0 ? await near(-1) : null);
  if (item) await open(item.id);
  else if (step > 0) await nothing();
}

async function nothing() {
  const [about, { counts }] = await Promise.all([ask("/api/about"), ask(`/api/queue?${filters.query}`)]);
  entry.id = null;
  history.replaceState(null, "", location.pathname + location.search);
  const said = counts.left
    ? ["No entry matches", "Other filters show more.", make("button", { onclick: () => filters.clear() }, "Clear the filters")]
    : counts.done
      ? ["All done", `${noun(counts.done, "edit")} saved. The next run of snakemake takes them up.`, make("a", { href: "?state=done" }, "Look at what is done")]
      : ["Nothing to repair", "No caption is bad or marked. Posts can be marked for the queue under Browse.", ""];
  root.replaceChildren(make("div", { className: "empty" }, make("h1", {}, said[0]), make("p", {}, said[1]), make("p", {}, said[2]),
    about.missing.map((line) => make("p", { className: "small" }, shown(line)))));
}

listen({
  ...entryActions(entry), j: () => go(1), ArrowRight: () => go(1), k: () => go(-1), ArrowLeft: () => go(-1), g: () => jump.focus(),
  "/": () => filters.fields.text.focus(),
}, KEYS);

addEventListener("hashchange", () => {
  const named = location.hash.match(/^#(\d+)$/);
  if (named) open(Number(named[1]));
});
document.addEventListener("back", () => {
  refresh().catch(report);
  if (entry.id === null) first();
  else if (entry.dirty) entry.preview();
  else entry.open(entry.id).catch(report);
});

await refresh().catch(report);
const wanted = location.hash.match(/^#(\d+)$/);
if (wanted) await open(Number(wanted[1]));
else await first();
