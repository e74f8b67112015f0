"""Damage valid outputs as a model or a token limit would, and parse each of them.

    python tests/helpers/fuzz_parser.py 100000

Checks that parsing never raises, never puts JSON or the name of a key into a caption and never takes long; prints the counts of
outcomes.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from booruflow.captioning.parsing.outcome import Good
from booruflow.captioning.parsing.parser import Options, parse

DATA = Path(__file__).parents[1] / "data"
LEAKED = re.compile(
    r"[{}\[\]\n\t]|speech_bubble|character_\d|text_\d|image_effects|main_content|artist_info|camera_angle|hair_color|panel_number"
    r"|(?<![\w@/])_\w*[^\W\d_]{2}|(?<![\w@/])\w*[^\W\d_]{2}\w*_(?!\w)"
    r"""|["']\s*:\s*["'\d(]|["'] ?, ["']?\w+["']\s*:"""
    r"""|["'](?:background|texts|atmosphere|general|caption|content|dialogue|speaker|panels|result|location)["']"""
)
CHARACTERS = "{}[]\":,'\\\n\t #*-_`0Aé日\ud800\x00\u2028"


def seeds() -> list[str]:
    """Return outputs to start from: a real one, and real unusual values within an answer."""
    lines = (DATA / "toriigate_odd_values.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [
        {
            "character_1": "A girl with long hair stands in a field. She wears a white dress.",
            "background": "The background is a field of flowers.",
            "texts": json.loads(line)["value"],
            "atmosphere": "The atmosphere is calm.",
        }
        for line in lines
    ]
    prose = [
        "A tall girl with red hair stands on a hill.",
        "She holds a green umbrella and smiles.",
        "Rain falls on the meadow behind her.",
    ]
    nested = json.dumps({"general": prose[0], "image_effects": "blur", "artist_info": prose[1]})
    others = [
        {"caption": f"Sure! Here is the caption:\n\n{nested}"},
        {"general": prose[0], "image_effects": prose[2], "main_content": prose[1], "camera_angle": "low"},
        {"character_1": {"hair_color": "red", "pose": prose[1]}, "background": prose[2], "texts": ["HELLO there", "BAM"]},
        {"result": nested, "image_effects": "grain"},
        {"panels": [{"panel_number": 1, "content": prose[0], "dialogue": [{"speaker": "Rin", "text": "Wait!"}]}]},
    ]
    markdown = '## Character\n**Hair:** long, brown\n- A girl stands.\n\n## Texts\n1. "Hello" in the top left\n'
    return [
        (DATA / "toriigate_raw_1.txt").read_text(encoding="utf-8"),
        *(json.dumps(answer, ensure_ascii=False, indent=2) for answer in answers),
        *map(json.dumps, others),
        *map(str, others),  # with single quotes
        markdown,
    ]


def mutated(text: str, draw: random.Random) -> str:
    """Damage `text` in one to five ways."""
    for _ in range(draw.randint(1, 5)):
        here = draw.randrange(len(text) + 1)
        there = min(len(text), here + draw.choice([1, 1, 1, 3, 10, 80]))
        match draw.randrange(9):
            case 0:
                text = text[:here]
            case 1 | 2:
                text = text[:here] + draw.choice(CHARACTERS) + text[here:]
            case 3:
                text = text[:here] + text[there:]
            case 4:
                text = text[:here] + text[here:there] * draw.choice([2, 3, 50]) + text[there:]
            case 5:
                text = text.replace(
                    draw.choice(['"', ",", "}", "]", ":", "\n"]), draw.choice(["", "'", '"', " "]), draw.randint(1, 3)
                )
            case 6:
                text = draw.choice(["Here is the JSON:\n", "```json\n", "[", "{", "I see ", '"']) + text
            case 7:
                text += draw.choice(["\n```", "}", " I hope this helps!", text[:here], "<|im_end|>"])
            case _:
                text = text[:here] + text[there:] + text[here:there]
    return text


def fuzz(count: int, seed: int) -> Counter[str]:
    """Parse `count` mutated outputs; returns the counts of outcomes."""
    draw = random.Random(seed)
    starts = seeds()
    outcomes: Counter[str] = Counter()
    for _ in range(count):
        text = mutated(draw.choice(starts), draw)
        finish, style = (
            draw.choice(["stop", "stop", "length", "repetition"]),
            draw.choice(["json", "json", "markdown", "long"]),
        )
        started = time.perf_counter()
        outcome = parse(text, finish, style, Options(max_characters=draw.choice([None, 1]), salvage=draw.random() < 0.8))
        assert time.perf_counter() - started < 5, f"slow: {text!r}"
        if isinstance(outcome, Good):
            caption = outcome.caption
            assert caption == " ".join(caption.split()) != "", (text, caption)
            assert not LEAKED.search(caption), (text, caption)
            assert caption.encode(), text
            outcomes["repaired" if outcome.repaired else "good"] += 1
        else:
            outcomes[outcome.reason] += 1
    return outcomes


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("count", type=int, nargs="?", default=100_000)
    options.add_argument("--seed", type=int, default=0)
    arguments = options.parse_args()
    start = time.process_time()
    outcomes = fuzz(arguments.count, arguments.seed)
    speed = arguments.count / (time.process_time() - start)
    counts = ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common())
    print(f"{counts}; {speed:.0f} outputs per second of CPU time")
