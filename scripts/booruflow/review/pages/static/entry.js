// One post: its image and tags, what the model said, and the field in which a person repairs it.

import { ask, dialog, make, marked, picture, plain, Refused, report, showImage, shown, tagList, toast, unitsAt } from "./common.js";
import { draftOf, dropDraft, keepDraft, rebaseDraft, session } from "./drafts.js";
import { factsOf, ORIGINS, ratingText, reasonText } from "./facts.js";

const SAVED = { text: "answer edited", caption: "caption typed", "tags only": "tags only", left: "left" };
const MODES = { text: "Answer", caption: "Caption" };
const PAUSE = 120; // milliseconds without a key before the parser is asked

const lines = (text) => text.replace(/\r\n?/g, "\n"); // as a text field holds it

export class Entry {
  /**
   * `changed(id)` is called after each save, undo or mark; `advance()` when a save is to go on; `go(id)` opens a post and puts it
   * into the address; `showTexts`: open at the start.
   */
  constructor(root, { changed, advance, go, showTexts = false }) {
    Object.assign(this, { root, changed, advance, go, showTexts, id: null, opening: 0 });
  }

  async open(id) {
    const opening = ++this.opening;
    let data;
    try {
      data = await ask(`/api/posts/${id}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.id = null;
      const { missing } = await ask("/api/about");
      this.root.replaceChildren(make("div", { className: "empty" }, make("h1", {}, "Nothing to show"), make("p", {}, error.message),
        missing.map((line) => make("p", { className: "small" }, shown(line)))));
      return;
    }
    if (opening !== this.opening) return; // another one was opened meanwhile
    this.id = id;
    this.take(data);
    this.build();
  }

  /** What is in the field at first: the draft of this tab, else the edit on disk, else what there is. */
  take({ post, edit, parsed }) {
    Object.assign(this, { post, edit, parsed, draft: draftOf(post.id) });
    this.texts = { text: lines(post.raw ?? ""), caption: post.caption };
    if (edit.action in MODES) this.texts[edit.action] = lines(edit.text);
    this.isBad = parsed?.caption === null;
    this.mode = edit.action in MODES ? edit.action : this.isBad ? "text" : "caption";
    this.saved = { ...this.texts };
    this.version = edit.version;
    if (this.draft) {
      this.mode = this.draft.mode;
      Object.assign(this.texts, this.draft.texts);
      this.version = this.draft.version;
    }
  }

  get dirty() {
    return this.id !== null && this.texts[this.mode] !== this.saved[this.mode];
  }

  build() {
    const { post, edit, parsed } = this;
    const tags = ["artist", "character", "copyright", "general", "meta"].flatMap((category) =>
      (post.tags[category] ?? []).map((name) => ({ name, category })),
    );
    this.state = make("span", { className: "row" });
    const badges = make(
      "div", { className: "row" },
      post.reason && make("span", { className: `badge ${post.origin === "edited" ? "" : "bad"}` }, reasonText(post.reason)),
      post.flags.map(([flag, detail]) => make("span", { className: "badge warn" }, plain(detail ? `${flag}: ${detail}` : flag))),
      post.rating && make("span", { className: "badge" }, ratingText(post.rating)),
      post.shard !== null && make("span", { className: "badge" }, `shard ${post.shard}`),
      post.origin !== "bad" && make("span", { className: "badge" }, ORIGINS[post.origin]),
      this.state,
      make("span", { className: "grow" }),
      make("button", { className: "small", title: "The repair queue has what is marked (m)", onclick: () => this.mark() },
        edit.marked ? "Take the mark back" : "Mark for repair"),
    );
    this.root.replaceChildren(make(
      "article", { className: "entry" }, make("div", { className: "sight" }, picture(post), tagList(tags)),
      make("div", { className: "work" }, make("div", { className: "stack" }, make("h1", {}, `Post ${post.id}`), badges),
        this.rawPart(post, parsed), this.editor(), this.actions(edit, parsed), factsOf(post, this.showTexts)),
    ));
    this.showState();
    this.preview();
  }

  rawPart(post, parsed) {
    if (post.raw === null) return null;
    const text = make("pre", { className: "text raw" }, marked(post.raw, parsed?.fault));
    requestAnimationFrame(() => {
      const fault = text.querySelector("mark");
      if (fault) text.scrollTop = fault.offsetTop - text.clientHeight / 2;
    });
    if (!this.isBad) return make("details", {}, make("summary", {}, "The model's answer"), text);
    return make("section", { className: "stack" }, make("h2", {}, `The model's answer: ${reasonText(parsed.reason)}`), text);
  }

  editor() {
    this.field = make("textarea", { ariaLabel: "Text", spellcheck: true, dir: "auto", oninput: () => this.typed() });
    this.buttons = Object.entries(MODES).map(([mode, name]) => make("button", { onclick: () => this.begin(mode) }, name));
    this.buttons[0].disabled = this.post.raw === null && this.edit.action !== "text";
    this.note = make("span", { className: "small quiet row" });
    this.outcome = make("p", { className: "text preview" });
    this.outcomeTitle = make("h2", {}, "The caption");
    this.field.value = this.texts[this.mode];
    return make(
      "section", { className: "stack editor" },
      make("div", { className: "row" }, make("span", { className: "modes" }, this.buttons), this.note),
      this.field, this.outcomeTitle, this.outcome,
    );
  }

  actions(edit, parsed) {
    const button = (label, key, action, properties = {}) => make("button", { onclick: action, ...properties }, label, make("kbd", {}, key));
    this.saveButton = button("Save", "Ctrl+Enter", () => this.save(true), { className: "primary" });
    const locked = edit.read_only;
    return make(
      "div", { className: "actions" }, this.saveButton,
      parsed?.sound && button("Sound part", "s", () => this.sound(),
        { disabled: locked, className: "take", title: "Save the part of the answer that is in order" }),
      button("Tags only", "t", () => this.put("tags only", "", true),
        { disabled: locked, title: "No caption: the post is trained on its tags alone" }),
      button("Leave", "l", () => this.put("left", "", true),
        { disabled: locked, title: "Take it out of the queue and change nothing" }),
      button("Undo", "u", () => this.undo(), { title: "Take back the last change that was made in this tab" }),
    );
  }

  showState() {
    const { edit } = this;
    this.state.replaceChildren();
    if (edit.action) this.state.append(make("span", { className: "badge good" }, SAVED[edit.action]));
    if (edit.marked) this.state.append(make("span", { className: "badge warn" }, "marked"));
    const note = edit.note && !edit.read_only ? [plain(edit.note)] : edit.read_only ? [`Edited by hand in ${plain(edit.file)}: change it there.`]
      : this.dirty ? ["Not saved yet.", make("button", { className: "plain small", onclick: () => this.discard() }, "Discard")]
      : edit.action in MODES ? ["Saved."] : [];
    this.note.replaceChildren(...note);
    this.field.readOnly = edit.read_only;
    for (const [index, mode] of Object.keys(MODES).entries()) this.buttons[index].ariaPressed = String(mode === this.mode);
  }

  typed() {
    this.texts[this.mode] = this.field.value;
    const texts = Object.fromEntries(Object.entries(this.texts).filter(([mode, text]) => text !== this.saved[mode]));
    if (Object.keys(texts).length) keepDraft(this.id, { mode: this.mode, texts, version: this.version });
    else dropDraft(this.id);
    this.showState();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), PAUSE);
  }

