"""Whether a library is as it was written."""

from pathlib import Path

from nmrflow.console import progress
from nmrflow.errors import DataError
from nmrflow.library.dataset import MANIFEST, read_manifest, read_shard


def verify(folder: str | Path) -> list[str]:
    """What of a library is not as it was written, in sentences.

    Raises:
        DataError: As :func:`nmrflow.library.dataset.read_manifest`.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    found = [
        f"{folder}: {source['file']} was not read to its end; the same command goes on with it"
        for source in manifest.sources
        if not source["is_whole"]
    ]
    for shard in progress(manifest.shards, len(manifest.shards), "comparing shards"):
        try:
            read_shard(folder, shard)
        except DataError as error:
            found.append(str(error))
    own = {MANIFEST, ".lock", *(shard.file for shard in manifest.shards)}
    foreign = sorted(file.name for file in folder.iterdir() if file.name not in own)
    return found + [f"{folder / name}: is no part of the library" for name in foreign]
