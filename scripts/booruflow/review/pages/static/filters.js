// The filters of a page, kept in its address, so that a reload or a link shows the same.

import { count, make, plain } from "./common.js";
import { ratingText, reasonText } from "./facts.js";

export const RATINGS = { g: ratingText("g"), s: ratingText("s"), q: ratingText("q"), e: ratingText("e") };

export class Filters {
  /** `fields`: name -> [label, kind], the kind is 'choice' or the hint of a text field. `changed()` is called after each change. */
  constructor(fields, changed) {
    this.fields = {};
    this.changed = changed;
    this.element = make("div", { className: "filters", role: "search" });
    const more = make("button", { className: "more", onclick: () => this.element.classList.toggle("open") }, "Filters");
    this.element.append(more);
    const given = new URLSearchParams(location.search);
    for (const [name, [label, kind]] of Object.entries(fields)) {
      const choice = kind === "choice";
      const field = make(choice ? "select" : "input", { name, ariaLabel: label, title: label, ...(choice ? {} : { placeholder: kind, type: "search" }) });
      field.onchange = () => this.apply();
      field.addEventListener("keydown", (event) => {
        if (choice || event.key !== "Enter") return;
        field.blur();
        this.apply();
      });
      field.value = given.get(name) ?? "";
      field.dataset.wanted = given.get(name) ?? "";
      this.fields[name] = field;
      this.element.append(field);
    }
    this.applied = this.query.toString();
  }

  /** Offer `values`, value -> label or number; the one that was chosen stays also where it is not among them. */
  offer(name, any, values) {
    const field = this.fields[name];
    const chosen = field.dataset.wanted || field.value;
    const label = (value) => (["reason"].includes(name) ? reasonText(value) : name === "shard" ? `shard ${value}` : plain(value));
    const options = Object.entries(values).map(([value, shown]) =>
      [value, typeof shown === "number" ? `${label(value)} · ${count(shown)}` : shown]);
    if (chosen && !options.some(([value]) => value === chosen)) options.push([chosen, label(chosen)]);
    field.replaceChildren(...[["", any], ...options].map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
    field.dataset.wanted = "";
    field.hidden = options.length === 0;
  }

  /** The filters that are set, for an address. */
  get query() {
    const set = Object.entries(this.fields).map(([name, field]) => [name, (field.dataset.wanted || field.value).trim()]);
    return new URLSearchParams(set.filter(([, value]) => value));
  }

  get any() {
    return this.query.size > 0;
  }

  clear() {
    for (const field of Object.values(this.fields)) field.value = field.dataset.wanted = "";
    this.apply();
  }

  apply() {
    const query = this.query.toString();
    if (query === this.applied) return;
    this.applied = query;
    history.replaceState(null, "", location.pathname + (query && `?${query}`) + location.hash);
    this.changed();
  }
}