  /** The caption of the text as it stands, made by the parser of the workflow. */
  async preview() {
    const { id, mode } = this;
    const text = this.texts[mode];
    this.asking?.abort();
    this.asking = new AbortController();
    const unchanged = mode === "text" && this.post.raw !== null && text === lines(this.post.raw);
    let parsed;
    try {
      parsed = unchanged ? this.parsed : await ask(`/api/posts/${id}/parsed`, { action: mode, text }, this.asking.signal);
    } catch (error) {
      report(error);
      return;
    }
    if (id !== this.id) return;
    const { caption, reason, fault, sound } = parsed;
    const good = caption !== null;
    const asItIs = mode === "caption" && !this.dirty; // an existing caption is not parsed
    const asTyped = good && mode === "caption" && caption === text.trim();
    this.outcome.hidden = asTyped || asItIs;
    const isSound = !good && unchanged && Boolean(sound);
    this.outcome.classList.toggle("bad", !good && !isSound);
    this.outcome.classList.toggle("sound", isSound);
    const fails = text.trim() ? `No caption: ${reasonText(reason)}.` : "Nothing typed.";
    this.outcomeTitle.hidden = asItIs;
    this.outcomeTitle.textContent = asTyped ? "The caption is taken as it stands here."
      : good ? "The caption, as the parser makes it" : isSound ? `${fails} Its sound part:` : fails;
    this.outcome.replaceChildren(...(good ? shown(caption) : isSound ? shown(sound) : this.excerpt(text, fault)));
    this.saveButton.disabled = !good || this.edit.read_only || !this.dirty;
  }

  /** The text around the fault. */
  excerpt(text, fault) {
    if (!fault) return ["Correct the text, or choose Caption and type one."];
    const [start, end] = fault.map((place) => unitsAt(text, place));
    const [from, to] = [Math.max(start - 90, 0), Math.min(Math.max(end, start + 1) + 60, text.length)];
    const part = text.slice(from, to);
    const before = [...text.slice(from, start)].length;
    return [from > 0 && "… ", ...marked(part, [before, before + [...text.slice(start, end)].length]), to < text.length && " …"].filter(Boolean);
  }

