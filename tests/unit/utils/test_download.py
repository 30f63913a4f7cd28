"""get_file: fetched once, checked, unpacked without reaching out of its folder. The server is on this machine."""

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from plait.errors import ArgumentError, FileError, NameUnknownError, UnsafeFileError
from plait.utils import download
from plait.utils.download import get_file


@pytest.fixture
def server(tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(served))

        def do_GET(self):
            asked.append(self.path)
            if self.path == "/short":
                self.send_response(200)
                self.send_header("Content-Length", "10")
                self.end_headers()
                self.wfile.write(b"abc")
            elif self.path in ("/to_file", "/to_a"):
                self.send_response(302)
                self.send_header("Location", "file:///etc/passwd" if self.path == "/to_file" else "/a.txt")
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        running.folder, running.asked = served, asked
        running.address = f"http://127.0.0.1:{running.server_port}"
        (served / "a.txt").write_text("hello")
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def fetch(server, tmp_path):
    return lambda name, **options: get_file(origin=f"{server.address}/{name}", cache_dir=tmp_path / "cache", **options)


def tar_of(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(content) if kind == tarfile.REGTYPE else 0
            member.linkname = content.decode() if kind != tarfile.REGTYPE else ""
            tar.addfile(member, io.BytesIO(content))


def zip_of(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members:
            packed.writestr(name, content)


def test_a_file_is_fetched_once(fetch, server, tmp_path):
    path = fetch("a.txt")
    assert path == fetch("a.txt") == str(tmp_path / "cache" / "datasets" / "a.txt")
    assert Path(path).read_text() == "hello"
    assert server.asked == ["/a.txt"]
    assert fetch("to_a", force_download=True, fname="b", cache_subdir="x").endswith("cache/x/b")
    assert fetch("a.txt", force_download=True) == path
    assert server.asked == ["/a.txt", "/to_a", "/a.txt", "/a.txt"]


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_the_hash_is_checked(fetch, server, tmp_path, algorithm):
    right = getattr(hashlib, algorithm)(b"hello").hexdigest()
    path = fetch("a.txt", file_hash=right.upper(), hash_algorithm=algorithm)
    (tmp_path / "cache" / "datasets" / "a.txt").write_text("changed")
    assert Path(fetch("a.txt", file_hash=right)).read_text() == "hello"
    wrong = "0" * len(right)
    with pytest.raises(FileError, match="does not match the provided value"):
        fetch("a.txt", file_hash=wrong)
    assert Path(path).read_text() == "hello"
    with pytest.raises(FileError, match="does not match"):
        fetch("a.txt", fname="new", md5_hash="0" * 32)
    assert [file.name for file in (tmp_path / "cache" / "datasets").iterdir()] == ["a.txt"]
    with pytest.raises(NameUnknownError, match="Did you mean 'sha256'"):
        fetch("a.txt", file_hash=wrong, hash_algorithm="sha-256")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_is_unpacked(fetch, server, kind):
    path = server.folder / f"data.{kind}"
    if kind == "zip":
        zip_of(path, ("in/", ""), ("in/a.txt", "A"), ("b.txt", "B"))
    else:
        tar_of(
            path, ("in", tarfile.DIRTYPE, b""), ("in/a.txt", tarfile.REGTYPE, b"A"), ("b.txt", tarfile.REGTYPE, b"B")
        )
    found = fetch(path.name, extract=True)
    assert found.endswith(f"datasets/data.{kind}")
    assert (Path(found) / "in" / "a.txt").read_text() + (Path(found) / "b.txt").read_text() == "AB"
    assert fetch(path.name, extract=True) == found
    assert len(server.asked) == 1
    if kind == "tar.gz":
        assert fetch(path.name, fname="old.tar.gz", untar=True).endswith("datasets/old_extracted")


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "in/../../out.txt", "..\\out.txt", "C:\\out.txt"])
def test_members_that_reach_out_are_refused(fetch, server, tmp_path, name):
    zip_of(server.folder / "bad.zip", ("fine.txt", "x"), (name, "x"))
    tar_of(server.folder / "bad.tar.gz", (name, tarfile.REGTYPE, b"x"))
    for archive in ("bad.zip", "bad.tar.gz"):
        with pytest.raises(UnsafeFileError, match="reaches out of the folder"):
            fetch(archive, extract=True)
    kept = sorted(file.name for file in (tmp_path / "cache" / "datasets").iterdir())
    assert kept == ["bad.tar.gz_archive", "bad.zip_archive"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE], ids=["symlink", "link", "pipe"])
def test_links_and_devices_are_refused(fetch, server, kind):
    tar_of(server.folder / "bad.tar.gz", ("x", kind, b"/etc/passwd"))
    with pytest.raises(UnsafeFileError, match="is a link or a device"):
        fetch("bad.tar.gz", extract=True)
    link = zipfile.ZipInfo("x")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(server.folder / "bad.zip", "w") as packed:
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeFileError, match="is a link"):
        fetch("bad.zip", extract=True)


def test_an_archive_may_not_grow_beyond_all_measure(fetch, server, monkeypatch):
    monkeypatch.setattr(download, "_FREELY", 1000)
    zip_of(server.folder / "bomb.zip", ("zeros", bytes(1 << 22)))
    with pytest.raises(UnsafeFileError, match="more than 200 times its own size"):
        fetch("bomb.zip", extract=True)


def test_what_cannot_be_fetched_says_why(fetch, server, tmp_path):
    with pytest.raises(FileError, match="404 -- File not found"):
        fetch("none")
    with pytest.raises(FileError, match=r"got 3 bytes of 10|Connection|IncompleteRead"):
        fetch("short")
    with pytest.raises(FileError, match="Redirection to url 'file:///etc/passwd' is not allowed"):
        fetch("to_file")
    with pytest.raises(FileError, match="is no archive"):
        fetch("a.txt", extract=True)
    with pytest.raises(NameUnknownError, match="archive_format must be"):
        fetch("a.txt", extract=True, archive_format="rar")


@pytest.mark.parametrize("origin", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/etc/passwd", "data:,x"])
def test_only_the_web_is_fetched_from(origin, tmp_path):
    with pytest.raises(ArgumentError, match="only http and https"):
        get_file("x", origin, cache_dir=tmp_path)


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", ".."])
def test_a_name_is_no_path(fetch, name):
    with pytest.raises(ArgumentError, match="Paths are no longer accepted"):
        fetch("a.txt", fname=name)


def test_an_address_is_needed(tmp_path):
    with pytest.raises(ArgumentError, match="`origin` must be the address"):
        get_file("x", cache_dir=tmp_path)
