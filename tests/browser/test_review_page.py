"""The page around the posts: hostile texts, many entries, broken images, results being rebuilt, narrow screens, Browse."""

import io
import json
from urllib.request import urlopen

import polars as pl
import pytest
from PIL import Image
from playwright.sync_api import expect
from review_posts import CUT, FIRST, SECOND, BadPost, ResultsAway, saved, write_data_set

HOSTILE = (
    "<script>document.title='taken'</script>",
    "<img/src=x/onerror=document.title='taken'>",
    "&lt;b&gt;",
    "a" * 10_000,
    "\u202egnirts_desrever",
    "نص_عربي",
    "👩‍👩‍👧_🏳️‍🌈",
    "nul\u0001and\u007fbell\u0007",
    "javascript:document.title='taken'",
    "{{constructor.constructor('document.title=1')()}}",
)


def test_hostile_texts_are_text(tmp_path, open_page):
    tags = dict.fromkeys(("general", "artist", "character", "copyright", "meta"), HOSTILE)
    texts = [CUT.replace("smiles", tag) for tag in HOSTILE]
    posts = [BadPost(FIRST + n, text, tags=tags, source=HOSTILE[n]) for n, text in enumerate(texts)]
    folder = write_data_set(tmp_path / "<b>set", posts)
    server, page = open_page(folder)
    for number, tag in enumerate(HOSTILE):
        expect(page.locator("main h1")).to_have_text(f"Post {FIRST + number}")
        expect(page.locator(".tags span")).to_have_count(5 * len(HOSTILE))
        if tag.isprintable():
            expect(page.locator("pre.raw")).to_contain_text(tag[:200])
        for part in page.locator("details").all():
            part.evaluate("element => { element.open = true }")
        page.keyboard.press("c")
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(f"A caption with {tag[:300]} in it.")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.keyboard.press("Control+Enter")
    expect(page.locator("main h1")).to_have_text("All done")
    page.goto(server.url("/browse"))
    expect(page.locator(".post")).to_have_count(len(HOSTILE))
    assert page.title() == "Browse · <b>set"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelectorAll('main script, main b').length") == len(HOSTILE)  # the ids in bold
    assert saved(folder)[str(FIRST)] == {"caption": f"A caption with {HOSTILE[0]} in it."}


def test_two_thousand_bad_entries(tmp_path, open_page):
    posts = [BadPost(1000 + n, rating="gsqe"[n % 4], reason="refusal" if n % 10 == 0 else "truncated") for n in range(2000)]
    posts[1234].text = CUT.replace("night sky", "field of poppies")
    _, page = open_page(write_data_set(tmp_path / "set", posts))
    status, title = page.get_by_role("status").first, page.locator("main h1")
    expect(status).to_contain_text("2,000 left · 0 done")
    expect(title).to_have_text("Post 1000")
    for number in range(1, 9):
        page.keyboard.press("j")
        expect(title).to_have_text(f"Post {1000 + number}")
    page.keyboard.press("k")
    expect(title).to_have_text("Post 1007")
    page.keyboard.press("g")
    page.keyboard.insert_text("2500")
    page.keyboard.press("Enter")
    expect(title).to_have_text("Post 2500")
    page.get_by_label("Reason").select_option("refusal")
    expect(status).to_contain_text("200 entries by these filters")
    expect(title).to_have_text("Post 1000")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(title).to_have_text("Post 1010")
    page.get_by_label("Reason").select_option("")
    page.get_by_label("Search in texts").fill("POPPIES")
    page.keyboard.press("Enter")
    expect(title).to_have_text("Post 2234")
    expect(status).to_contain_text("1 entry by these filters")


def cut_image():
    """The first half of an image."""
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(file, "png")
    return file.getvalue()[: file.tell() // 2]


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty file"), (b"no image", "not an image of a known kind"), (cut_image(), "broken image")]
)
def test_an_image_that_cannot_be_opened(tmp_path, open_page, content, reason):
    _, page = open_page(write_data_set(tmp_path / "set", [BadPost(FIRST, image=content)]))
    image = page.locator(".image")
    expect(image.locator("p")).to_contain_text(reason)
    expect(image).to_be_disabled()
    page.keyboard.press("t")
    expect(page.locator("main h1")).to_have_text("All done")


def test_a_results_folder_that_is_being_rebuilt(two, open_page):
    server, page = open_page(two)
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("c")
    page.keyboard.insert_text("Typed while it is rebuilt.")
    with ResultsAway(two):
        for path in ("/", "/browse", "/progress"):
            with urlopen(server.url(path)) as answer:
                assert answer.status == 200
        for path in ("/api/about", "/api/queue", "/api/posts", "/api/progress"):
            with urlopen(server.url(path)) as answer:
                assert answer.status == 200
        page.reload()
        expect(page.locator(".empty")).to_contain_text("missing")
        (two / "results/captions").mkdir(parents=True)
        (two / "results/captions/bad_0.json").write_text('{\n"101": {"te')
        page.reload()
        expect(page.locator(".empty")).to_contain_text("missing")
    page.reload()
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_have_value("Typed while it is rebuilt.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")


