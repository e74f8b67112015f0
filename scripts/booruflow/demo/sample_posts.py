"""The posts of the sample: scenes, images and metadata, all determined by the post's number alone."""

import hashlib
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from booruflow.demo.descriptions import scene_answer, scene_tags
from booruflow.demo.drawing.image import draw
from booruflow.demo.scene import Scene, choose_scene

COUNT = 240
IDS = range(1_204_311, 8_100_000)
FIRST_DAY = datetime(2014, 3, 1, tzinfo=UTC)
# three of every twenty posts have no existing caption: 36 posts are left for the captioner
UNCAPTIONED = tuple(number for number in range(COUNT) if number % 20 in (3, 9, 16))
# special posts among these, by index into UNCAPTIONED. LONGEST: two figures and an answer that exceeds the token limit
LONGEST = frozenset(UNCAPTIONED[i] for i in (2, 13, 25))
BUSY = frozenset(UNCAPTIONED[i] for i in (8, 19, 31))
LETTERED = frozenset(UNCAPTIONED[i] for i in (4, 11, 23, 30))
WITHOUT_IMAGE = frozenset(UNCAPTIONED[i] for i in (5, 14, 27))
TRUNCATED = frozenset({UNCAPTIONED[20]})


@dataclass(frozen=True)
class Post:
    """One post; `image` is the complete WebP file, also where the sample lacks or truncates it."""

    number: int
    id: int
    scene: Scene
    image: bytes

    @property
    def stored_image(self) -> bytes | None:
        """The image file as the sample has it: none, the first third, or all of it."""
        if self.number in WITHOUT_IMAGE:
            return None
        return self.image[: len(self.image) // 3] if self.number in TRUNCATED else self.image


def post_ids() -> list[int]:
    """The ids of all posts, ascending; spread over the range of a real booru."""
    return sorted(random.Random(240).sample(IDS, COUNT))


def make_post(number: int) -> Post:
    """Draw post `number` (0 to `COUNT` - 1)."""
    rng = random.Random(7919 * (number + 1))
    if number in LONGEST:
        scene = longest_scene(rng)
    elif number in BUSY:
        scene = choose_scene(rng, pair=True, lettering=True, with_object=True)
    elif number in LETTERED:
        scene = choose_scene(rng, pair=False, lettering=True)
    else:
        scene = choose_scene(rng)
    file = io.BytesIO()
    draw(scene, rng).save(file, "webp", quality=60)
    return Post(number, post_ids()[number], scene, file.getvalue())


def longest_scene(rng: random.Random) -> Scene:
    """The scene with the longest answer (in words) of 100 random ones."""
    scenes = [choose_scene(rng, pair=True, lettering=True, with_object=True) for _ in range(100)]
    return max(scenes, key=lambda scene: len(json.dumps(scene_answer(scene)).split()))


def metadata_table(posts: Sequence[Post]) -> pa.Table:
    """The posts as Danbooru metadata: one row per post, in shuffled order, tags separated by spaces."""
    rows = [metadata_row(post) for post in posts]
    random.Random(5).shuffle(rows)
    return pa.Table.from_pylist(rows, pa.schema(list(METADATA_COLUMNS.items())))


METADATA_COLUMNS = {
    "id": pa.int64(),
    "created_at": pa.string(),
    "rating": pa.string(),
    "score": pa.int32(),
    "source": pa.string(),
    "md5": pa.string(),
    "file_ext": pa.string(),
    "file_size": pa.int64(),
    "image_width": pa.int32(),
    "image_height": pa.int32(),
    "tag_string_general": pa.string(),
    "tag_string_artist": pa.string(),
    "tag_string_character": pa.string(),
    "tag_string_copyright": pa.string(),
    "tag_string_meta": pa.string(),
}
"""Names and types of the metadata columns."""


def metadata_row(post: Post) -> dict[str, str | int]:
    """One row; tags in alphabetical order, as Danbooru keeps them."""
    rng = random.Random(post.id)
    tags = scene_tags(post.scene)
    age = (post.id - IDS.start) / len(IDS)
    created = FIRST_DAY + timedelta(days=4000 * age, seconds=rng.randrange(86400))
    width, height = post.scene.size
    return {
        "id": post.id,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "rating": rng.choices("gs", (5, 1))[0],
        "score": int(rng.paretovariate(0.8)) - rng.choice((0, 1, 3)),
        "source": f"https://example.org/{post.scene.artist}/{post.number:04d}",
        "md5": hashlib.md5(post.image).hexdigest(),
        "file_ext": "webp",
        "file_size": len(post.image),
        "image_width": width,
        "image_height": height,
        **{f"tag_string_{category}": " ".join(sorted(names)) for category, names in tags.items()},
    }
