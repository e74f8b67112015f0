// Captioning as it goes, read again every two seconds.

import { ask, count, find, frame, make, plain, report, shown } from "./common.js";

const PAUSE = 2000; // milliseconds

frame("Progress", [["?", "these keys"]]);
const figures = make("div", { className: "figures" });
const note = make("p", { className: "quiet", hidden: true });
const rows = make("tbody");
const head = make("thead");
const table = make("div", { className: "table shards" }, make("table", {}, head, rows));
const gpus = make("div", { className: "figures" });
const log = make("pre", { className: "text log" });
const logPart = make("section", { className: "stack" }, make("h2", {}, "Newest log"), log);
find("main").append(figures, gpus, note, table, logPart);

const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(part === whole ? 0 : 1)}%` : "–");

/** `3 h 20 min`, `4 min`, `12 s`. */
function duration(seconds) {
  if (seconds === null) return "–";
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${Math.round(seconds)} s`;
}

const figure = (title, value, more = "") =>
  make("div", { className: "figure" }, make("h2", {}, title), make("b", {}, value), make("span", { className: "small quiet" }, more));

function bar(part, whole) {
  const inner = make("i");
  inner.style.width = `${whole ? (100 * part) / whole : 0}%`;
  return make("div", { className: "meter" }, inner);
}

const gibi = (bytes) => (bytes / 2 ** 30).toFixed(1);

/** A row of the table from the content and the class of each column; the first one is that of the style. */
const tableRow = (tag, columns, styles) => make("tr", {}, columns.slice(styles > 1 ? 0 : 1)
  .map(([content, className]) => make(tag, { className }, content)));

const HEAD = [["style", "left"], ["shard", ""], ["posts", "wide"], ["captions", ""], ["without", "wide"], ["share", ""], ["", "wide"], ["state", "left"]];

const columns = (shard) => {
  const finished = shard.captions + shard.without;
  return [[plain(shard.style), "left"], [String(shard.number), ""], [count(shard.posts), "wide"], [count(shard.captions), ""],
    [count(shard.without), "wide"], [percent(finished, shard.posts), ""], [bar(finished, shard.posts), "wide"], [shard.state, "left"]];
};

function show(now) {
  const finished = now.captions + now.without, styles = new Set(now.shards.map((shard) => shard.style)).size;
  const kinds = [styles > 1 && `in ${styles} styles`, now.without > 0 && `${count(now.without)} skipped or failed`].filter(Boolean);
  const pace = now.seconds_left !== null ? "at this speed" : now.running && finished < now.total ? "not known yet" : "no caption job is at work";
  figures.replaceChildren(
    figure("Captions", count(now.captions), [`of ${count(now.total)}, ${percent(finished, now.total)}`, ...kinds].join(" · ")),
    figure("Speed", now.per_second === null ? "–" : now.per_second.toFixed(now.per_second < 10 ? 2 : 0), "images per second"),
    figure("Time left", duration(now.seconds_left), pace),
    now.parsed
      ? figure("Bad answers", percent(now.bad, now.parsed), `${count(now.bad)} of ${count(now.parsed)} parsed`)
      : figure("Cut or looping", percent(now.cut, now.answers), `${count(now.cut)} of ${count(now.answers)} answers`),
  );
  gpus.hidden = !now.gpus.length;
  gpus.replaceChildren(...now.gpus.map((gpu, number) => figure(
    `${number}: ${plain(gpu.name)}`, gpu.temperature === null ? "–" : `${gpu.temperature} °C`,
    [gpu.memory_used !== null && `${gibi(gpu.memory_used)} of ${gibi(gpu.memory_total)} GiB`, gpu.utilisation !== null && `${gpu.utilisation}% busy`]
      .filter(Boolean).join(" · "),
  )));
  note.hidden = !now.note;
  note.replaceChildren(...shown(now.note));
  table.hidden = !now.shards.length;
  head.replaceChildren(tableRow("th", HEAD, styles));
  rows.replaceChildren(...now.shards.map((shard) => tableRow("td", columns(shard), styles)));
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
  logPart.hidden = !now.engine_log.length;
  log.replaceChildren(...shown(now.engine_log.join("\n")));
  if (atEnd) log.scrollTop = log.scrollHeight;
}

async function tick() {
  if (!document.hidden) await ask("/api/progress").then(show, report);
  setTimeout(tick, PAUSE);
}

tick();
