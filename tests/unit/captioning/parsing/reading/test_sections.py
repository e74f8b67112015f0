import pytest

from booruflow.captioning.parsing.outcome import Bad, Good, Reason
from booruflow.captioning.parsing.parser import Options, parse
from booruflow.captioning.parsing.reading.sections import begins_with
from booruflow.captioning.prompts.profile import read_profile


def answer(profile_name, style, text, finish_reason="stop", salvage=False):
    profile = read_profile(profile_name)
    chosen = profile["styles"][style]
    options = Options(None, salvage, profile["reasoning"], chosen["prose"], chosen["captions"])
    return parse(text, finish_reason, chosen["answer"], options)


@pytest.mark.parametrize(
    "title", ["Long description", "# 3. Long description:", "**3) Long Description of the image**", "long_description"]
)
def test_titles_are_compared_by_their_first_words(title):
    assert begins_with(title, ("Long description",))
    assert not begins_with(title, ("Long descript", "description"))


LONG_THOUGHTS_V2 = """# 1. Thoughts about characters
The girl on the left has twintails, which fits hatsune_miku: [blue_hair, twintails].
- pink hair: Luka

# 2. Key details
- Two girls on a stage

# 3. Long description
Miku and Luka stand on a stage. Miku waves.

Confetti falls.

# 4. Detailed description for each character
## Hatsune Miku
She has long teal twintails. She holds a leek in her left hand.
"""
PROSE = "Miku and Luka stand on a stage. Miku waves. Confetti falls."


def test_thoughts_and_lists_of_details_are_no_caption():
    assert answer("toriigate-0.5", "long_thoughts_v2", LONG_THOUGHTS_V2) == Good(PROSE)
    bold = LONG_THOUGHTS_V2.replace("# 1. Thoughts about characters", "**1. Thoughts about characters**")
    for number, title in ((2, "Key details"), (3, "Long description"), (4, "Detailed description for each character")):
        bold = bold.replace(f"# {number}. {title}", f"**{title}:**")
    assert answer("toriigate-0.5", "long_thoughts_v2", bold) == Good(PROSE)


def test_every_cut_gives_the_whole_section_or_nothing():
    end_of_prose = LONG_THOUGHTS_V2.index("# 4.") + len("# 4. Detailed description")
    for cut in range(1, len(LONG_THOUGHTS_V2)):
        outcome = answer("toriigate-0.5", "long_thoughts_v2", LONG_THOUGHTS_V2[:cut], "length")
        if cut > end_of_prose + 20:
            assert outcome == Good(PROSE, repaired=True), LONG_THOUGHTS_V2[:cut]
        else:
            assert isinstance(outcome, Bad) or outcome.caption == PROSE, LONG_THOUGHTS_V2[:cut]


def test_without_its_titles_an_answer_counts_whole_but_for_thoughts():
    text = "# Thoughts\nWho is it?\n# What I see\nA girl sits on a bench."
    assert answer("toriigate-0.5", "long_thoughts", text) == Good("A girl sits on a bench.")
    assert answer("toriigate-0.5", "long_thoughts", "A girl sits on a bench.") == Good("A girl sits on a bench.")
    assert answer("plain", "long", "## Thinking process\nWho is it?\n\n## Caption\nA girl sits.") == Good("A girl sits.")


def test_text_in_a_thought_bubble_stays():
    assert answer("toriigate-0.5", "json", '{"texts": {"thought_bubble": "I am late."}}').caption == (
        'The thought bubble reads "I am late."'
    )


def test_long_thoughts():
    text = """# 1. Thoughts about characters
No named characters
# 2. General description
A girl sits on a bench. A cat sleeps beside her.
# 3. Detailed description for each character
## Girl
Short brown hair.
# 4. Individual Parts
1. A wooden bench.
# 5. Texts on image
None
# 6. Background and effects
Trees."""
    assert answer("toriigate-0.5", "long_thoughts", text) == Good("A girl sits on a bench. A cat sleeps beside her.")


