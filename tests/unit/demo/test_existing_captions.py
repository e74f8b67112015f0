import random
from dataclasses import replace

from booruflow.demo.existing_captions import COLUMNS, EMPTY_VALUES, caption_row, captions_table, flowery, long, sections, short
from booruflow.demo.sample_posts import UNCAPTIONED, make_post
from booruflow.demo.scene import CHARACTERS, Scene

SCENE = Scene((CHARACTERS["yukine_farrowmere"],), "night_sky", "heart", "HI", "bubble", "teal_marmot", 1)


def test_every_style_describes_the_scene():
    for seed in range(40):
        for write in (flowery, sections, short, long):
            text = write(SCENE, random.Random(seed))
            assert "a girl with white hair in a bun" in text
        for write in (flowery, sections, long):
            text = write(SCENE, random.Random(seed))
            assert "a blue kimono" in text
            assert "HI" in text
    texts = {write(SCENE, random.Random(seed)) for seed in range(200) for write in (flowery, sections, short, long)}
    for part in ("\n", "\r\n", "\t", "\u2028", "“", "\\o/", "🌙", "着物", "💖", '"HI"', "'HI'"):
        assert any(part in text for text in texts), part


def test_posts_without_a_caption_have_empty_values():
    post = make_post(UNCAPTIONED[0])
    for number in UNCAPTIONED:
        row = caption_row(replace(post, number=number, id=post.id + number))
        assert all(row[column] in EMPTY_VALUES for column in COLUMNS)


def test_other_posts_have_at_least_one_caption():
    post = make_post(0)
    for number in range(200):
        row = caption_row(replace(post, id=post.id + number))
        assert any((row[column] or "").strip() for column in COLUMNS)


def test_the_table_is_keyed_by_index():
    table = captions_table([make_post(n) for n in (0, 1, 2)])
    assert table.column_names == ["index", *COLUMNS]
    assert table.num_rows == 3
