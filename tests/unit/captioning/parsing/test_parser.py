import json
from pathlib import Path

import pytest
from fuzz_parser import fuzz

from booruflow.captioning.parsing import parser
from booruflow.captioning.parsing.outcome import Bad, Good, Reason
from booruflow.captioning.parsing.parser import Options, parse_edited

DATA = Path(__file__).parents[3] / "data"
ODD = [json.loads(line)["value"] for line in (DATA / "toriigate_odd_values.jsonl").read_text(encoding="utf-8").splitlines()]


def parse(text, finish_reason="stop", style="json", max_characters=None, salvage=True):
    return parser.parse(text, finish_reason, style, Options(max_characters, salvage))


def caption_of(value, **options):
    outcome = parse(json.dumps(value), **options)
    assert isinstance(outcome, Good), outcome
    assert not outcome.repaired
    return outcome.caption


# --- real values, under `texts`

REAL = {
    0: """A speech bubble above Senko's head reads "Welcome Home." The text reads "-Hmph." under Senko.""",
    1: 'The text reads "It\'s rare for me to get tail treatment...", "For hybrids like us, it could affect work performance.", '
    'and "Do take proper care of your tail. You can call our service as well."',
    2: 'The Japanese text reads "15話 ありがとうございました!!"',
    3: 'The text reads "why dis", "look so mad", and "crying emoji".',
    4: 'The text reads "Too gentle..." in a speech bubble above Naegi\'s head, "Naegi, you can hold my hand if you want." in a '
    'speech bubble above Kirigiri\'s head, "Whaddyasay?" in a speech bubble to the right of Kirigiri, and "SQUEEZE" in a speech '
    "bubble between the two characters.",
    5: 'The text reads "W-WHEN DID YOU GET HERE?" and "THIS BLUE GUY CALLED ME."',
    6: "The number '1008' is written in the upper left corner. The words 'momoharu day' are written in the upper right corner.",
    7: 'The text reads "©2019 Disney-Lucasfilm Press" (copyright) and "TARA-PHILLIPS.COM" (artist).',
    10: 'The text reads "the regular", "the Saucer", and "the".',
    12: 'The text reads "君は一体何者なんだ…！" and "オレは…オレさ…"',
    13: 'The text reads "ご視聴ありがとうございました！" at the top and "イラスト: 伊藤麻由加" at the bottom.',
    16: 'The text reads "YOU HAVE LEGS AND HANDS, WHY DON\'T YOU DO IT YOURSELF?" in the first frame, "BECAUSE I KNOW IF I ASK, '
    'YOU\'LL DO IT." in the second frame, "WHY DO I HAVE LEGS AND HANDS & I CAN\'T GO GET FOODS MYSELF?" in the third frame, and '
    '"AT LEAST SOME THINGS NEVER CHANGE..." in the fourth frame.',
    17: 'The speech bubbles read "Yes. All seven are mine." and "You also like kids? I just adopted two. How many?"',
    19: 'The text reads "今夜、一緒に月を見ませんか？" and "あっ".',
    20: 'The speech bubbles read "키가 굉장히 크시네요..." and "!"',
    22: "A Pikachu is perched on Ash's shoulder, its expression is neutral. A green Caterpie is perched on Misty's shoulder.",
}


@pytest.mark.parametrize(("number", "expected"), REAL.items())
def test_a_real_odd_value(number, expected):
    assert caption_of({"texts": ODD[number]}) == expected


@pytest.mark.parametrize("number", [8, 9, 11, 14, 15])
def test_real_prose_in_an_object_is_unchanged(number):
    assert caption_of({"main_content": ODD[number]}) == caption_of({"texts": ODD[number]}) == " ".join(ODD[number].values())


def test_kinds_of_real_sandwiches_are_labels_unless_the_prose_has_the_word():
    caption = caption_of({"main_content": ODD[23]})
    assert caption.startswith("Fruit: Strawberry slices are layered between slices of bread")
    assert "Meat:" not in caption and "Onion:" not in caption and "Vegetable: A sandwich with lettuce" in caption
    assert all(caption.count(item["content"]) == 1 for item in ODD[23])


def test_the_real_good_output():
    text = (DATA / "toriigate_raw_1.txt").read_text(encoding="utf-8")
    outcome = parse(text)
    assert outcome == Good(" ".join(json.loads(text, strict=False).values()), repaired=False)


