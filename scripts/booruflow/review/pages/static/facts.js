// What is known of a post, in words.

import { make, plain, shown } from "./common.js";

const REASONS = {
  not_json: "not valid JSON", truncated: "cut off", repetition: "repeats itself", refusal: "a refusal", empty: "empty",
  wrong_type: "no description",
};
const RATINGS = { g: "general", s: "sensitive", q: "questionable", e: "explicit" };

export const ORIGINS = {
  base: "existing", generated: "generated", fallback: "from tags (fallback)", edited: "edited", "tags only": "tags only",
  bad: "bad answer", skipped: "skipped", failed: "failed", nothing: "no caption",
};

export const reasonText = (reason) => REASONS[reason] ?? plain(reason);
export const ratingText = (rating) => RATINGS[rating] ?? rating;

/** All that is known of a post, in parts that can be unfolded; the texts of the trainer unfolded if `showTexts`. */
export function factsOf(post, showTexts) {
  const list = (entries) => make("dl", { className: "facts" }, entries.map(([name, value]) =>
    [make("dt", {}, plain(name)), make("dd", {}, shown(String(value)))]));
  const part = (title, content, open = false) => make("details", { open }, make("summary", {}, title), content);
  const { record } = post;
  return make(
    "section", { className: "stack" },
    part("What the trainer sees", make("div", { className: "stack" }, post.texts.length ? post.texts.map((text) =>
      make("div", { className: "stack" }, make("h2", {}, `${plain(text.name)} · ${plain(text.file)}`), make("p", { className: "text" }, shown(text.text)))) :
      make("p", { className: "quiet" }, "Nothing yet.")), showTexts),
    part("Where the caption is from", list([["now", ORIGINS[post.origin]], ...(post.origin_file ? [["file", post.origin_file]] : []),
      ...(post.detail ? [["why", post.detail]] : []), ...Object.entries(post.sources).map(([origin, text]) => [ORIGINS[origin] ?? origin, text])])),
    record && part("How it was generated", list([
      ["model", record.model], ["backend", record.backend], ["ended by", record.finish_reason],
      ...(record.seconds === null ? [] : [["time", `${record.seconds.toFixed(2)} s`]]),
      ...(record.completion_tokens === null ? [] : [["tokens", `${record.prompt_tokens ?? "?"} in, ${record.completion_tokens} out`]]),
      ["settings", Object.entries(record.settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join("\n")],
      ...(record.prompt ? [["prompt", record.prompt]] : []),
    ])),
    part("The post", list([["image", post.image || "none"], ...(post.width ? [["size", `${post.width} × ${post.height} pixels`]] : []),
      ...(post.score === null ? [] : [["score", post.score]]), ...Object.entries(post.details)])),
  );
}
