"""Nested values such as a model might return; each text contains one unique marker word."""

from hypothesis import strategies as st

KEYS = (  # noqa: SIM905
    "character character_1 character_2 character_4 characters background texts text text_1 speech_bubble speech_bubble_1 "
    "speech_bubbles dialogue speaker location position panel panels panel_1 top_panel 1st_frame top bottom translation "
    "japanese_text type content description name title artist_info vase hair eyes clothing bbox_note atmosphere "
    "main_content image_effects image color font language sound_effects signature watermark Senko objects mood object_1 "
    "text_under_senko shirt_text foreground notes left_panel page"
).split()
FORMS = (
    "{} stands in the field.",
    "A girl named {} sits on the grass with a cat.",
    "{}",
    "{} BANG",
    "short {}",
    'The sign reads "{}".',
    "{} {{odd}} [kept]",
    "「{}」",
    "in the {} corner",
    "Why {}?",
    "a {}, a hat",
    "Speech bubble above {}'s head.",
)


@st.composite
def nested(draw, depth=4):
    """Draw (value, marker words in reading order)."""
    keys = st.sampled_from(KEYS)
    markers = []

    def text():
        marker = f"Zq{len(markers)}w"
        markers.append(marker)
        return draw(st.sampled_from(FORMS)).format(marker)

    def value(level):
        kind = draw(st.integers(0, 7 if level else 3))
        if kind <= 2:
            return text()
        if kind == 3:
            return draw(st.sampled_from([None, True, False, 3, 0.5, "None", "", [10, 20, 30, 40]]))
        if kind == 4:
            return [value(level - 1) for _ in range(draw(st.integers(0, 4)))]
        return {key: value(level - 1) for key in draw(st.lists(keys, max_size=5, unique=True))}

    whole = {key: value(depth - 1) for key in draw(st.lists(keys, min_size=1, max_size=5, unique=True))}
    return whole, markers