def test_the_real_endless_output_is_bad():
    assert parse((DATA / "toriigate_raw_0.txt").read_text(encoding="utf-8"), "length") == Bad(Reason.REPETITION)


# --- shapes

SHAPES = [
    ({"description": {"character_1": "A girl.", "background": "white"}}, "A girl. The background is white."),
    ([{"character": "A girl with red hair stands."}], "A girl with red hair stands."),
    (
        {"character": json.dumps({"hair": "short brown hair", "eyes": "blue", "outfit": ["white shirt", "black skirt"]})},
        "Short brown hair. The eyes are blue. Outfit: white shirt and black skirt.",
    ),
    (
        {"characters": {"Senko": "A fox girl smiles at us.", "Nakano": {"hair": "black", "pose": "sitting"}}},
        "Senko: A fox girl smiles at us. Nakano: The hair is black. Pose: sitting.",
    ),
    (
        {
            "characters": [
                {"name": "Aqua", "description": "Aqua has blue hair."},
                {"name": "Rin", "description": "A tall girl."},
            ]
        },
        "Aqua has blue hair. Rin: A tall girl.",
    ),
    ({"characters": ["Senko", "Rin"], "background": "A park.", "texts": "None"}, "Characters: Senko and Rin. A park."),
    (
        {
            "panels": [
                {"panel": 1, "description": "A girl runs.", "texts": ["Help!", "Stop"]},
                {"panel": 2, "text": "Ouch"},
            ]
        },
        'In the first panel, a girl runs. The text reads "Help!" and "Stop". In the second panel, the text reads "Ouch".',
    ),
    (
        {"panels": ["A girl runs through the park.", "Senko falls."]},
        "In the first panel, a girl runs through the park. In the second panel, Senko falls.",
    ),
    (
        {
            "panel_1": {"dialogue": [{"speaker": "Senko", "text": "Wait!"}, {"speaker": "Senko", "text": "Please!"}]},
            "panel_2": "He stops.",
        },
        'In the first panel, Senko says "Wait!" and "Please!" In the second panel, he stops.',
    ),
    (
        {
            "texts": [
                {"type": "speech bubble", "text": "Hi", "location": "top left"},
                {"type": "sound effect", "text": "BAM"},
            ]
        },
        'The speech bubble reads "Hi" in the top left. The sound effect reads "BAM".',
    ),
    (
        {
            "texts": [
                {"text": "あっ", "translation": "Ah", "language": "Japanese"},
                {"text": "x", "speaker": "girl on the left"},
            ]
        },
        'The text reads "あっ" (which translates to "Ah") in Japanese and "x" said by the girl on the left.',
    ),
    ({"dialogue": {"Senko": "I'm home!", "Rin": "Hey"}}, 'Senko says "I\'m home!" Rin says "Hey".'),
    ({"texts": "HELLO WORLD"}, 'The text reads "HELLO WORLD".'),
    ({"texts": '"HELLO" on the sign'}, 'The text reads "HELLO" on the sign.'),
    ({"texts": ["Hello", ["A", "B"], 1008]}, 'The text reads "Hello", "A", "B", and "1008".'),
    (
        {"texts": [{"text": 'The sign reads "STOP".', "location": "upper left corner"}]},
        'The sign reads "STOP". It is in the upper left corner.',
    ),
    (
        {"texts": {"speech_bubbles": ["A b", "C d"], "signature": "foo"}},
        'The speech bubbles read "A b" and "C d". The text reads "foo" (signature).',
    ),
    (
        {"signature": "A signature is in a corner.", "watermark": True, "nsfw": False},
        "A signature is in a corner. There is a watermark.",
    ),
    ({"character": "A girl called {Rin} [sic] in **red**\\nand blue"}, "A girl called (Rin) (sic) in red and blue."),
    (
        {"objects": [{"name": "vase", "description": "It is blue.", "location": "on the table"}]},
        "Vase: It is blue. It is on the table.",
    ),
    (
        {"top_panel": "A girl runs.", "bottom_panel": "The bottom panel is empty."},
        "In the top panel, a girl runs. The bottom panel is empty.",
    ),
    (
        {"texts": {"panel_1": ["Hey!", "What?"], "panel_2": "No."}},
        'In the first panel, the text reads "Hey!" and "What?" The text reads "No." in the second panel.',
    ),
    (
        {"lighting": "soft", "mood": ["calm", "happy"], "composition": "close-up"},
        "The lighting is soft. The mood is calm and happy. Composition: close-up.",
    ),
    ({"x": "A cat", "bbox": [1, 2, 3, 4], "position": {"x": 1, "y": 2}}, "A cat."),
]


