"""The sentence that names the artist, in front of a caption."""

from collections.abc import Sequence

from booruflow.captioning.parsing.words import clean, listed

TEMPLATE = "The image is a digital illustration by the artist {artist}."
NO_ARTIST = frozenset(
    {
        "banned_artist",
        "artist_request",
        "tagme",
        "unknown_artist",
        "anonymous_artist",
        "official_art",
        "third-party_edit",
    }
)


def with_artist(caption: str, artists: Sequence[str], template: str = TEMPLATE) -> str:
    """`caption` after `template` with `{artist}` filled in; the caption alone when no artist is known.

    Args:
        caption: a parsed caption.
        artists: artist tags, as `hews__(qualifier)`; tags that name nobody (`banned_artist`, ...) do not count.
        template: a sentence with `{artist}` in it; empty for none.
    """
    names = [clean(tag.replace("_", " ")) for tag in artists if tag and tag not in NO_ARTIST]
    return f"{template.replace('{artist}', listed(names))} {caption}" if names and template else caption
