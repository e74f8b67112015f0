import polars as pl
import pytest
from caption_frames import flags_of

from booruflow.quality.people import contradicted_people, people_counts


@pytest.mark.parametrize(
    ("tags", "people"),
    [
        ("1girl solo", 1),
        ("long_hair solo", -1),
        ("1boy 1girl smile", 2),
        ("2girls 3boys", 5),
        ("6+girls", -1),
        ("1boy multiple_girls", -1),
        ("no_humans scenery", 0),
        ("1girl no_humans", -1),
        ("1girl 1boy solo", -1),
        ("", -1),
        ("futa_with_1girl", -1),
    ],
)
def test_people_of_tags(tags, people):
    assert people_counts(pl.Series([tags])).to_list() == [people]


@pytest.mark.parametrize(
    ("caption", "tags", "flags"),
    [
        ("Two young women stand side by side.", "1girl solo", {"people_number"}),
        ("A group of people at a table.", "1girl solo", {"people_number"}),
        ("The image shows a pair of girls.", "1girl solo", {"people_number"}),
        ("Both of the girls smile.", "1girl", {"people_number"}),
        ("A girl with pink hair and a boy with short hair.", "1girl solo", {"people_number"}),
        ("A woman hugging another woman.", "1girl solo", {"people_number"}),
        ("Three girls sing.", "2girls", {"people_number"}),
        ("A girl sits alone at a desk.", "2girls", {"people_number"}),
        ("A young woman in a red coat.", "no_humans scenery", {"people_number"}),
        ("A young boy smiles.", "1girl solo", {"people_sex"}),
        ("The man holds a sword.", "2girls", {"people_sex"}),
        ("A girl in a kimono.", "1boy solo", {"people_sex"}),
    ],
)
def test_other_people_are_a_contradiction(caption, tags, flags):
    assert flags_of(contradicted_people, caption, tags).keys() == flags


@pytest.mark.parametrize(
    ("caption", "tags"),
    [
        ("A girl smiles.", "1girl solo"),
        ("Two girls smile.", "2girls"),
        ("Two girls smile, a third person is far away.", "multiple_girls"),
        ("Two people.", ""),
        ("A girl beside a boy.", "1boy 1girl"),
        # one of them, with a hint of the others
        ("A girl leans on her friend.", "2girls"),
        ("The girl on the left smiles.", "2girls"),
        ("A girl with black hair and a girl with blonde hair.", "2girls"),
        ("A cat and a girl.", "1girl solo"),
        ("A girl talks to Miku.", "2girls"),
        ("A girl is embraced by the man's arms.", "1boy 1girl"),
        ("A girl smiles.", "1boy 1girl pov"),
        ("A girl smiles.", "2girls solo_focus"),
        # pictures, crowds, denials, texts
        ("A girl before a poster of two girls.", "1girl solo"),
        ("She is not one of two girls.", "1girl solo"),
        ("Two girls are seen in the background.", "1girl solo"),
        ('The sign reads "two girls".', "1girl solo"),
        ("Two versions of the same girl.", "1girl solo"),
        ("A statue of a girl.", "no_humans"),
        ("The cat looks like a girl.", "no_humans"),
        ("Two girls and a cat.", "1girl multiple_views"),
        # things of people
        ("A girl in a boy's shirt.", "1girl solo"),
        ("A woman with a man-made wing.", "1girl solo"),
        ("She wears two friendship bracelets.", "1girl solo"),
        ("Two braids, three flowers, many ribbons.", "1girl solo"),
        # sexes that tags leave open
        ("A young woman smiles.", "1boy solo otoko_no_ko"),
        ("A boy smiles.", "1girl solo tomboy"),
        ("A girl with her hair like a boy.", "1girl solo"),
        ("A person in armor.", "1boy solo"),
    ],
)
def test_what_may_be_true_is_no_contradiction(caption, tags):
    assert flags_of(contradicted_people, caption, tags) == {}


def test_the_detail_names_both():
    assert flags_of(contradicted_people, "Two young women stand.", "1girl solo") == {"people_number": "Two young women (tags: 1)"}
