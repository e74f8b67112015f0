"""The correct description of a scene: its Danbooru tags, and the JSON answer in ToriiGate's format."""

from typing import Any

from booruflow.demo.scene import FLAT_BACKGROUNDS, Figure, Scene

SCENERY_TAGS = {
    "night_sky": ["night", "night_sky", "starry_sky", "crescent_moon", "outdoors"],
    "grass": ["grass", "blue_sky", "cloud", "day", "outdoors"],
    "sunset": ["sunset", "sun", "orange_sky", "outdoors"],
    "beach": ["beach", "ocean", "day", "outdoors"],
    "snow": ["snow", "snowing", "winter", "outdoors"],
}
HAIR_PROSE = {
    "long_hair": "long {} hair",
    "short_hair": "short {} hair",
    "twintails": "{} hair in twintails",
    "ponytail": "{} hair in a ponytail",
    "hair_bun": "{} hair in a bun",
}
HEADWEAR_PROSE = {
    "witch_hat": "a pointed witch hat",
    "straw_hat": "a wide straw hat",
    "beret": "a dark red beret",
    "crown": "a golden crown",
}
OBJECT_PROSE = {
    "black_cat": "a black cat sitting",
    "white_cat": "a white cat sitting",
    "ball": "a colorful ball lying",
    "red_flower": "a red flower growing",
    "yellow_flower": "a yellow flower growing",
    "umbrella": "a red umbrella standing",
    "star_(symbol)": "a large yellow star floating",
    "balloon": "a red balloon floating",
    "heart": "a pink heart floating",
    "mushroom": "a spotted mushroom growing",
    "pumpkin": "a carved pumpkin resting",
}
BACKGROUND_PROSE = {f"{colour}_background": f"A simple, flat {colour} background." for colour in FLAT_BACKGROUNDS} | {
    "striped_background": "A background of bright diagonal stripes.",
    "polka_dot_background": "A cheerful background of white polka dots.",
    "night_sky": "A deep night sky filled with stars and a crescent moon.",
    "grass": "A green field of grass under a blue sky with white clouds.",
    "sunset": "A warm sunset with the low sun near the horizon.",
    "beach": "A sandy beach with the blue ocean behind it.",
    "snow": "A snowy winter field with falling snowflakes.",
}
MOUTH_PROSE = {"smile": "smiles softly", "open_mouth": "laughs with an open mouth", "frown": "frowns a little"}
MOOD = {"smile": "cheerful", "open_mouth": "lively", "frown": "moody"}
SCENERY_MOOD = {
    "night_sky": "quiet and dreamy",
    "grass": "fresh and sunny",
    "sunset": "calm and nostalgic",
    "beach": "bright and summery",
    "snow": "cold and peaceful",
    "striped_background": "playful and graphic",
    "polka_dot_background": "sweet and playful",
}


def scene_tags(scene: Scene) -> dict[str, list[str]]:
    """The scene's Danbooru tags by category; figures share one list without duplicates, as on a booru."""
    tags = count_tags(scene.figures)
    for figure in scene.figures:
        tags += figure_tags(figure)
    background = [scene.background]
    if background[0].removesuffix("_background") in FLAT_BACKGROUNDS:
        background.append("simple_background")
    tags += SCENERY_TAGS.get(scene.background, background)
    if scene.object:
        tags.append(scene.object)
    if scene.lettering:
        tags += ["speech_bubble", "english_text"] if scene.lettering_kind == "bubble" else ["english_text"]
    tags += ["chibi", "full_body", "standing"]
    return {
        "general": list(dict.fromkeys(tags)),
        "character": [figure.name for figure in scene.figures if figure.name],
        "artist": [scene.artist],
        "copyright": ["original"],
        "meta": ["lowres"],
    }


def count_tags(figures: tuple[Figure, ...]) -> list[str]:
    """The tags that count people: `1girl`, `1boy`, `solo`."""
    counts = {kind: sum(figure.kind == kind for figure in figures) for kind in ("girl", "boy")}
    tags = [f"{count}{kind}" + ("s" if count > 1 else "") for kind, count in counts.items() if count]
    return [*tags, "solo"] if len(figures) == 1 else tags


