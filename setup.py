"""The compiled kernels of the fingerprint and face engines; everything else about the package stands in pyproject.toml.

They are plain C, loaded with ctypes: no Python headers are needed, and where there is no compiler the package installs
without them and numpy does the work. So they belong to no one Python, and the wheel is one for all (abi3).
"""

from pathlib import Path

from setuptools import Extension, setup

FLAGS = [
    "-std=gnu11",
    "-O3",
    "-fvisibility=hidden",
    # What lets sums be vectorised. Infinities and NaN keep their meaning.
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-Wno-unknown-pragmas",
]


def kernels(package: str) -> Extension:
    """The kernels of one package: its folder ``kernels``, built as ``_kernels`` beside it."""
    folder = Path(*package.split("."), "kernels")
    return Extension(
        f"{package}._kernels",
        sources=sorted(path.as_posix() for path in folder.glob("*.c")),
        depends=sorted(path.as_posix() for path in folder.glob("*.h")),
        extra_compile_args=FLAGS,
        libraries=["m"],
        optional=True,
        py_limited_api=True,
    )


setup(
    ext_modules=[kernels("hotspotd.biometrics.finger.native"), kernels("hotspotd.biometrics.face.native")],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
