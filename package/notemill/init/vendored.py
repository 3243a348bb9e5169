"""How a project asks for notemill: by its version from an index, else by a wheel made from what runs here.

The wheel's version carries the digest of its content: no index has it, and another state of the code is another
version.
"""

from notemill import distribution


def requirement() -> tuple[str, dict[str, bytes]]:
    """What setup.py asks for, and the wheel that satisfies it as {path in the project: content}; {} with an index."""
    version = distribution.index_version()
    if version is not None:
        return f"{distribution.NAME}=={version}", {}
    name, content = distribution.local_wheel()
    return f"{distribution.NAME}=={name.split('-')[1]}", {f"wheels/{name}": content}
