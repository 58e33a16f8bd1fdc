# pyproject.toml holds everything else; only setup() can map conf/ to nmrflow.conf.
from setuptools import find_packages, setup

setup(
    packages=[*find_packages("src"), "nmrflow.conf", "nmrflow.conf.evaluation"],
    package_dir={
        "": "src",
        "nmrflow.conf": "conf",
        "nmrflow.conf.evaluation": "conf/evaluation",
    },
    package_data={
        "nmrflow": ["py.typed", "data/*.csv.gz", "weights/*", "app/static/*"],
        "nmrflow.conf": ["**/*.yaml"],
        "nmrflow.conf.evaluation": ["**/*.yaml"],
    },
)
