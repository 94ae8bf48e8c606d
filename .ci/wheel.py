"""Import every module of the installed package; its files of JavaScript and CSS are read by those that show them."""

import importlib
import pkgutil

import seeknal_nb

found = [module.name for module in pkgutil.walk_packages(seeknal_nb.__path__, "seeknal_nb.") if not module.name.endswith("__main__")]
for name in found:
    importlib.import_module(name)
print(f"{len(found)} modules of {seeknal_nb.__file__}, version {seeknal_nb.__version__}")
