"""The sentence in front of a caption that names the artist."""

from collections.abc import Sequence

from booruflow.captioning.parsing.text.cleaning import clean
from booruflow.captioning.parsing.text.grammar import join_list

NOT_ARTISTS = frozenset(
    {"banned_artist", "artist_request", "tagme", "unknown_artist", "anonymous_artist", "official_art", "third-party_edit"}
)
"""Tags of the artist category that name nobody."""


def with_artist(caption: str, artists: Sequence[str], template: str) -> str:
    """Put the artist sentence in front of `caption`, unless no artist is known.

    Args:
        caption: a parsed caption.
        artists: artist tags, such as `hews__(qualifier)`; `NOT_ARTISTS` are ignored.
        template: a sentence with `{artist}` in it; empty for no sentence.
    """
    names = [clean(tag.replace("_", " ")) for tag in artists if tag and tag not in NOT_ARTISTS]
    return f"{template.replace('{artist}', join_list(names))} {caption}" if names and template else caption
