# pyproject.toml holds everything else; only setup() can map conf/ to nmrflow.conf.
from setuptools import find_packages, setup

setup(
    packages=[*find_packages("src"), "nmrflow.conf"],
    package_dir={"": "src", "nmrflow.conf": "conf"},
    package_data={"nmrflow.conf": ["**/*.yaml"], "nmrflow": ["py.typed"]},
)
