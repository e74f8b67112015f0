"""Posts per second from the posts file to the token file, against a plain tokenizer that works post by post.

    python benchmarks/token_file.py --posts 500000 [--folder FOLDER] [--baseline-posts 50000]

Both read the same parquet file and write the ids of every post, and their tokens must be equal. The posts are
synthetic (see synthetic_rows.py). The plain tokenizer encodes all posts unless --baseline-posts is given.
"""

import argparse
import os
import re
import resource
import sys
import tempfile
import time
from array import array
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
from synthetic_rows import BATCH, posts_batch
from synthetic_rows import vocabulary as synthetic_tags

from booruflow.core.jobs import ALLOCATOR_SETTINGS
from booruflow.core.tables import write_stream
from booruflow.sources.posts import POSTS_SCHEMA
from booruflow.tokens.encoding import write_tokens
from booruflow.tokens.prevalence import count_tags
from booruflow.tokens.token_file import TokenFile
from booruflow.tokens.vocabulary import SECTION_ORDER, Vocabulary, build_vocabulary, select_tags

QUALIFIER = re.compile(r"^(.+)_\((.+)\)$")
JOINTS = re.compile(r"[-_]")


def write_posts(path: Path, posts: int) -> None:
    """Write a posts file like that of the rule `posts`."""
    tags = synthetic_tags()
    columns = {"rating": "rating", "score": pl.col("score").cast(pl.Int32)}
    columns |= {category: f"tag_string_{category}" for category in SECTION_ORDER}
    batches = (posts_batch(tags, 0, batch).head(posts - batch * BATCH) for batch in range(-(-posts // BATCH)))
    write_stream(
        path, (batch.select("id", **columns) for batch in batches), {name: POSTS_SCHEMA[name] for name in ("id", *columns)}
    )


class PlainTokenizer:
    """A straightforward tokenizer: splits the strings of each post and looks up each tag; pieces by regex."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.ids = vocabulary.ids
        self.piece_ids = vocabulary.piece_ids
        self.special = vocabulary.special

    def pieces(self, label: str) -> list[str]:
        """The pieces of a label."""
        if len(label) <= 4:
            return [label]
        match = QUALIFIER.match(label)
        if match and match[2] == "cosplay":
            return [match[1], "cosplay"]
        parts = [label]
        while match:
            parts[:1] = [match[1], match[2]]
            match = QUALIFIER.match(match[1])
        found = [p for part in parts for p in ([part] if len(part) <= 4 else JOINTS.split(part)) if p]
        return found if len(found) > 1 else [label]

    def encode(self, post: dict[str, str]) -> list[int]:
        """The ids of a post."""
        special = self.special
        unk = special["unk"]
        ids = [special["bos"], special.get(f"rating:{post['rating']}", unk)]
        for category in SECTION_ORDER:
            ids.append(special[category])
            known = self.ids[category]
            whole, spelled, unknown = set(), set(), False
            for tag in (post[category] or "").split():
                if category != "general":
                    if tag in known:
                        whole.add(known[tag])
                    else:
                        unknown = True
                    continue
                pieces = self.pieces(tag)
                if tag in known:
                    whole.add(known[tag])
                else:
                    label = []
                    for piece in pieces if len(pieces) > 1 else [""]:
                        number = self.piece_ids.get(piece, 1 << 31)
                        if not (label and label[-1] == number == 1 << 31):
                            label.append(number)
                    if label == [1 << 31]:
                        unknown = True
                    else:
                        spelled.add(tuple(label))
            for number in sorted(whole):
                ids.append(number)
                if category == "general":
                    ids.append(special["delimiter"])
            for label in sorted(spelled):
                ids += [unk if number == 1 << 31 else number for number in label]
                ids.append(special["delimiter"])
            if unknown:
                ids.append(unk)
                if category == "general":
                    ids.append(special["delimiter"])
        ids.append(special["eos"])
        return ids


def tokenize_plainly(posts: Path, vocabulary: Vocabulary, path: Path, limit: int) -> tuple[int, float]:
    """Encode at least the first `limit` posts with the plain tokenizer; returns posts and seconds."""
    tokenizer = PlainTokenizer(vocabulary)
    kind = "H" if len(vocabulary) <= 1 << 16 else "I"
    done, began = 0, time.perf_counter()
    with path.open("wb") as file:
        for batch in pq.ParquetFile(posts).iter_batches(BATCH, columns=["rating", *SECTION_ORDER]):
            for post in batch.to_pylist():
                file.write(array(kind, tokenizer.encode(post)).tobytes())
            done += batch.num_rows
            if done >= limit:
                break
    return done, time.perf_counter() - began


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=500_000)
    parser.add_argument("--baseline-posts", type=int, help="posts for the plain tokenizer; all by default")
    parser.add_argument("--folder", type=Path, help="keep the files here, and reuse the posts file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--threshold", type=int, default=16)
    options = parser.parse_args()
    if any(name not in os.environ for name in ALLOCATOR_SETTINGS):  # as for the workflow's jobs
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ALLOCATOR_SETTINGS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        posts = folder / f"posts-{options.posts}.parquet"
        if not posts.exists():
            write_posts(posts, options.posts)
        began = time.perf_counter()
        counts = count_tags(posts)
        counted = time.perf_counter() - began
        vocabulary = build_vocabulary(select_tags(counts, dict.fromkeys(SECTION_ORDER, options.threshold)))
        print(f"{options.posts:,} posts, {len(vocabulary):,} tokens in the vocabulary")
        print(f"counting: {options.posts / counted:,.0f} posts/s")
        path = folder / "tokens.bin"
        began, processor = time.perf_counter(), time.process_time()
        write_tokens(posts, vocabulary, path, 4096, options.threads)
        seconds, processor = time.perf_counter() - began, time.process_time() - processor
        rate, effort = options.posts / seconds, processor / options.posts
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"encoding: {rate:,.0f} posts/s, {1e6 * effort:.2f} us of CPU time per post, peak {peak:,.0f} MB")
        processor = time.process_time()
        done, seconds = tokenize_plainly(posts, vocabulary, folder / "plain.bin", options.baseline_posts or options.posts)
        processor = (time.process_time() - processor) / done
        print(f"post by post: {done / seconds:,.0f} posts/s, {1e6 * processor:.2f} us of CPU time per post, {done:,} posts")
        print(f"ratio: {rate * seconds / done:.1f} of wall time, {processor / effort:.1f} of CPU time")
        ours = TokenFile(path, vocabulary)
        same = memoryview(ours.tokens[: int(ours.offsets[done])]).cast("B") == (folder / "plain.bin").read_bytes()
        print("tokens equal" if same else "TOKENS DIFFER")


if __name__ == "__main__":
    main()