def test_elsewhere_only_with_the_token(two, context, serve):
    server = serve(two, host="0.0.0.0")
    page = context.new_page()
    assert page.goto(server.url("/")).status == 403
    assert page.request.get(server.url(f"/image/{FIRST}")).status == 403
    assert page.request.get(server.url("/api/queue")).status == 403
    token = server.address.partition("?")[2]
    page.goto(server.url(f"/?{token}"))
    assert page.url.partition("#")[0] == server.url("/")
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    expect(page.locator(".image img")).to_be_visible()
    assert page.request.get(server.url(f"/image/{FIRST}")).status == 200


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_page_fits_and_follows_the_system(two, context, open_page, width, colours):
    server, page = open_page(two)
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=colours)
    for path, element in (("/", "article"), ("/browse", ".post"), ("/progress", ".figure"), (f"/browse#{SECOND}", "article")):
        page.goto(server.url(path))
        expect(page.locator(element).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (sum(map(int, background[4:-1].split(","))) > 380) == (colours == "light")
    page.get_by_label("Colours").select_option("Light" if colours == "dark" else "Dark")
    page.reload()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != background


def test_any_post_can_be_found_marked_and_edited_under_browse(two, open_page):
    _server, page = open_page(two, "/browse")
    expect(page.locator(".post")).to_have_count(2)
    page.get_by_label("Tags").fill("white_hair")
    page.keyboard.press("Enter")
    expect(page.locator(".post")).to_have_count(2)
    page.get_by_label("Tags").fill("no_such_tag")
    page.keyboard.press("Enter")
    expect(page.locator(".grid")).to_have_text("No post matches.")
    page.get_by_label("Tags").fill("")
    page.keyboard.press("Enter")
    page.locator(".post").nth(1).click()
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")
    page.keyboard.press("m")
    expect(page.locator(".badge").filter(has_text="marked")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.insert_text("A caption from the list.")
    page.keyboard.press("Control+s")
    expect(page.locator(".badge.good")).to_have_text("caption typed")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    expect(page.locator(".post").nth(1)).to_contain_text("edit waits")
    assert saved(two)[str(SECOND)] == {"caption": "A caption from the list."}


def test_browse_offers_all_flags_and_says_how_many_posts_it_found(tmp_path, open_page):
    folder = write_data_set(tmp_path / "set", [BadPost(1000 + n) for n in range(100)])
    flags = {"id": [1000 + n for n in range(60)], "flag": ["people_sex"] * 60, "detail": ["a boy"] * 60}
    (folder / "results/quality").mkdir()
    pl.DataFrame(flags).write_parquet(folder / "results/quality/flags.parquet")
    counts = {"colour_hair": {}, "people_sex": {"base": 20, "generated": 40}}
    (folder / "results/quality/counts.json").write_text(json.dumps({"captions": {}, "flags": counts, "tokens": {}}))
    _, page = open_page(folder, "/browse")
    status, choice = page.get_by_role("status").first, page.get_by_label("Flag")
    expect(status).to_have_text("1–48 of 100 posts")
    assert choice.locator("option").all_inner_texts() == ["any flag", "people_sex · 60", "colour_hair · 0"]
    choice.select_option("people_sex")
    expect(status).to_contain_text("1–48 of 60 found")
    page.get_by_role("button", name="Next").click()
    expect(status).to_have_text("49–60 of 60 found")
    choice.select_option("colour_hair")
    expect(page.locator(".grid")).to_have_text("No post matches.")
    choice.select_option("")
    page.get_by_label("Tags").fill("white_hair")
    page.keyboard.press("Enter")
    expect(status).to_contain_text("1–48, more may follow")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    expect(status).to_have_text("97–100 of 100 found")


@pytest.mark.parametrize("width", [1400, 390])
def test_a_notice_hides_nothing_of_the_next_post(two, open_page, width):
    _, page = open_page(two)
    page.set_viewport_size({"width": width, "height": 844})
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("t")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")
    notice, bar = page.locator(".toast").bounding_box(), page.locator("header.bar").bounding_box()
    assert notice["y"] + notice["height"] <= bar["y"] + bar["height"]


def test_tags_stand_above_the_text_on_a_phone(tmp_path, open_page):
    tags = {"general": [f"tag_number_{n}" for n in range(80)]}
    _, page = open_page(write_data_set(tmp_path / "set", [BadPost(FIRST, tags=tags)]))
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    tags, title = page.locator(".tags").bounding_box(), page.locator("main h1").bounding_box()
    assert tags["y"] < title["y"] and title["y"] < 844  # and there is room for both
    button = page.get_by_role("button", name="Filters")
    button.click()
    assert button.evaluate("button => button.scrollWidth <= button.clientWidth")


def test_the_image_is_zoomed_to_its_own_size(two, open_page):
    _, page = open_page(two)
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("z")
    viewer = page.get_by_role("dialog")
    expect(viewer).to_contain_text("320 × 240")
    page.keyboard.press("1")
    expect(viewer).to_contain_text("100%")
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
