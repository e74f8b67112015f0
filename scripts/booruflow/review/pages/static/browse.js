// All posts, a page at a time, and any of them in full.

import { ask, count, find, frame, listen, make, noun, report, shown } from "./common.js";
import { Entry, ENTRY_KEYS, entryActions } from "./entry.js";
import { ORIGINS, ratingText, reasonText } from "./facts.js";
import { Filters, RATINGS } from "./filters.js";

const KEYS = [
  ["j →", "next post, or next page"], ["k ←", "previous post, or previous page"], ["b", "back to the list"], ["g", "go to a post by its id"],
  ["/", "search in captions"], ...ENTRY_KEYS,
];
const PAGE = 48;

frame("Browse", KEYS);
const filters = new Filters({
  text: ["Search in captions", "Search in captions"], tags: ["Tags", "Tags"], rating: ["Rating", "choice"], origin: ["Origin", "choice"],
  reason: ["Reason", "choice"], flag: ["Flag", "choice"], shard: ["Shard", "choice"],
}, () => start());
const jump = make("input", { type: "search", inputMode: "numeric", placeholder: "Go to id", ariaLabel: "Go to id", className: "jump" });
const state = make("span", { className: "small quiet numbers grow", role: "status" });
const previous = make("button", { onclick: () => step(-1), title: "Previous (k)" }, "‹", make("span", { className: "word" }, " Previous"));
const next = make("button", { onclick: () => step(1), title: "Next (j)" }, make("span", { className: "word" }, "Next "), "›");
const grid = make("div", { className: "grid" });
const root = make("div", { className: "place" });
const list = make("div", { className: "stack list" }, grid);
const toList = make("button", { onclick: () => back(), title: "Back to the list (b)" }, "‹ All posts");
find("main").append(filters.element, make("div", { className: "row" }, toList, state, jump, previous, next), list, root);

const entry = new Entry(root, { changed: () => (stale = true), advance: () => step(1), go, showTexts: true });
let stale = false; // whether the list shows a caption that was edited since
let search; // counts the searches: an answer to an earlier one is dropped
let first = 0; // place of the first post shown, without filters
let total = 0;
let flagged = {}; // the number of captions with each flag
let starts = [-1]; // with filters: after which ids the pages shown so far start
let position = ["", true, true]; // of the page in the list: in words, whether it is the first, whether it is the last
let after = null; // with filters: after which id the next page starts, null at the end

filters.offer("rating", "any rating", RATINGS);
filters.offer("origin", "any origin", ORIGINS);

/** Where the list is; with a post open, the buttons lead to the posts beside it. */
function setPosition(...now) {
  position = now;
  const [text, atStart, atEnd] = entry.id === null ? now : ["", false, false];
  state.textContent = text;
  [previous.disabled, next.disabled] = [atStart, atEnd];
}

/** The first page of what the filters let through. */
function start() {
  [first, starts] = [0, [-1]];
  return show();
}

async function show() {
  search = {};
  stale = false;
  try {
    await (filters.any ? showFound(search) : showPlace());
  } catch (error) {
    report(error);
  }
}

async function showPlace() {
  const answer = await ask(`/api/posts?first=${first}&count=${PAGE}`);
  total = answer.total;
  fill(answer.posts);
  const last = first + answer.posts.length;
  setPosition(total ? `${count(first + 1)}–${count(last)} of ${noun(total, "post")}` : "", first === 0, last >= total);
  if (!total) await nothing();
}

/** Search until the page is full; the first finds are shown at once. */
async function showFound(mine) {
  const posts = [];
  grid.replaceChildren();
  after = starts.at(-1);
  setPosition("Searching…", true, true);
  while (after !== null && posts.length < PAGE) {
    const query = new URLSearchParams([...filters.query, ["after", after], ["count", PAGE - posts.length]]);
    const found = await ask(`/api/search?${query}`);
    if (mine !== search) return;
    posts.push(...found.posts);
    after = found.after;
    fill(posts);
    setPosition(foundText(posts.length, found.share), starts.length === 1, after === null);
  }
  if (!posts.length) grid.replaceChildren(make("p", { className: "quiet" }, "No post matches."));
}

