"""What goes wrong around the page: other tabs, dead servers, hostile texts, broken images, results that are being rebuilt."""

import io
import json
from urllib.request import urlopen

import polars as pl
import pytest
from PIL import Image
from playwright.sync_api import expect
from review_posts import CUT, BadPost, ResultsAway, write_data_set

FIRST, SECOND = 101, 102
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


@pytest.fixture
def two(tmp_path):
    """Two posts to repair."""
    return write_data_set(tmp_path / "set", [BadPost(FIRST), BadPost(SECOND)])


@pytest.fixture
def open_page(context, serve):
    """Open a page of a new server in a tab."""

    def opened(folder, path="/"):
        server = serve(folder)
        page = context.new_page()
        page.goto(server.url(path))
        return server, page

    return opened


def field(page):
    return page.get_by_role("textbox", name="Text", exact=True)


def saved(folder):
    return json.loads((folder / "edited/review.json").read_bytes())


def test_the_second_of_two_tabs_is_asked_which_text_is_to_stay(two, context, open_page):
    server, first = open_page(two)
    expect(first.locator("main h1")).to_have_text(f"Post {FIRST}")
    second = context.new_page()
    second.goto(server.url("/"))
    for tab, text in ((first, "The text of one."), (second, "The text of the other.")):
        expect(tab.locator("main h1")).to_have_text(f"Post {FIRST}")
        tab.keyboard.press("c")
        tab.keyboard.insert_text(text)
        expect(tab.locator(".preview")).to_have_text(text)
    first.keyboard.press("Control+Enter")
    expect(first.locator("main h1")).to_have_text(f"Post {SECOND}")
    second.keyboard.press("Control+Enter")
    question = second.get_by_role("dialog")
    expect(question).to_contain_text("The text of one.")
    expect(question).to_contain_text("The text of the other.")
    assert saved(two)[str(FIRST)] == {"caption": "The text of one."}
    question.get_by_role("button", name="Decide later").click()
    expect(field(second)).to_have_value("The text of the other.")
    second.keyboard.press("Control+Enter")
    question.get_by_role("button", name="Save yours instead").click()
    expect(second.locator("main h1")).to_have_text(f"Post {SECOND}")
    assert saved(two)[str(FIRST)] == {"caption": "The text of the other."}


def test_what_another_tab_saved_can_stay(two, context, open_page):
    server, first = open_page(two)
    expect(first.locator("main h1")).to_have_text(f"Post {FIRST}")
    second = context.new_page()
    second.goto(server.url("/"))
    expect(second.locator("main h1")).to_have_text(f"Post {FIRST}")
    first.keyboard.press("t")
    expect(first.locator("main h1")).to_have_text(f"Post {SECOND}")
    second.keyboard.press("c")
    second.keyboard.insert_text("Too late.")
    second.keyboard.press("Control+Enter")
    second.get_by_role("button", name="Keep what is saved").click()
    expect(second.locator(".badge.good")).to_have_text("tags only")
    second.reload()
    expect(field(second)).not_to_have_value("Too late.")


def test_typed_text_survives_a_kill_and_a_restart_and_a_reload(two, open_page):
    server, page = open_page(two)
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("c")
    page.keyboard.insert_text("Half a sent")
    server.kill()
    page.keyboard.insert_text("ence, typed ")
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text("The server does not answer")
    page.keyboard.press("Control+Enter")  # nothing can be saved now, and nothing is lost
    page.keyboard.insert_text("while nobody listens.")
    text = "Half a sentence, typed while nobody listens."
    expect(field(page)).to_have_value(text)
    server.start()
    expect(banner).to_be_hidden()
    expect(page.locator(".preview")).to_have_text(text)
    page.reload()
    expect(field(page)).to_have_value(text)
    expect(page.locator(".editor")).to_contain_text("Not saved yet")
    page.keyboard.press("Control+Enter")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")
    assert saved(two)[str(FIRST)] == {"caption": text}


def test_both_texts_of_an_entry_are_kept(two, open_page):
    _, page = open_page(two)
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    for button, text in (("Answer", "An answer."), ("Caption", "A caption.")):
        page.get_by_role("button", name=button, exact=True).click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(text)
    page.reload()
    expect(field(page)).to_have_value("A caption.")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(field(page)).to_have_value("An answer.")
    page.get_by_role("button", name="Discard").click()
    expect(field(page)).to_have_value(CUT)


def test_undo_takes_back_one_change_after_the_other(two, open_page):
    server, page = open_page(two)
    status = page.get_by_role("status").first
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("t")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")
    page.keyboard.press("l")
    expect(page.locator("main h1")).to_have_text("All done")
    server.restart()
    page.reload()
    expect(page.locator("main h1")).to_have_text("All done")
    page.keyboard.press("u")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")
    expect(status).to_contain_text("1 left · 1 done")
    page.keyboard.press("u")
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    expect(status).to_contain_text("2 left · 0 done")
    page.keyboard.press("u")
    expect(page.locator(".toast")).to_contain_text("Nothing to undo")


@pytest.mark.parametrize("path", ["/", "/browse"])
def test_the_address_names_the_post_that_undo_shows(two, open_page, path):
    _, page = open_page(two, f"{path}#{FIRST}")
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("t")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")
    page.keyboard.press("u")
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.reload()
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.evaluate(f"location.hash = '{SECOND}'")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")


def test_undo_in_the_list_shows_the_post(two, open_page):
    _, page = open_page(two, f"/browse#{FIRST}")
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("t")
    expect(page.locator("main h1")).to_have_text(f"Post {SECOND}")
    page.keyboard.press("b")
    expect(page.locator(".post")).to_have_count(2)
    page.keyboard.press("u")
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    assert page.url.endswith(f"#{FIRST}")


def test_keys_do_nothing_while_somebody_types(two, open_page):
    _, page = open_page(two)
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("c")
    for key in "jkstlumz?":
        page.keyboard.press(key)
    expect(field(page)).to_have_value("jkstlumz?")
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    assert not (two / "edited/review.json").exists()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("take the sound part")


def test_a_text_without_a_caption_is_not_saved(two, open_page):
    _, page = open_page(two)
    expect(page.locator("main h1")).to_have_text(f"Post {FIRST}")
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('{"character": ')
    expect(page.locator(".preview.bad")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("cannot be used yet")
    assert not (two / "edited/review.json").exists()


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
    expect(field(page)).to_have_value("Typed while it is rebuilt.")
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
