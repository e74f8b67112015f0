from booruflow.captioning.journal import Journal
from booruflow.review.journal_tail import Answer, JournalTail


def entry(id_, text):
    return {"key": "0" * 32, "id": id_, "text": text, "finish_reason": "stop", "prompt_tokens": 9, "completion_tokens": 50}


def test_a_cut_line_is_read_when_it_is_whole(tmp_path):
    tail, path = JournalTail(), tmp_path / "shard_0_of_1.jsonl"
    whole = b'{"key":"%s","id":3,"text":"a","finish_reason":"length","prompt_tokens":1,"completion_tokens":2,"seconds":0.1}\n' % (
        b"0" * 32
    )
    path.write_bytes(whole + whole[:20])
    assert list(tail.new(path)) == [[Answer(3, "length", 2, "")]]
    assert list(tail.new(path)) == []
    path.write_bytes(whole + whole + b'{"id": 4, "finish_reason": "stop"}\n\xff\n[]\n')
    assert list(tail.new(path)) == [[Answer(3, "length", 2, ""), Answer(4, "stop", 0, "")]]
    path.write_bytes(whole[:20])  # shorter: another file
    assert list(tail.new(path)) == []
    assert list(tail.new(tmp_path / "none.jsonl")) == []


def test_the_digest_of_the_settings_is_read_in_lines_of_either_form(tmp_path):
    odd = {"id": 2, "settings": "0123abcd", "finish_reason": "stop"}
    with Journal(tmp_path, 0, 1) as journal:
        journal.append(
            [{**entry(1, "a"), "seconds": 1}, {"key": "0" * 32, "settings": "0123abcd", **entry(1, "a"), "seconds": 1}, odd]
        )
    answers = [answer for part in JournalTail().new(tmp_path / "shard_0_of_1.jsonl") for answer in part]
    assert answers == [Answer(1, "stop", 50, ""), Answer(1, "stop", 50, "0123abcd"), Answer(2, "stop", 0, "0123abcd")]


def test_a_line_longer_than_a_block_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("booruflow.review.journal_tail.READ_BYTES", 100)
    with Journal(tmp_path, 0, 1) as journal:
        journal.append([entry(1, "x" * 1000), entry(2, "")])
    answers = [answer for part in JournalTail().new(tmp_path / "shard_0_of_1.jsonl") for answer in part]
    assert [answer.id for answer in answers] == [1, 2]
