"""Checks a conda recipe as far as that goes without conda's channels: rattler-build reads and renders it, then builds
the package with the tools of this machine instead of the recipe's, and runs its test of the package's contents. What
the package needs is not solved, and its test with a compiler is not run.

Usage: conda.py RECIPE SOURCE WORK

SOURCE is the unpacked archive that the package is built from.
"""
import pathlib
import shutil
import sys

import rattler_build
import yaml

recipe_path, source, work = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
recipe = yaml.safe_load(recipe_path.read_text())

variants = rattler_build.VariantConfig({"cxx_compiler": ["gxx"], "c_stdlib": ["sysroot"]})
platforms = ("linux-64", "linux-aarch64", "osx-arm64")
for platform in platforms:
    config = rattler_build.RenderConfig(rattler_build.PlatformConfig(target_platform=platform))
    (variant,) = rattler_build.Stage0Recipe.from_file(recipe_path).render(variants, config)
    rendered = variant.recipe.to_dict()
    assert rendered["build"]["noarch"] == "generic", f"the package of {platform} would be for {platform} alone"
    assert rendered["package"]["version"] == recipe["context"]["version"]

shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
recipe.update(source={"path": str(source)}, requirements={},
              tests=[test for test in recipe["tests"] if "package_contents" in test])
assert len(recipe["tests"]) == 1, "the recipe has no test of the package's contents"
offline = work / "recipe.yaml"
offline.write_text(yaml.safe_dump(recipe))
(built,) = rattler_build.Stage0Recipe.from_file(offline).run_build(
    output_dir=work / "out", channels=[], env_isolation=rattler_build.EnvironmentIsolation.NONE,
    tool_config=rattler_build.ToolConfiguration(test_strategy="native"))
(package,) = built.packages
print(f"{pathlib.Path(package).name}: renders on {len(platforms)} platforms, is built and has its files; what it needs "
      "was not solved, its test with a compiler not run")