@pytest.mark.parametrize(("value", "expected"), SHAPES)
def test_a_shape(value, expected):
    assert caption_of(value) == expected


def test_a_key_used_twice_keeps_both_values():
    assert parse('{"texts": "a", "texts": "b"}') == Good('The text reads "a" and "b".')
    assert parse('{"texts": "a", "texts": "b",}') == Good('The text reads "a" and "b".', repaired=True)


def test_repeated_long_prose_appears_once():
    prose = "A girl with long hair stands in a field of red flowers and looks up."
    assert caption_of({"description": prose, "caption": prose}) == prose


def test_max_characters():
    answer = {f"character_{n}": f"Girl number {n} stands." for n in range(1, 6)} | {"background": "A park."}
    assert caption_of(answer, max_characters=2) == "Girl number 1 stands. Girl number 2 stands. A park."
    assert caption_of(answer).count("stands") == 5
    assert caption_of({"characters": ["A tall girl.", "A boy."]}, max_characters=1) == "A tall girl."
    assert caption_of({"characters": {"Rin": "A tall girl.", "Ran": "A boy."}}, max_characters=1) == "Rin: A tall girl."


# --- other forms

MARKDOWN = """Here is the description:

## Character 1
**Appearance:** A girl with long hair.
- **Hair:** long, blonde
- She wears:
  - a hat
  - a red scarf

## Background
A simple
white room.

## Texts
- "Hello!" in the top left
- BAM
"""
FROM_MARKDOWN = (
    "A girl with long hair. The hair is long, blonde. She wears: a hat, a red scarf. A simple white room. "
    'The text reads "Hello!" in the top left and "BAM".'
)


@pytest.mark.parametrize("style", ["json", "markdown", "short"])
def test_markdown_is_parsed_in_every_style(style):
    assert parse(MARKDOWN, style=style) == Good(FROM_MARKDOWN)
    assert parse(f"```markdown\n{MARKDOWN}```", style=style) == Good(FROM_MARKDOWN)


def test_plain_prose():
    assert parse("A girl stands.\nShe smiles", style="short") == Good("A girl stands. She smiles.")
    assert parse("Sure! Here it is:\n\nA girl\n\nThe end", style="long") == Good("A girl. The end.")
    assert parse('{"caption": "A girl stands"}', style="long") == Good("A girl stands.")
    assert parse("A girl stands.", style="json") == Bad(Reason.NOT_JSON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('```json\n{"character": "A girl stands.",}\n```', Good("A girl stands.", True)),
        ('Here is the description:\n{"character": "A girl stands."}\n\nI hope this helps!', Good("A girl stands.")),
        ('{"character": "A girl stands."} {"background": "It is white."}', Good("A girl stands. It is white.")),
        ('"{\\"character\\": \\"A girl stands.\\"}"', Good("A girl stands.")),
        ('"A girl stands."', Good("A girl stands.")),
        ('"character_1": "A girl stands.", "background": "A park."}', Good("A girl stands. A park.")),
        (
            '{"main_content": "She said "hi" to him there.", "character": "A girl stands."}',
            Good('She said "hi" to him there. A girl stands.', True),
        ),
        (
            "{'character': 'It's a girl with 'long' hair.', 'background': 'A park.'}",
            Good("It's a girl with 'long' hair. A park.", True),
        ),
        ('{"character": "A girl stands.", // her\n "background": "A park."}', Good("A girl stands. A park.", True)),
        ('{"character": "A girl stands.", "background": "A park."', Good("A girl stands. A park.", True)),
    ],
)
def test_wrapped_and_damaged_json(text, expected):
    assert parse(text) == expected


# --- JSON within texts, and what is left of it

PROSE = "Two cats sit near the fence."
INNER = json.dumps({"general": PROSE, "image_effects": "A slight blur."})


@pytest.mark.parametrize(
    "text",
    [
        INNER,
        f"Sure! Here is the caption:\n\n{INNER}",
        f"Sure!\n\nHere's the JSON:\n```json\n{INNER}\n```\nI hope this helps!",
        json.dumps(INNER),
        f"[{INNER}]",
        INNER.replace('"', '\\"'),
    ],
)
def test_json_within_a_text_is_read(text):
    assert caption_of({"caption": text}) == f"{PROSE} A slight blur."
    assert caption_of([{"caption": json.dumps({"caption": text})}]) == f"{PROSE} A slight blur."