def figure_tags(figure: Figure) -> list[str]:
    """The tags of one figure's appearance."""
    tags = [f"{figure.hair}_hair", figure.style, f"{figure.eyes}_eyes", "_".join(figure.garment)]
    if figure.lower:
        tags.append("_".join(figure.lower))
    if figure.headwear == "bow":
        tags += ["hair_bow", f"{figure.bow}_bow"]
    elif figure.headwear:
        tags.append(figure.headwear)
    if figure.glasses:
        tags.append("glasses")
    return [*tags, figure.mouth]


def display_name(name: str) -> str:
    """A character tag as a name: `sunny_okabrook` is Sunny Okabrook."""
    return " ".join(word.capitalize() for word in name.split("_"))


def hair_of(figure: Figure) -> str:
    """`long red hair`, `red hair in a bun`."""
    return HAIR_PROSE[figure.style].format(figure.hair)


def clothes_of(figure: Figure) -> str:
    """`a red hoodie with a blue skirt`."""
    clothes = f"a {figure.garment.colour} {figure.garment.kind}"
    if figure.lower:
        article = "a " if figure.lower.kind == "skirt" else ""
        clothes += f" with {article}{figure.lower.colour} {figure.lower.kind}"
    return clothes


def extras_of(figure: Figure) -> list[str]:
    """Headwear and glasses, as phrases."""
    extras = []
    if figure.headwear == "bow":
        extras.append(f"a {figure.bow} bow in {'her' if figure.kind == 'girl' else 'his'} hair")
    elif figure.headwear:
        extras.append(HEADWEAR_PROSE[figure.headwear])
    return [*extras, "glasses"] if figure.glasses else extras


def object_place(scene: Scene) -> str:
    """The position of the object, as a phrase."""
    if len(scene.figures) == 2:
        return "between them"
    return "on the right" if scene.side > 0 else "on the left"


def figure_sentences(figure: Figure, named: bool, where: str = "") -> str:
    """Two or three sentences about one figure; with its name if `named` is true and it has one."""
    pronoun = "She" if figure.kind == "girl" else "He"
    name = display_name(figure.name) if named and figure.name else None
    hair, eyes, clothes = hair_of(figure), f"{figure.eyes} eyes", clothes_of(figure)
    if figure.garment.kind == "dress":
        looks = f"{name or 'A young girl'}{where} wears {clothes}. {pronoun} has {hair} and {eyes}"
    elif figure.garment.kind == "kimono":
        looks = f"{name or f'A chibi {figure.kind}'}{where} dressed in {clothes}, with {hair} and {eyes}"
    else:
        looks = f"{name or f'A chibi {figure.kind}'}{where} has {hair} and {eyes}. {pronoun} is wearing {clothes}"
    extras = extras_of(figure)
    looks += f", and {' and '.join(extras)}." if extras else "."
    return f"{looks} {pronoun} {MOUTH_PROSE[figure.mouth]}."


def scene_answer(scene: Scene, named: bool = True) -> dict[str, Any]:
    """The answer to ToriiGate's `json` prompt; names appear only if `named`, that is if the prompt lists the characters."""
    answer: dict[str, Any] = {}
    if len(scene.figures) == 1:
        answer["character"] = figure_sentences(scene.figures[0], named)
    else:
        for i, (figure, where) in enumerate(zip(scene.figures, (" on the left", " on the right"), strict=True), 1):
            answer[f"character_{i}"] = figure_sentences(figure, named, where)
    answer["background"] = BACKGROUND_PROSE[scene.background]
    if scene.object:
        answer["main_content"] = f"There is {OBJECT_PROSE[scene.object]} {object_place(scene)}."
    answer["texts"] = texts_of(scene)
    mood = MOOD[scene.figures[0].mouth]
    scenery = SCENERY_MOOD.get(scene.background)
    answer["atmosphere"] = f"The mood is {mood}, {scenery}." if scenery else f"A {mood} and simple scene."
    return answer


def texts_of(scene: Scene) -> str | list[dict[str, str]]:
    """Lettering in one of ToriiGate's forms: prose, a list of objects, or the string `None`."""
    if scene.lettering_kind == "bubble":
        return f'A speech bubble says "{scene.lettering}".'
    if scene.lettering:
        return [{"text": scene.lettering, "location": "bottom"}]
    return "None"
