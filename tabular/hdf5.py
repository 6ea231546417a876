"""Table files: written whole or not at all, and believed only as far as their hashes hold."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nasbench.atomic import write_bytes
from nasbench.core import Space
from nasbench.errors import TableCorrupt, TableVersion
from tabular import schema

if TYPE_CHECKING:
    from tabular.table import Table

_ADVICE = "Get the file again, or rebuild it with `nasbench table build`."
_FAULTS = (OSError, LookupError, RuntimeError, ValueError, TypeError, AttributeError)
"""What h5py and the parsing of what it returns raise on a damaged file."""


def open_table(path: str | Path, space: Space | None = None) -> Table:
    """The table in a file.

    Manifest, genes, costs and the final epoch are checked now, the rest when it is first read. Of a
    table of several blocks only the manifest is; everything else is read and checked by block.

    Args:
        path: an HDF5 file in the layout of `schema`.
        space: the table's space, if it is not a registered one.

    Raises:
        TableCorrupt: missing, empty, truncated, changed, or not a table.
        TableVersion: of another version of the layout.
    """
    from tabular.table import Table

    return Table(open_source(Path(path)), space)


def write_table(path: Path, content: schema.Content) -> str:
    """Writes a table file and returns its content's sha256; equal content gives equal bytes.

    Raises:
        OutputFault: the place cannot be written or is full; `path` is as it was before.
    """
    stored = schema.datasets(content)
    attributes = schema.attributes(content)
    manifest = schema.manifest(attributes, stored)
    sha256 = hashlib.sha256(manifest).hexdigest()
    head = {"format": schema.FORMAT, "schema": schema.VERSION, "sha256": sha256}
    write_bytes(path, _image({**head, **attributes}, stored, manifest))
    return sha256


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A table file whose manifest has been checked; data sets are checked as they are read."""

    path: Path
    sha256: str
    attributes: Mapping[str, Any]
    datasets: Mapping[str, Mapping[str, Any]]
    """Attributes, shape, dtype and hashes by path."""
    space: Space | None = None

    @property
    def block(self) -> int | None:
        """Rows of each block, if the table has several."""
        size: int | None = self.datasets["genes"].get("block")
        return size

    def read(self, *wanted: str | tuple[str, int], block: int | None = None) -> list[NDArray[Any]]:
        """Data sets by path, or planes of them by (path, index along the last axis); verified.

        `block` is the number of the only block to be read; None reads all rows.

        Raises:
            TableCorrupt: one of them is not what the manifest vouches for.
        """
        with self._file() as file:
            return [self._checked(file, name, block) for name in wanted]

    def verify_values(self) -> int:
        """Reads everything and returns how many hashes held.

        Raises:
            TableCorrupt: one does not.
        """
        count = 0
        with self._file() as file:
            for name, known in self.datasets.items():
                planes = known["shape"][-1] if name.startswith("curves/") else None
                for part in [name] if planes is None else [(name, k) for k in range(planes)]:
                    self._checked(file, part, None)
                count += len(known["sha256"])
        return count

    def verify_attributes(self) -> None:
        """Compares the attributes of the file and its data sets with the manifest.

        Raises:
            TableCorrupt: one is missing or another.
        """
        with self._file() as file:
            self._same_attributes(file, self.attributes)
            for name, known in self.datasets.items():
                self._same_attributes(file[name], known["attributes"])

    @contextmanager
    def _file(self) -> Iterator[h5py.File]:
        """The file; whatever goes wrong while it is open is its fault."""
        try:
            with _opened(self.path) as file:
                yield file
        except _FAULTS as fault:
            if isinstance(fault, TableCorrupt):
                raise
            raise corrupt(self.path, str(fault)) from fault

    def _same_attributes(self, target: Any, known: Mapping[str, Any]) -> None:
        for name, value in known.items():
            stored = target.attrs.get(name)
            found = stored if isinstance(value, (str, int, float)) else _parsed(stored)
            if found != value:
                what = f"{name} of {target.name} is {stored!r}, the manifest says {value!r}"
                raise corrupt(self.path, what)

    def _checked(
        self, file: h5py.File, wanted: str | tuple[str, int], block: int | None
    ) -> NDArray[Any]:
        name, plane = (wanted, None) if isinstance(wanted, str) else wanted
        known = self.datasets[name]
        data = file[name]
        if list(data.shape) != known["shape"] or data.dtype.str != known["dtype"]:
            raise corrupt(self.path, f"{name} has shape {data.shape} and type {data.dtype.str}")
        size = known.get("block") or max(len(data), 1)
        count = max(-(-len(data) // size), 1)
        parts = []
        for k in range(count) if block is None else (block,):
            rows = slice(k * size, (k + 1) * size)
            values = data[rows] if plane is None else data[rows, ..., plane]
            if schema.digest(values) != known["sha256"][k + count * (plane or 0)]:
                raise corrupt(self.path, f"the values of {name} are not those that were written")
            parts.append(values)
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        whole.flags.writeable = False
        return np.asarray(whole)


def open_source(path: Path) -> Source:
    """The file with its manifest read and checked.

    Raises:
        TableCorrupt: missing, empty, truncated, changed, or not a table.
        TableVersion: of another version of the layout.
    """
    _refuse_other_files(path)
    try:
        with _opened(path) as file:
            sha256 = _head(path, file)
            manifest = file["manifest"][...].tobytes()
        if hashlib.sha256(manifest).hexdigest() != sha256:
            raise corrupt(path, "its manifest does not have the sha256 that the file states")
        known = json.loads(manifest)
        return Source(path, sha256, known["attributes"], known["datasets"])
    except _FAULTS as fault:
        if isinstance(fault, (TableCorrupt, TableVersion)):
            raise
        raise corrupt(path, str(fault)) from fault


def corrupt(path: Path, why: str) -> TableCorrupt:
    """The error of a file that cannot be trusted."""
    return TableCorrupt(f"{path} is not an intact table: {why}. {_ADVICE}")


def _parsed(stored: Any) -> Any:
    return None if stored is None else json.loads(stored)


def _refuse_other_files(path: Path) -> None:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise TableCorrupt(f"expected a table file, but {path} {what}. {_ADVICE}")
    if path.stat().st_size == 0:
        raise corrupt(path, "it is empty")
    if not h5py.is_hdf5(path):
        raise corrupt(path, "it is not an HDF5 file")


def _opened(path: Path) -> h5py.File:
    return h5py.File(path, "r", locking=False)


def _head(path: Path, file: h5py.File) -> str:
    if file.attrs.get("format") != schema.FORMAT:
        raise corrupt(path, f"it is an HDF5 file without the attribute format={schema.FORMAT!r}")
    version = int(file.attrs["schema"])
    if version != schema.VERSION:
        raise TableVersion(
            f"{path} has version {version} of the table layout, this nasbench-lab reads version "
            f"{schema.VERSION}. Install the release that wrote it, or rebuild the table."
        )
    return str(file.attrs["sha256"])


def _image(
    attributes: Mapping[str, Any], stored: Mapping[str, schema.Stored], manifest: bytes
) -> bytes:
    """The bytes of the HDF5 file, made in memory so that a full disk meets a plain write."""
    image = io.BytesIO()  # h5py's own way to get at an image in memory copies it
    with h5py.File(image, "w", libver=("v110", "v110")) as file:
        _describe(file, attributes)
        for name, data in stored.items():
            rows, *others = data.values.shape
            chunks = (
                (data.block or rows, *others[:-1], 1)
                if data.planes
                else (data.block or rows, *others)
            )
            made = _compressed(file, name, data.values, chunks)
            _describe(made, data.attributes)
        raw = np.frombuffer(manifest, dtype=np.uint8)
        _compressed(file, "manifest", raw, raw.shape)
    return image.getvalue()


def _compressed(
    file: h5py.File, name: str, values: NDArray[Any], chunks: tuple[int, ...]
) -> h5py.Dataset:
    return file.create_dataset(
        name,
        data=values,
        chunks=chunks,
        compression="gzip",
        compression_opts=9,
        shuffle=True,
        fletcher32=True,
        track_times=False,
    )


def _describe(target: h5py.File | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    for name, value in sorted(attributes.items()):
        plain = isinstance(value, (str, int, float))
        target.attrs[name] = value if plain else json.dumps(value, sort_keys=True)