def test_prose_around_json_within_a_text_is_kept():
    assert caption_of({"caption": f'A park. {{"a": "{PROSE}"}} The end.'}) == f"A park. {PROSE} The end."
    assert parse(f'{{"a": "A park."}} and {{"b": "{PROSE}"}}') == Good(f"A park. And. {PROSE}")


@pytest.mark.parametrize(
    "text",
    [
        "al': 'Two cats', 'image_effects': 'blur'}",
        INNER[:-12],
        INNER[1:],
        INNER.replace('"', "'"),
        f"{PROSE} image_effects: blur",
        f'{PROSE}", "background": "blur',
        'The texts are ["Hello", "World"].',
    ],
)
@pytest.mark.parametrize("style", ["json", "long"])
def test_what_is_left_of_json_is_bad(text, style):
    for value in ({"caption": text}, {"texts": [text]}):
        assert parse(json.dumps(value), style=style) == Bad(Reason.NOT_JSON)


def test_names_that_a_person_may_mean_stay():
    assert caption_of({"texts": "by foo_bar, @main_character"}) == 'The text reads "by foo_bar, @main_character".'
    assert caption_of({"a": "character_2 hugs a cat."}) == "The second character hugs a cat."
    assert caption_of({"a": 'The board reads "Monday": "closed".'}) == 'The board reads "Monday", "closed".'


def test_escaped_characters_are_no_loop():
    text = "".join(chr(0x3041 + number % 9) + chr(0x30A0 + number % 7) for number in range(120))
    assert caption_of({"a": f"A sign. {text}"}).startswith("A sign. ") and caption_of({"a": "A 😀."}) == "A 😀."


# --- bad


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.EMPTY),
        (" \n\x00", Reason.EMPTY),
        ("{}", Reason.EMPTY),
        ("null", Reason.EMPTY),
        ('{"a": null, "b": "None", "c": [], "d": ""}', Reason.EMPTY),
        ("42", Reason.WRONG_TYPE),
        ("[1, 2, 3]", Reason.WRONG_TYPE),
        ('{"a": 1}', Reason.WRONG_TYPE),
        ("[" * 5000 + "]" * 5000, Reason.REPETITION),
        ("Hello there", Reason.NOT_JSON),
        ('{"general": "A girl stands."}er_', Reason.NOT_JSON),
        ("I'm sorry, but I can't describe this image.", Reason.REFUSAL),
        ('{"description": "I\'m sorry, I can\'t assist with that."}', Reason.REFUSAL),
        ("!" * 400, Reason.REPETITION),
        ("the " * 400, Reason.REPETITION),
    ],
)
def test_bad(text, reason):
    assert parse(text) == Bad(reason)


ANSWER = json.dumps(
    {
        "character_1": "A girl with long red hair stands in a field. She wears a white dress and a hat.",
        "background": "The background is a field of flowers. A blue sky is above it.",
        "texts": [{"text": "Hello you", "location": "top left"}, {"text": "Bye now", "location": "bottom"}],
        "atmosphere": "The atmosphere is calm.",
    }
)
CHARACTER = "A girl with long red hair stands in a field. She wears a white dress and a hat."


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (30, Bad(Reason.TRUNCATED)),
        (90, Bad(Reason.TRUNCATED)),
        (100, Good(CHARACTER, True)),
        (150, Good(CHARACTER, True)),
        (165, Good(CHARACTER + " The background is a field of flowers.", True)),
        (
            250,
            Good(
                CHARACTER
                + ' The background is a field of flowers. A blue sky is above it. The text reads "Hello you" in the top left.',
                True,
            ),
        ),
    ],
)
def test_cut(cut, expected):
    assert parse(ANSWER[:cut], "length") == expected
    assert parse(ANSWER[:cut], "length", salvage=False) == Bad(Reason.TRUNCATED)


def test_every_cut_is_a_prefix_or_bad():
    whole = caption_of(json.loads(ANSWER))
    for cut in range(1, len(ANSWER)):
        outcome = parse(ANSWER[:cut], "length")
        if isinstance(outcome, Good):
            assert whole.startswith(outcome.caption[:-1].removesuffix('"')), ANSWER[:cut]
        else:
            assert outcome.reason in (Reason.TRUNCATED, Reason.EMPTY), ANSWER[:cut]