def test_the_parts_of_a_structured_description_keep_the_names_of_characters():
    text = """# 1. Thoughts about characters
The character is Rem.
# 2. Key details
Rem holds a flail.
# 3. Structured description
## General
Indoor scene, dim light.
## Rem
- Short blue hair over one eye
- She smiles.
## Ram
Short pink hair, a maid outfit, crossed arms.
## Image effects
Depth of field"""
    assert answer("toriigate-0.5", "min_structured_md", text) == Good(
        "Indoor scene, dim light. Rem: Short blue hair over one eye. She smiles."
        " Ram: Short pink hair, a maid outfit, crossed arms. Image effects: Depth of field."
    )
    as_json = (
        '{"General": "Indoor scene, dim light.", "character_1 (Rem)": "short blue hair, maid outfit, long flail, calm look",'
        ' "character_2 (Ram)": "Ram has pink hair.", "image_effects": "depth of field", "texts": "None",'
        ' "watermarks": "a pixiv id"}'
    )
    assert answer("toriigate-0.5", "min_structured_json", as_json) == Good(
        "Indoor scene, dim light. Rem: short blue hair, maid outfit, long flail, calm look. Ram has pink hair."
        " Image effects: depth of field. Watermarks: a pixiv id."
    )


def test_comics_frame_by_frame():
    text = """# 1. Thoughts about characters
I think this is Anya.
# 2. Key details
- Four panels
# 3. Comic format
A vertical comic of two panels.
# 4. Details for each frame
## 4.1 Frame 1 (top)
A girl peeks around a corner. A speech bubble reads "Waku waku!"
## 4.2 Frame 2 (bottom)
- She runs away.
- The vase falls.
# 5. Extra comment
A cheerful gag."""
    assert answer("toriigate-0.5", "md_comic", text) == Good(
        "A vertical comic of two panels. In the first frame (top), a girl peeks around a corner."
        ' A speech bubble reads "Waku waku!"'
        " In the second frame (bottom), she runs away. The vase falls. A cheerful gag."
    )
    as_json = (
        '{"comic_format": "A comic of 2 frames.", "1st_frame": "A boy runs.", "2nd_frame": "He trips over a cat.",'
        ' "character_1": "A boy in a school uniform.", "meaning": "A light joke about mornings."}'
    )
    assert answer("toriigate-0.5", "json_comic", as_json) == Good(
        "A comic of 2 frames. In the first frame, a boy runs. In the second frame, he trips over a cat."
        " A boy in a school uniform. A light joke about mornings."
    )


CHROMA = """### 1. Regular Summary:
A knight stands on a cliff above the clouds.

### 2. Individual Parts:
1. Knight in silver armor in the center.
2. A sword, planted in the rock
3. Clouds below

### 3. Midjourney-Style Summary:
lone knight, silver armor, cliff, sea of clouds, dramatic light

### 4. DeviantArt Commission Request
Hi! I'd like a picture of a knight on a cliff. He should wear silver armor.
"""
SUMMARY = "A knight stands on a cliff above the clouds."
FOUR = {
    "parts": "Knight in silver armor in the center. A sword, planted in the rock. Clouds below.",
    "phrases": "Lone knight, silver armor, cliff, sea of clouds, dramatic light.",
    "commission": "Hi! I'd like a picture of a knight on a cliff. He should wear silver armor.",
}


@pytest.mark.parametrize(
    "text",
    [
        CHROMA,
        CHROMA.replace("### ", "**").replace(":\n", ":**\n").replace("Request\n", "Request**\n"),
        CHROMA.replace("### ", ""),
        CHROMA.replace("### ", "# "),
    ],
)
def test_four_captions_in_one_answer(text):
    assert answer("toriigate-0.5", "chroma-style", text) == Good(SUMMARY, others=FOUR)
    assert answer("toriigate-0.4", "caption_vars", text) == Good(SUMMARY, others=FOUR)


def test_several_captions_of_an_answer_that_was_cut():
    two = {name: FOUR[name] for name in ("parts", "phrases")}
    assert answer("toriigate-0.5", "chroma-style", CHROMA[:-12], "length") == Good(SUMMARY, repaired=True, others=two)
    assert answer("toriigate-0.5", "chroma-style", CHROMA[:50], "length") == Bad(Reason.TRUNCATED)
    without_first = CHROMA[CHROMA.index("### 2") :]
    assert answer("toriigate-0.5", "chroma-style", without_first) == Bad(Reason.WRONG_TYPE)
    assert answer("toriigate-0.5", "chroma-style", "A knight stands on a cliff.") == Good("A knight stands on a cliff.")
