"""Removal of what a model thought before its answer: `<think> ... </think>`, also where one of the two tags is missing."""

import re

_TAG = re.compile(r"<\s{0,3}(/?)\s{0,3}(?:think|thinking|thoughts?|reasoning)\b[^<>]{0,80}>", re.IGNORECASE)


def without_thinking(text: str) -> str:
    """The answer alone. A lone closing tag ends a thought from the start of the text on; a lone opening tag begins one.

    Chat templates put the opening tag into the prompt, so that only the closing one arrives; at the token limit only the
    opening one does.
    """
    if "<" not in text:
        return text
    kept: list[str] = []
    position, is_thought = 0, False
    for tag in _TAG.finditer(text):
        if tag[1]:
            if not is_thought:
                kept.clear()
            position, is_thought = tag.end(), False
        elif not is_thought:
            kept.append(text[position : tag.start()])
            is_thought = True
    return "".join(kept) if is_thought else "".join([*kept, text[position:]])
