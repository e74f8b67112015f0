"""JSON files keyed by post that are refused, each with a pattern of its message; the file is called 0.json."""

BROKEN_JSON = [
    (b"", r"0\.json: begins with b''"),
    (b'[{"id": 1}]', "not with an object"),
    (b'{"1": "a", "2": {"caption": "cut', 'key "2": the file is cut short'),
    (b'{"1": "a", "2": {"caption": "cut"}', 'key "2": .* if it is cut short'),
    (b'{"1": "a", ', "at its end: the file is cut short"),
    (b'{"1": "a",}', "a comma without an entry"),
    (b'{"1": "a"} {"2": "b"}', 'key "1": not valid JSON'),
    (b'{"1": "a", "2": "b\\ud800c", "3": "d"}', 'key "2": not valid JSON .*surrogate'),
    (b'{"1": "a", "2": NaN, "3": "d"}', 'key "2": not valid JSON'),
    (b'{"1": "a", "2": "\xff", "3": "d"}', 'key "2": not valid JSON .*UTF-8'),
    (b'{"girl.png": "a"}', r"key 'girl\.png': neither a post id nor a path"),
    (b'{"9999999999999999999": "a"}', "neither a post id"),
    (b'{"1000000000000000000": "a"}', "neither a post id"),
    (b'{"-1": "a"}', "neither a post id"),
    (b'{"\xc2\xb2": "a"}', "neither a post id"),
    (b'{"7": "a", "7": "b"}', 'key "7" occurs twice|id 7 is already at'),
    (b'{"7": "a", "/x/7.png": "b"}', r"0\.json entry 2: id 7 is already at .*0\.json entry 1 "),
]