/** `49–96 of 1,203`, as far as the number found is known: after the last page, or of a flag alone. */
function foundText(shownPosts, share) {
  const last = (starts.length - 1) * PAGE + shownPosts;
  const place = shownPosts ? `${count(last - shownPosts + 1)}–${count(last)}` : "";
  if (after === null) return place && `${place} of ${count(last)} found`;
  const all = filters.query.size === 1 && flagged[filters.query.get("flag")];
  return [all ? `${place} of ${count(all)} found` : place && `${place}, more may follow`, `${Math.round(share * 100)}% searched`]
    .filter(Boolean).join(" · ");
}

async function nothing() {
  const { missing } = await ask("/api/about");
  grid.replaceChildren(make("div", { className: "stack" }, missing.map((line) => make("p", { className: "quiet" }, shown(line)))));
}

function fill(posts) {
  grid.replaceChildren(...posts.map(card));
}

function card(post) {
  const image = make("img", { alt: "", loading: "lazy", src: `/image/${post.id}?size=thumb` });
  const thumb = make("div", { className: "thumb" }, image);
  image.onerror = () => thumb.replaceChildren("no image");
  const bad = ["bad", "failed", "skipped"].includes(post.origin);
  return make(
    "a", { className: "post", href: `#${post.id}` }, thumb,
    make("div", { className: "about" },
      make("div", { className: "row small" }, make("b", { className: "numbers" }, String(post.id)),
        post.rating && make("span", { className: "quiet" }, ratingText(post.rating)),
        make("span", { className: `badge ${bad ? "bad" : ""}` }, post.reason ? reasonText(post.reason) : ORIGINS[post.origin]),
        post.pending && make("span", { className: "badge warn", title: "The next run takes it up" }, "edit waits")),
      make("p", {}, post.caption ? shown(post.caption) : make("span", { className: "quiet" }, "No caption"))),
  );
}

function turn(by) {
  if (by > 0 ? next.disabled : previous.disabled) return;
  if (!filters.any) first = Math.max(first + by * PAGE, 0);
  else if (by > 0) starts.push(after);
  else starts.pop();
  scrollTo({ top: 0 });
  show();
}

/** The post or the page before or after. */
async function step(by) {
  if (root.hidden) return turn(by);
  const shownIds = [...grid.querySelectorAll(".post")].map((link) => Number(link.hash.slice(1)));
  const place = shownIds.indexOf(entry.id);
  const near = place >= 0 ? shownIds[place + by] : undefined;
  try {
    const id = near ?? (filters.any ? null : await ask(`/api/posts/${entry.id}/step?step=${by}`));
    if (id !== null && id !== undefined) {
      history.replaceState(null, "", `#${id}`);
      await route();
    }
  } catch (error) {
    report(error);
  }
}

/** Open a post; the address names it. */
function go(id) {
  if (location.hash !== `#${id}`) history.pushState(null, "", `#${id}`);
  return route();
}

/** Show what the address names: a post or the list. */
async function route() {
  const wanted = location.hash.match(/^#(\d+)$/);
  list.hidden = filters.element.hidden = Boolean(wanted);
  root.hidden = toList.hidden = !wanted;
  if (wanted) {
    await entry.open(Number(wanted[1])).catch(report);
    setPosition(...position);
    scrollTo({ top: 0 });
  } else {
    entry.id = null;
    root.replaceChildren();
    setPosition(...position);
    if (stale || !grid.childElementCount) await show();
  }
}

function back() {
  if (location.hash) location.hash = "";
}

jump.onkeydown = (event) => {
  const id = event.key === "Enter" && jump.value.trim().match(/^\d+$/);
  if (!id) return;
  jump.value = "";
  jump.blur();
  go(Number(id[0]));
};
listen({
  ...entryActions(entry), j: () => step(1), ArrowRight: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1), b: back,
  g: () => jump.focus(), "/": () => (back(), setTimeout(() => filters.fields.text.focus())),
}, KEYS);
addEventListener("hashchange", route);
document.addEventListener("back", () => {
  if (entry.id === null) show();
  else if (!entry.dirty) entry.open(entry.id).catch(report);
});

await ask("/api/choices").then(({ flags, reasons, shards }) => {
  filters.offer("reason", "any reason", Object.fromEntries(reasons.map((reason) => [reason, reasonText(reason)])));
  filters.offer("flag", "any flag", flags);
  filters.offer("shard", "any shard", Object.fromEntries([...Array(shards).keys()].map((shard) => [shard, `shard ${shard}`])));
  flagged = flags;
}, report);
route();
