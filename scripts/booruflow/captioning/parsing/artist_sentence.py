"""The sentence in front of a caption that names the artist."""

from collections.abc import Sequence

from booruflow.captioning.parsing.text.cleaning import clean
from booruflow.captioning.parsing.text.grammar import join_list

NOT_ARTISTS = frozenset(
    {"banned_artist", "artist_request", "tagme", "unknown_artist", "anonymous_artist", "official_art", "third-party_edit"}
)
"""Tags of the artist category that name nobody."""
_END_MARKS = ".…!?。！？"


def with_artist(caption: str, artists: Sequence[str], template: str) -> str:
    """Put the artist sentence in front of `caption`, unless no artist is known.

    Args:
        caption: a parsed caption.
        artists: artist tags, such as `hews__(qualifier)`; `NOT_ARTISTS` are ignored.
        template: a sentence with `{artist}` in it; empty for no sentence.
    """
    names = join_list([clean(tag.replace("_", " ")) for tag in artists if tag and tag not in NOT_ARTISTS])
    if not names or not template:
        return caption
    if names[-1] in _END_MARKS:
        template = template.replace("{artist}.", "{artist}")
    return f"{template.replace('{artist}', names)} {caption}"
