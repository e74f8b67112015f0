"""What people decide about captions, saved as they typed it.

Captions go to edited/review.json, an input of the workflow in the form of all edited files; that a post is left as it is, or
marked for the queue, changes no caption and goes to review/marks.json. Each save first appends to review/history.jsonl what
stood there before, which undo takes back.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from booruflow.captioning.fixed import TAGS_ONLY, is_edited, read_edited
from booruflow.core.errors import UserError
from booruflow.core.idjson import MORE_THAN_ANY_ID
from booruflow.review.saving.history import Change, History
from booruflow.review.saving.store import Store, json_text, locked, signature_of
from booruflow.sources.inputs import list_edited

FILE, MARKS = "edited/review.json", "review/marks.json"
LEFT, MARKED = "left", "marked"
ACTIONS = ("", "caption", "text", "tags only", LEFT)


@dataclass(frozen=True)
class Edit:
    """What stands for a post now."""

    action: str = ""
    """One of ACTIONS; "" for nothing."""
    text: str = ""
    """The caption or text as typed."""
    marked: bool = False
    """Whether a person marked it for the queue."""
    version: str = ""
    """Changes with each change of the rest."""
    file: str = FILE
    read_only: bool = False
    """Whether the edit stands in a file that a person wrote by hand."""
    note: str = ""
    """A conflict with files edited by hand, or a fault in them."""


class Conflict(Exception):  # noqa: N818 (a finding, not a failure)
    """Somebody else saved an entry meanwhile; nothing was written. `now` is what stands there."""

    def __init__(self, post: int, now: Edit) -> None:
        super().__init__(
            f"post {post} was changed in another tab or by somebody else, now: {now.action or 'no edit'} {now.text[:200]!r}"
        )
        self.now = now


@dataclass(frozen=True)
class Undone:
    """What undo changed: the post, what stands there now, and the action that was taken back."""

    post: int
    edit: Edit
    was: str


class Edits:
    """The edits of a data set."""

    def __init__(
        self,
        folder: Path,
        bad_texts: Callable[[Collection[int]], Mapping[int, str]] = lambda ids: {},
        fault_of: Callable[[int, str, str], str] = lambda post, action, text: "",
    ) -> None:
        """Nothing is read yet.

        Args:
            folder: that of the data set.
            bad_texts: the present bad outputs of those of some ids that have one.
            fault_of: why the workflow would refuse an edit of a post, by action and text; "" if it takes it.
        """
        self.folder = folder.resolve()
        self._own, self._marks = Store(self.folder / FILE), Store(self.folder / MARKS)
        self._history = History(self.folder / "review/history.jsonl")
        self._lock = self.folder / "review/lock"
        self._bad_texts, self._fault_of = bad_texts, fault_of
        self._known: dict[Path, tuple[object, dict[int, str]]] = {}
        self._by_hand: dict[Path, tuple[object, dict[int, Any] | str]] = {}

    def get(self, post: int) -> Edit:
        """What stands for a post.

        Raises:
            UserError: one of the page's own files is damaged.
        """
        own, mark = self._own.values().get(post), self._marks.values().get(post)
        decided = orjson.loads(mark) if mark else {}
        version = hashlib.sha256(f"{own}\n{mark}".encode()).hexdigest()[:16] if own or mark else ""
        edit = Edit(*_action_of(own, decided), MARKED in decided, version)
        files, note = self._files_by_hand()
        for name, entries in files.items():
            if post in entries and is_edited(entries[post], self._bad_texts([post]).get(post)):
                if own is None:
                    return Edit(*_action_of(json_text(entries[post]), {}), edit.marked, version, name, True, note)
                note = f"{name} has an edit of post {post} too; if they differ, the workflow stops: remove it there"
        return Edit(edit.action, edit.text, edit.marked, version, note=note)

    def actions(self) -> dict[int, str]:
        """The action of each post that has one, also of those edited by hand."""
        marks = self._decoded(self._marks, lambda text: _action_of(None, orjson.loads(text))[0])
        own = self._decoded(self._own, lambda text: _action_of(text, {})[0])
        by_hand: dict[int, str] = {}
        for entries in self._files_by_hand()[0].values():
            bad = self._bad_texts(entries)
            edited = {post: entry for post, entry in entries.items() if is_edited(entry, bad.get(post))}
            by_hand |= {post: _action_of(json_text(entry), {})[0] for post, entry in edited.items()}
        return {post: action for post, action in (marks | by_hand | own).items() if action}

    def _decoded(self, store: Store, action_of: Callable[[str], str]) -> dict[int, str]:
        """The actions in a file, decoded again when it has changed."""
        values = store.values()
        if (known := self._known.get(store.path)) is None or known[0] is not values:
            known = self._known[store.path] = (values, {post: action_of(text) for post, text in values.items()})
        return known[1]

    def marked(self) -> list[int]:
        """The posts that people marked for the queue, ascending."""
        return sorted(post for post, text in self._marks.values().items() if MARKED in orjson.loads(text))

    def save(self, post: int, action: str, text: str = "", *, version: str, session: str) -> Edit:
        """Save an edit; when this returns it is on the disk.

        Args:
            post: the id.
            action: one of ACTIONS; "" takes an edit back.
            text: the caption or the text, as typed.
            version: that of the edit on which this one is based.
            session: who saves, for undo.

        Raises:
            Conflict: the entry is not of that version any more.
            UserError: the workflow would refuse the edit; the post is edited by hand in another file; or the disk is full.
        """
        if action not in ACTIONS:
            raise UserError(f"{action}: not an action")
        text = text.encode("utf-8", "replace").decode()  # half of a surrogate pair cannot be stored
        if action in ("caption", "text") and not text.strip():
            raise UserError("nothing is typed: type a caption, or choose tags only")
        if action == "text" and text == self._bad_texts([post]).get(post):
            raise UserError("the text is as the model wrote it: change it, or leave it")
        if action in ("caption", "text") and (fault := self._fault_of(post, action, text)):
            raise UserError(f"the {action} cannot be used yet ({fault}), and would stop the workflow: correct it")
        entry = {"caption": {"caption": text}, "text": {"text": text}, "tags only": {TAGS_ONLY: True}}.get(action)

        def decided(mark: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in mark.items() if name != LEFT} | ({LEFT: True} if action == LEFT else {})

        return self._change(
            post, version, session, action, lambda own, mark: (json_text(entry) if entry else None, decided(mark))
        )

    def mark(self, post: int, marked: bool, *, version: str, session: str) -> Edit:
        """Mark a post for the queue, or take the mark back; else as `save`."""

        def decided(mark: dict[str, Any]) -> dict[str, Any]:
            # a mark asks for another look, also at what was left
            return {MARKED: True} if marked else {name: value for name, value in mark.items() if name != MARKED}

        return self._change(post, version, session, MARKED, lambda own, mark: (own, decided(mark)))

    def undo(self, session: str) -> Undone | None:
        """Take back the last change of a session that is not taken back yet; None if there is none.

        Raises:
            Conflict: somebody has changed the entry since; that change of the session counts as taken back then.
            UserError: as `save`.
        """
        with locked(self._lock):
            while change := self._history.last(session):
                now = self._state(change.post)
                self._history.add_undo(session)
                if now == change.after:
                    self._write(change.post, now, change.before)
                    return Undone(change.post, self.get(change.post), change.action)
                if now != change.before:  # where it is, the process was killed before it could write
                    raise Conflict(change.post, self.get(change.post))
        return None

    def last(self, session: str) -> int | None:
        """The post that `undo` would change."""
        change = self._history.last(session)
        return change.post if change else None

    def _change(
        self,
        post: int,
        version: str,
        session: str,
        action: str,
        changed: Callable[[str | None, dict[str, Any]], tuple[str | None, dict[str, Any]]],
    ) -> Edit:
        if not 0 <= post < MORE_THAN_ANY_ID:
            raise UserError(f"{post}: not the id of a post")
        with locked(self._lock):
            now = self.get(post)
            if now.version != version:
                raise Conflict(post, now)
            if now.read_only and action != MARKED:
                raise UserError(f"{now.file}: post {post} is edited there by hand: change it there, or remove it from that file")
            before = self._state(post)
            own, mark = changed(before[0], orjson.loads(before[1]) if before[1] else {})
            after = (own, json_text(mark) if mark else None)
            if after != before:
                self._history.add(Change(session, post, action, before, after))
                self._write(post, before, after)
            return self.get(post)

    def _state(self, post: int) -> tuple[str | None, str | None]:
        return self._own.values().get(post), self._marks.values().get(post)

    def _write(self, post: int, before: tuple[str | None, str | None], after: tuple[str | None, str | None]) -> None:
        """Write what differs. An edit counts more than a mark, so it is written first and removed last."""
        stores = [(self._own, before[0], after[0]), (self._marks, before[1], after[1])]
        for store, old, new in stores if after[0] is not None else reversed(stores):
            if old != new:
                store.put(post, new)

    def _files_by_hand(self) -> tuple[Mapping[str, dict[int, Any]], str]:
        """The entries of the other files in edited/ by name, and what is wrong with these files."""
        try:
            paths = [Path(path) for path in list_edited(self.folder / "edited")[0]]
        except UserError as error:
            return {}, str(error)
        found, notes = {}, []
        for path in paths:
            if path == self._own.path:
                continue
            signature = signature_of(path)
            if self._by_hand.get(path, (None, {}))[0] != signature:
                try:
                    entries = {post: entry for post, entry in read_edited(path).items() if is_edited(entry)}
                    self._by_hand[path] = (signature, entries)
                except UserError as error:
                    self._by_hand[path] = (signature, str(error))
            content = self._by_hand[path][1]
            if isinstance(content, str):
                notes.append(content)
            else:
                found[str(path.relative_to(self.folder))] = content
        return found, "; ".join(notes)


def _action_of(own: str | None, mark: Mapping[str, Any]) -> tuple[str, str]:
    """The action and the text of an entry, or that a post was left."""
    entry = orjson.loads(own) if own else None
    if entry is None:
        return (LEFT if LEFT in mark else ""), ""
    if isinstance(entry, dict):
        if entry.get(TAGS_ONLY) is True:
            return "tags only", ""
        for name in ("caption", "text"):
            if isinstance(entry.get(name), str):
                return name, entry[name]
    return "text", own or ""  # of a hand; the workflow says what is wrong with it
