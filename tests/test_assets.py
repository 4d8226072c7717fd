"""Model files are checked by sha256."""

import shutil
import subprocess

import pytest

from gaia_core import assets, checkpoint
from gaia_core.errors import InputError


def test_a_packages_file_is_found_without_importing_it(tmp_path, monkeypatch):
    package = tmp_path / "some_model"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('never import me')")
    (package / "weights.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    sha256 = assets.hash_file(package / "weights.bin")
    assert assets.packaged_file("some_model", "weights.bin", sha256) == package / "weights.bin"
    for file, wanted in (("weights.bin", "0" * 64), ("others.bin", sha256)):
        with pytest.raises(InputError, match=f"{file} is missing or damaged; install some-model"):
            assets.packaged_file("some_model", file, wanted)
    with pytest.raises(InputError, match="install this==1 again"):
        assets.packaged_file("no_such_model", "weights.bin", sha256, "this==1")


def test_changed_weights_raise(tmp_path, make_autoencoder):
    checkpoint.save(tmp_path, make_autoencoder(), {})
    other = tmp_path / "other"
    checkpoint.save(other, make_autoencoder(condition=8), {})
    checkpoint.load_autoencoder(tmp_path)
    path = tmp_path / "autoencoder.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # a bit that nothing else would notice
    path.write_bytes(data)
    with pytest.raises(InputError, match="autoencoder.safetensors.*restore both"):
        checkpoint.load_autoencoder(tmp_path)


def test_a_file_is_sealed_again(tmp_path):
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(name.encode())
        assets.seal(tmp_path / name)
    (tmp_path / "a.bin").write_bytes(b"new")
    with pytest.raises(InputError):
        assets.check(tmp_path / "a.bin")
    assets.seal(tmp_path / "a.bin")
    for name in ("a.bin", "b.bin", "never sealed.bin"):
        assets.check(tmp_path / name)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_sums_have_the_format_of_sha256sum(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"1")
    assets.seal(tmp_path / "a.bin")
    subprocess.run(["sha256sum", "--check", "--strict", assets.SUMS], cwd=tmp_path, check=True)


def test_a_shipped_model_is_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "_shipped", lambda name: tmp_path / name)
    folder = tmp_path / "weights" / "third_party"
    folder.mkdir(parents=True)
    with pytest.raises(InputError, match="a.bin is missing; restore it"):
        assets.shipped_model("a.bin")
    (folder / "a.bin").write_bytes(b"model")
    assets.seal(folder / "a.bin")
    assert assets.shipped_model("a.bin") == folder / "a.bin"
    (folder / "a.bin").write_bytes(b"other")
    with pytest.raises(InputError, match="a.bin is not the one"):
        assets.shipped_model("a.bin")


def test_every_shipped_model_is_sealed():
    folder = assets.shipped_model("face_landmarker_v2.task").parent
    models = {path.name for path in folder.iterdir() if path.suffix in (".task", ".safetensors")}
    sealed = {line.split()[1] for line in (folder / assets.SUMS).read_text("utf-8").splitlines()}
    assert len(models) == 3 and models < sealed
