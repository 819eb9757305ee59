"""The compiled kernels of the fingerprint engine; everything else about the package stands in pyproject.toml.

They are plain C, loaded with ctypes: no Python headers are needed, and where there is no compiler the package installs
without them and numpy does the work.
"""

from pathlib import Path

from setuptools import Extension, setup

KERNELS = Path("hotspotd/biometrics/finger/native/kernels")
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

setup(
    ext_modules=[
        Extension(
            "hotspotd.biometrics.finger.native._kernels",
            sources=sorted(path.as_posix() for path in KERNELS.glob("*.c")),
            depends=sorted(path.as_posix() for path in KERNELS.glob("*.h")),
            extra_compile_args=FLAGS,
            libraries=["m"],
            optional=True,
        )
    ]
)