  /** Begin to type, in one of the two modes; in the unchanged answer where it ends too early, or where its fault begins. */
  begin(mode) {
    this.mode = mode;
    this.field.value = this.texts[mode];
    this.showState();
    this.preview();
    this.field.focus();
    if (mode !== "text" || !this.parsed?.fault || this.field.value !== lines(this.post.raw)) return;
    const [start, end] = this.parsed.fault.map((place) => unitsAt(this.field.value, place));
    const cursor = this.parsed.reason === "truncated" ? end : start;
    this.field.setSelectionRange(cursor, cursor);
  }

  zoom() {
    showImage(this.id);
  }

  discard() {
    dropDraft(this.id);
    this.open(this.id).catch(report);
  }

  save(goOn) {
    if (!this.dirty) return toast("Nothing is changed yet.");
    return this.put(this.mode, this.field.value, goOn);
  }

  sound() {
    if (this.parsed?.sound) return this.put("caption", this.parsed.sound, true);
    return toast("Nothing of this answer can be used.");
  }

  /** Save an edit on top of the version that this tab knows; what another saved meanwhile is never overwritten unseen. */
  async put(action, text, goOn, version = this.version) {
    const { id, texts } = this;
    if (this.edit.read_only) return toast(`Edited by hand in ${plain(this.edit.file)}: change it there.`);
    let edit;
    try {
      edit = await ask(`/api/posts/${id}/edit`, { action, text, version, session: session() });
    } catch (error) {
      if (!(error instanceof Refused && error.status === 409)) return report(error);
      if (id !== this.id) await this.go(id);
      this.choose(error.detail.now, action, text, goOn);
      return;
    }
    if (texts[action] === text) dropDraft(id);
    else rebaseDraft(id, edit.version); // what was typed and not chosen stays
    toast(`Post ${id}: ${SAVED[action]}.`, "Undo", () => this.undo());
    this.changed(id);
    if (goOn) this.advance();
    else await this.open(id).catch(report);
  }

  /** Both texts, theirs and mine, and the choice. */
  choose(now, action, text, goOn) {
    const side = (title, which, words, label, choice) => make(
      "div", { className: "stack" }, make("h2", {}, `${title}: ${SAVED[which] ?? "taken back"}`),
      words && make("pre", { className: "text" }, shown(words)), make("div", {}, make("button", { onclick: () => (box.close(), choice()) }, label)),
    );
    const box = dialog(
      "conflict", make("div", { className: "stack" },
        make("h1", {}, `Post ${this.id} was saved elsewhere meanwhile`),
        make("p", { className: "quiet" }, "Another tab or person saved it after you had opened it. Nothing was overwritten."),
        make("div", { className: "sides" },
          side("Saved", now.action, now.text, "Keep what is saved", () => this.discard()),
          side("Yours", action, text, "Save yours instead", () => this.put(action, text, goOn, now.version))),
        make("div", {}, make("button", { className: "plain", onclick: () => box.close() }, "Decide later"))),
    );
  }

  async undo() {
    try {
      const undone = await ask("/api/undo", { session: session() });
      if (!undone) return toast("Nothing to undo.");
      rebaseDraft(undone.post, undone.edit.version);
      toast(`Post ${undone.post}: taken back.`);
      this.changed(undone.post);
      await this.go(undone.post);
    } catch (error) {
      report(error);
    }
  }

  async mark() {
    try {
      const edit = await ask(`/api/posts/${this.id}/mark`, { marked: !this.edit.marked, version: this.edit.version, session: session() });
      if (this.version === this.edit.version) rebaseDraft(this.id, edit.version);
      this.changed(this.id);
      await this.open(this.id);
    } catch (error) {
      report(error);
      if (error instanceof Refused && error.status === 409 && !this.dirty) await this.open(this.id);
    }
  }
}

/** The keys that work on an entry. */
export const ENTRY_KEYS = [
  ["e", "edit the answer, at its fault"], ["c", "type a caption"], ["s", "take the sound part of the answer"], ["t", "tags only: no caption"],
  ["l", "leave it as it is"], ["u", "undo the last change of this tab"], ["m", "mark for the queue"], ["z", "zoom"],
  ["Ctrl+Enter", "save and go on, also while typing"], ["Ctrl+S", "save"], ["Esc", "stop typing"], ["?", "these keys"],
];

export const entryActions = (entry) => {
  const open = (action) => () => entry.id !== null && action();
  return Object.fromEntries(Object.entries({
    e: () => entry.buttons[0].disabled || entry.begin("text"), c: () => entry.begin("caption"), s: () => entry.sound(),
    t: () => entry.put("tags only", "", true), l: () => entry.put("left", "", true), m: () => entry.mark(), z: () => entry.zoom(),
    "Ctrl+Enter": () => entry.save(true), "Ctrl+s": () => entry.save(false),
  }).map(([key, action]) => [key, open(action)]).concat([["u", () => entry.undo()]]));
};
