import pytest
from review_posts import CUT, BadPost, write_data_set
from starlette.testclient import TestClient

from booruflow.core.errors import UserError
from booruflow.review.pages.app import review_app
from booruflow.review.pages.requests import MAX_BODY


@pytest.fixture
def folder(tmp_path):
    return write_data_set(tmp_path / "set", [BadPost(5), BadPost(8, image=b"no image")])


@pytest.fixture
def client(folder):
    return TestClient(review_app(folder), raise_server_exceptions=True)


def save(client, post=5, action="caption", text="A girl smiles.", version="", session="me"):
    return client.post(f"/api/posts/{post}/edit", json={"action": action, "text": text, "version": version, "session": session})


def test_a_folder_without_a_data_set_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        review_app(tmp_path)


@pytest.mark.parametrize("path", ["/", "/browse", "/progress", "/static/style.css", "/static/entry.js"])
def test_pages_hold_nothing_of_the_data_set_and_no_script_of_their_own(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert "<script>" not in answer.text and "://" not in answer.text.replace("http://127.0.0.1", "").replace("www.w3.org", "")


def test_a_post_comes_with_its_answer_and_what_is_wrong_with_it(client):
    answer = client.get("/api/posts/5").json()
    assert (answer["post"]["raw"], answer["edit"]["action"], answer["parsed"]["caption"]) == (CUT, "", None)
    start, end = answer["parsed"]["fault"]
    assert CUT[start:end].endswith("The mood")


def test_the_queue_is_walked_through_by_its_filters(client):
    assert client.get("/api/queue").json()["counts"]["left"] == 2
    assert client.get("/api/queue/step").json()["id"] == 5
    assert client.get("/api/queue/step?post=5").json()["id"] == 8
    assert client.get("/api/queue/step?post=8&step=-1").json()["id"] == 5
    assert client.get("/api/queue/step?post=8").json() is None
    assert client.get("/api/queue/step?reason=refusal").json() is None
    assert client.get("/api/queue?tag=white_hair&rating=g&shard=0&text=night").json()["total"] == 2


def test_a_save_on_an_old_version_is_refused_with_what_stands_there(client):
    assert save(client).json()["action"] == "caption"
    answer = save(client, text="Another.")
    assert (answer.status_code, answer.json()["now"]["text"]) == (409, "A girl smiles.")
    assert save(client, text="Another.", version=answer.json()["now"]["version"]).status_code == 200


def test_a_text_without_a_caption_is_not_saved(client, folder):
    answer = save(client, action="text", text="{")
    assert answer.status_code == 422 and "cannot be used yet" in answer.json()["error"]
    assert not (folder / "edited/review.json").exists()


def test_marks_and_undo(client):
    version = client.post("/api/posts/5/mark", json={"marked": True, "version": "", "session": "me"}).json()["version"]
    assert client.get("/api/posts/5").json()["edit"]["marked"] is True
    assert save(client, version=version).status_code == 200
    assert client.post("/api/undo", json={"session": "me"}).json()["was"] == "caption"
    assert client.post("/api/undo", json={"session": "another"}).json() is None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b'{"action": "caption", "text": "a"', 400),
        (b'{"action": "caption", "text": "a"}', 400),
        (b'{"action": "caption", "text": 1, "version": "", "session": ""}', 400),
        (b'{"action": "caption", "text": "a", "version": "", "session": "", "path": "/etc/passwd"}', 400),
        (b'{"action": "delete", "text": "a", "version": "", "session": ""}', 422),
        (b'{"action": "caption", "text": "\\ud800", "version": "", "session": ""}', 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b" " * (MAX_BODY + 1), 413),
    ],
)
def test_what_is_no_request_is_refused(client, data, status):
    answer = client.post("/api/posts/5/edit", content=data, headers={"content-type": "application/json"})
    assert answer.status_code == status and answer.json()["error"]


def test_a_form_of_another_site_is_refused(client):
    assert client.post("/api/posts/5/edit", content=b"{}", headers={"content-type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("path", ["/api/queue?shard=x", "/api/queue/step?post=99999999999999999999", "/api/search?origin=x"])
def test_an_address_with_nonsense_is_refused(client, path):
    assert client.get(path).status_code == 400


@pytest.mark.parametrize("path", ["/api/posts/7", "/api/posts/99999999999999999999", "/image/7", "/image/99999999999999999999"])
def test_a_post_that_is_not_there(client, path):
    assert client.get(path).status_code == 404


def test_images_by_id_only(client, folder):
    for size in ("thumb", "view", "full"):
        answer = client.get(f"/image/5?size={size}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert client.get("/image/5?size=full").content == (folder / "images/5.webp").read_bytes()
    for path in ("/image/8", "/image/8?size=full"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not an image of a known kind")
    assert client.get("/image/5?size=huge").status_code == 400
    for path in ("/image/..%2f..%2fconfig.yaml", "/static/..%2f..%2fapp.py", "/static/../app.py", "/image/5/../../config.yaml"):
        assert client.get(path).status_code == 404


def test_posts_are_listed_by_place_by_id_and_by_search(client):
    answer = client.get("/api/posts?first=1").json()
    assert (answer["first"], answer["total"], [post["id"] for post in answer["posts"]]) == (1, 2, [8])
    assert client.get("/api/posts?post=6").json()["first"] == 1
    assert client.get("/api/posts/5/step?step=1").json() == 8
    found = client.get("/api/search?tags=white_hair 1girl&origin=bad").json()
    assert ([post["id"] for post in found["posts"]], found["after"]) == ([5, 8], None)
    assert client.get("/api/search?tags=no_such_tag").json()["posts"] == []
