"""What somebody types and saves is kept: beside other tabs, after a kill, with both texts of an entry, by undo."""

import pytest
from playwright.sync_api import expect
from review_posts import CUT, FIRST, SECOND, saved


def field(page):
    return page.get_by_role("textbox", name="Text", exact=True)


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
