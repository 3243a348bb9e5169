"""Of notemill itself only what answers goes into an image: service and demo, as a small wheel of their own.

Its version carries the digest of its content: what changes elsewhere in notemill makes no other image.
"""

import hashlib
import io
import zipfile

import notemill
from notemill.distribution import DAY, NAME
from notemill.wheel import wheel_bytes

PARTS = (f"{NAME}/__init__.py", f"{NAME}/serve/", f"{NAME}/demo/")
ABOUT = ("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense-Expression: Apache-2.0\n"
         "Summary: Notemill's scoring service and demo\nRequires-Python: >=3.11\n")


def small_wheel(whole: bytes) -> tuple[str, bytes]:
    """(file name, content), from notemill's own wheel."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        files = {name: archive.read(name) for name in sorted(archive.namelist()) if name.startswith(PARTS)}
        licence = [archive.read(name) for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    version = f"{notemill.__version__.partition('+')[0]}+i{digest.hexdigest()[:12]}"
    folder = f"{NAME}-{version}.dist-info"
    files[f"{folder}/METADATA"] = ABOUT.format(name=NAME, version=version).encode()
    files |= {f"{folder}/LICENSE": text for text in licence[:1]}
    return f"{NAME}-{version}-py3-none-any.whl", wheel_bytes(files, folder, NAME, DAY, compressed=True)
