"""The file system of the phone."""

from __future__ import annotations

import errno

import pytest

from agentkit_android.phone.files import CAPACITY, Files


@pytest.fixture
def files() -> Files:
    files = Files(lambda: 1000)
    files.make_folder("/a/b", parents=True)
    files.write("/a/b/f", b"12345")
    return files


def test_room_is_counted(files: Files) -> None:
    assert files.room == CAPACITY - 5
    files.write("/a/b/f", b"12", append=True)
    assert files.room == CAPACITY - 7
    with pytest.raises(OSError) as error:
        files.write("/a/big", bytes(CAPACITY))
    assert error.value.errno == errno.ENOSPC and not files.exists("/a/big")
    files.rename("/a/b", "/a/c")
    assert files.room == CAPACITY - 7 and files.read("/a/c/f") == b"1234512"
    files.remove("/a", recursive=True)
    assert files.room == CAPACITY


def test_paths_stay_inside(files: Files) -> None:
    assert files.read("/../../a/./b/../b//f") == b"12345"
    assert files.read("a/b/f") == b"12345"


def test_links_lead_on_and_never_round(files: Files) -> None:
    files.link("/l", "/a/b")
    files.link("/a/up", "../a/b/f")
    assert files.read("/l/f") == files.read("/a/up") == b"12345"
    files.write("/a/up", b"through")
    assert files.read("/a/b/f") == b"through"
    files.link("/x", "/y")
    files.link("/y", "/x")
    for act in (lambda: files.read("/x"), lambda: files.write("/x", b"")):
        with pytest.raises(OSError) as error:
            act()
        assert error.value.errno == errno.ELOOP
    assert not files.exists("/x")


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/none", errno.ENOENT),
        ("/a/b/f/g", errno.ENOTDIR),
        ("/a", errno.EISDIR),
        ("", errno.ENOENT),
        ("/a\0b", errno.EINVAL),
    ],
)
def test_faults_are_those_of_linux(files: Files, path: str, number: int) -> None:
    with pytest.raises(OSError) as error:
        files.read(path)
    assert error.value.errno == number


def test_a_folder_is_not_moved_into_itself(files: Files) -> None:
    with pytest.raises(OSError):
        files.rename("/a", "/a/b/c")
    assert files.read("/a/b/f") == b"12345"