def test_a_whole_answer_at_the_limit():
    assert parse(ANSWER, "length") == parse(ANSWER, "stop")
    assert parse(ANSWER, "length", salvage=False) == parse(ANSWER, "stop")
    assert parse(f"```json\n{ANSWER}\n```", "length", salvage=False) == parse(ANSWER, "stop")
    damaged = ANSWER.replace("a hat", 'a "hat"').replace('\\"', '"')
    assert parse(damaged, "length", salvage=False) == parse(damaged, "stop") == Good(parse(damaged).caption, True)


def test_the_token_limit_in_the_prose_after_an_answer():
    assert parse(ANSWER + "\nI hope this", "length", salvage=False) == parse(ANSWER, "stop")
    assert parse(ANSWER + " A cat sleeps. A do", "length") == Good(parse(ANSWER).caption + " A cat sleeps.", True)
    assert parse(ANSWER + " A cat sleeps. A do", "length", salvage=False) == Bad(Reason.TRUNCATED)


@pytest.mark.parametrize("end", ["", '"}'])
def test_a_loop_is_removed(end):
    text = (
        '{"character_1": "A girl with long red hair stands in a field of flowers.", "texts": "It says ' + "ALL NIGHT " * 60 + end
    )
    assert parse(text, "length") == Good("A girl with long red hair stands in a field of flowers.", True)
    assert parse(text, "stop", salvage=False) == Bad(Reason.REPETITION)


# --- edited


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"text": '{"character": "A girl stands."}'}, Good("A girl stands.")),
        ({"text": '{"character": "A girl sta'}, Bad(Reason.TRUNCATED)),
        ({"caption": "  A girl\n stands in {red} "}, Good("A girl\n stands in {red}")),
        ({"caption": "A girl.", "text": "whatever", "reason": "not_json"}, Good("A girl.")),
        (
            {"caption": "**Subject:** a `girl`, <b>_bold_</b>, {red|blue}  hair"},
            Good("**Subject:** a `girl`, <b>_bold_</b>, {red|blue}  hair"),
        ),
        ({"caption": " \n\u3000"}, Bad(Reason.EMPTY)),
        ({"caption": '{"general": "Two cats sit.", "image_effects": "A blur."}'}, Good("Two cats sit. A blur.")),
        ({"caption": '{"general": "Two cats sit."'}, Good("Two cats sit.", True)),
        ({"caption": "al': 'Two cats', 'image_effects': 'blur'}"}, Bad(Reason.NOT_JSON)),
        ({"caption": "A [sic] {main_character} by foo_bar"}, Good("A [sic] {main_character} by foo_bar")),
        ({"caption": 3, "text": "{}"}, Bad(Reason.WRONG_TYPE)),
        ({"text": None}, Bad(Reason.WRONG_TYPE)),
        ({}, Bad(Reason.WRONG_TYPE)),
        ("A girl.", Bad(Reason.WRONG_TYPE)),
        (None, Bad(Reason.WRONG_TYPE)),
    ],
)
def test_edited(entry, expected):
    assert parse_edited(entry, "json", Options(None, salvage=True)) == expected


def test_mutated_outputs():
    outcomes = fuzz(3000, seed=7)
    assert sum(outcomes.values()) == 3000 and outcomes["good"] > 300 and outcomes["repaired"] > 300


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("A park with people.\n\n- A girl stands.\n- A boy runs\n", "long", "A park with people. A girl stands. A boy runs."),
        ("A park:\n- A girl stands.\n- A boy runs.\n- a ball", "long", "A park. A girl stands. A boy runs. A ball."),
        ("A girl.\n- A red ball lies at her feet.", "short", "A girl. A red ball lies at her feet."),
        (json.dumps({"girl": "- red hair\n- blue eyes\n- She smiles."}), "json", "Red hair. Blue eyes. She smiles."),
        (json.dumps({"background": "A park:\n1. A bench\n2. A tree"}), "json", "Background: A park, A bench, and A tree."),
        (json.dumps({"texts": "- Hmph.\n- What?"}), "json", 'The text reads "Hmph." and "What?"'),
        (json.dumps({"a": "A girl sits\non a bench - alone."}), "json", "A girl sits on a bench - alone."),
    ],
)  # fmt: skip
def test_items_of_lists_within_texts_are_sentences(text, style, expected):
    assert parse(text, style=style) == Good(expected)
