from booruflow.review.newest_log import LOG_LINES, end_of_newest_log


def test_the_log_that_was_written_last_is_shown_as_text(tmp_path):
    assert end_of_newest_log(tmp_path) == []
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "caption_0.log").write_text("a job")
    assert end_of_newest_log(tmp_path) == ["a job"]
    (logs / "caption_0.engine.log").write_bytes(b"old\n" * 30 + b"\x1b[31mred\x1b[0m \x07bell\r10%\r20%\n\xff\n" + b"x" * 1000)
    lines = end_of_newest_log(tmp_path)
    assert lines[-5:] == ["red bell", "10%", "20%", "\ufffd", "x" * 400]
    assert len(lines) == LOG_LINES


def test_what_a_job_found_is_shown_once(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/caption_0.log").write_text("checking images\n6 of 6 captions generated\ndone: 6 of 6 captions generated\n")
    assert end_of_newest_log(tmp_path) == ["checking images", "6 of 6 captions generated"]
