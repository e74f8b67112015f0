"""The bad captions of the sample, repaired by keyboard alone, and what the workflow makes of them."""

import json

from playwright.sync_api import expect

TYPED = "A girl with a ponytail and a girl with twintails drink tea."


def test_three_captions_are_repaired_by_keyboard_and_taken_up_by_the_next_run(built, context, serve):
    for path in (built.folder / "edited").glob("*.json"):
        path.unlink()
    server = serve(built.folder)
    page = context.new_page()
    page.goto(server.url("/"))
    status, title, keys = page.get_by_role("status").first, page.locator("main h1"), page.keyboard
    expect(status).to_contain_text("3 left · 0 done")

    # the answer that was cut, completed by hand
    expect(title).to_have_text("Post 1666209")
    expect(page.locator("mark")).to_contain_text("The mood")
    keys.press("e")
    keys.press("Control+End")
    keys.insert_text(' is quiet."}')
    expect(page.locator(".preview")).to_contain_text("The mood is quiet.")
    keys.press("Control+Enter")

    # a caption of one's own
    expect(title).to_have_text("Post 3934628")
    keys.press("c")
    keys.insert_text(TYPED)
    keys.press("Control+Enter")

    # the sound part
    expect(title).to_have_text("Post 6292362")
    sound = page.locator(".preview.sound").inner_text()
    keys.press("s")
    expect(title).to_have_text("All done")
    expect(status).to_contain_text("0 left · 3 done")

    page.reload()
    expect(title).to_have_text("All done")
    server.restart()
    page.goto(server.url("/?state=done"))
    expect(status).to_contain_text("0 left · 3 done")
    page.goto(server.url("/#3934628"))
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_have_value(TYPED)

    jobs = built.run().jobs
    assert jobs["fixed"] == jobs["meta_cap"] == 1
    assert not jobs.keys() & {"caption", "parse", "base_captions"}
    merged = built.read("meta_cap.json")
    assert merged["3934628"] == {"caption": TYPED}
    assert merged["6292362"] == {"caption": sound}
    assert str(merged["1666209"]["caption"]).endswith("The mood is quiet.")
    assert json.loads((built.results / "captions/edits.json").read_bytes())["3934628"]["outcome"] == "fixed"
