"""What a variant of a trial made of each drawn post: the caption with all that led to it, or why there is none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from booruflow.captioning.parse import ParserSettings, artists_of, parse_raw, read_raw
from booruflow.captioning.parsing.outcome import Bad
from booruflow.core.files import read_json

OUTCOMES = ("good", "bad", "skipped", "failed")


class AnswerFiles(NamedTuple):
    """The files of one variant."""

    raw: str
    skipped: str
    failed: str
    prompts: str


def answers_of(posts: str | Path, files: AnswerFiles, settings: ParserSettings) -> dict[int, dict[str, Any]]:
    """By id, with these members, of which those that do not apply are absent.

    - `outcome`: one of OUTCOMES; `reason`: why there is no caption
    - `system`, `prompt`: the two texts of the request
    - `caption`; `others`: further captions of the same answer by name; `repaired`, `fallback`: true where they are
    - `text`: the answer as it came; `finish_reason`, `seconds`, `prompt_tokens`, `completion_tokens`

    Args:
        posts: trial/posts.parquet.
        files: of the variant.
        settings: how its answers are parsed.

    Raises:
        UserError: a file cannot be read, or is damaged.
    """
    prompts = read_json(files.prompts)
    answers: dict[int, dict[str, Any]] = {}
    for raw, outcome in parse_raw(read_raw(files.raw), artists_of(posts), settings):
        result: dict[str, Any] = {"outcome": "bad", "reason": outcome.reason} if isinstance(outcome, Bad) else {"outcome": "good"}
        if not isinstance(outcome, Bad):
            result |= {"caption": outcome.caption} | ({"others": outcome.others} if outcome.others else {})
            result |= {"repaired": True} if outcome.repaired else {}
        answers[raw["id"]] = result | {name: value for name, value in raw.items() if name != "id"}
    for kind, path in (("skipped", files.skipped), ("failed", files.failed)):
        for id_, entry in read_json(path).items():
            reason = ": ".join(str(entry[name]) for name in ("reason", "detail") if name in entry)
            answers[int(id_)] = {"outcome": kind, "reason": reason}
    return {id_: {"system": prompts[str(id_)]["system"], "prompt": prompts[str(id_)]["user"], **answers[id_]} for id_ in answers}


def outcomes_of(answers: Mapping[int, Mapping[str, Any]]) -> dict[str, int]:
    """The number of posts with each of OUTCOMES."""
    return {outcome: sum(answer["outcome"] == outcome for answer in answers.values()) for outcome in OUTCOMES}


def summary_of(answers: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """`outcomes_of`, and the mean number of words of the captions as `words` (None for none)."""
    words = [len(answer["caption"].split()) for answer in answers.values() if "caption" in answer]
    return {**outcomes_of(answers), "words": sum(words) / len(words) if words else None}
