// Text that is typed and not saved. It is kept in this tab: a reload, a crash of the server or its restart loses none of it.

const key = (post) => `draft ${post}`;

/** `{mode, texts, version}` of a post, or null: the texts by mode, and the edit on which the person began to type. */
export function draftOf(post) {
  const stored = sessionStorage.getItem(key(post));
  return stored && JSON.parse(stored);
}

export const keepDraft = (post, draft) => sessionStorage.setItem(key(post), JSON.stringify(draft));

export const dropDraft = (post) => sessionStorage.removeItem(key(post));

/** After a change of this tab that did not save the draft: the draft now stands on `version`. */
export function rebaseDraft(post, version) {
  const draft = draftOf(post);
  if (draft) keepDraft(post, { ...draft, version });
}

/** The name of this tab, under which the server remembers what can be undone. */
export function session() {
  let name = sessionStorage.getItem("session");
  if (!name) sessionStorage.setItem("session", (name = crypto.getRandomValues(new Uint32Array(4)).join("-")));
  return name;
}
