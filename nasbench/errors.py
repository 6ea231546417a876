"""Every error this project raises on purpose.

Each class also is the built-in that a caller would expect, and each message says what was
expected, what was got, and what to do::

    NasbenchError
    ├── UnknownName (LookupError)            a name that nothing is registered under
    │   ├── UnknownBenchmark, UnknownSearcher, UnknownSpace, UnknownTask, UnknownDevice
    │   ├── UnknownMetric                    a metric that this benchmark does not have
    │   └── UnknownSchedule                  epochs that this benchmark has no results for
    ├── DuplicateName (ValueError)           two plug-ins claim one name
    ├── BrokenPlugin (ImportError)           an entry point that does not import
    ├── MissingExtra (ImportError)           an optional dependency that is not installed
    ├── InvalidArchitecture (ValueError)     genes, index or text that the space does not contain
    │   └── WrongSpace                       an architecture of another space
    ├── InvalidConfig (ValueError)           a recipe's, searcher's or command's wrong setting
    │   └── InvalidBudget                    a budget that is zero, negative or not a number
    ├── TestMetricRefused (ValueError)       a test metric used as objective or constraint
    ├── SearcherFault (RuntimeError)         a searcher that breaks the ask/tell protocol
    ├── DataFault (ValueError)               a task's file that is missing or not the one shipped
    ├── TableFault (ValueError)              a table that cannot be trusted
    │   ├── TableCorrupt                     truncated, bit-flipped, empty or not HDF5
    │   └── TableVersion                     written by an incompatible version of the layout
    ├── SurrogateFault (ValueError)          a stored surrogate that cannot be trusted
    ├── RunFault (ValueError)                a run file that is malformed or of another benchmark
    └── OutputFault (OSError)                a place that cannot be written, or is full
"""


class NasbenchError(Exception):
    """Root of the tree: catch it to catch everything this project raises on purpose."""


class UnknownName(NasbenchError, LookupError):
    """A name that nothing is registered under."""


class UnknownBenchmark(UnknownName):
    """No benchmark of this name, and no file at this path."""


class UnknownSearcher(UnknownName):
    """No searcher of this name."""


class UnknownSpace(UnknownName):
    """No search space of this name."""


class UnknownTask(UnknownName):
    """No task of this name."""


class UnknownDevice(UnknownName):
    """No device of this name, or one that this machine lacks."""


class UnknownMetric(UnknownName):
    """A metric that this benchmark does not have."""


class UnknownSchedule(UnknownName):
    """A number of epochs that this benchmark has no results for."""


class DuplicateName(NasbenchError, ValueError):
    """Two plug-ins claim one name."""


class BrokenPlugin(NasbenchError, ImportError):
    """An entry point that does not import."""


class MissingExtra(NasbenchError, ImportError):
    """An optional dependency that is not installed."""


class InvalidArchitecture(NasbenchError, ValueError):
    """Genes, an index or a text that the space does not contain."""


class WrongSpace(InvalidArchitecture):
    """An architecture of another space."""


class InvalidConfig(NasbenchError, ValueError):
    """A setting of a recipe, a searcher or a command that is out of range."""


class InvalidBudget(InvalidConfig):
    """A budget that is zero, negative or not a number."""


class TestMetricRefused(NasbenchError, ValueError):
    """A test metric used as objective or constraint."""

    __test__ = False  # pytest collects classes whose name begins with Test


class SearcherFault(NasbenchError, RuntimeError):
    """A searcher that breaks the ask/tell protocol."""


class DataFault(NasbenchError, ValueError):
    """A file of a task that is missing or not the one that was shipped."""


class TableFault(NasbenchError, ValueError):
    """A table that cannot be trusted."""


class TableCorrupt(TableFault):
    """A table that is truncated, bit-flipped, empty or not HDF5."""


class TableVersion(TableFault):
    """A table written by an incompatible version of the layout."""


class SurrogateFault(NasbenchError, ValueError):
    """A stored surrogate that is not what was written, or predicts something else than it did."""


class RunFault(NasbenchError, ValueError):
    """A run file that is malformed or does not fit its benchmark."""


class OutputFault(NasbenchError, OSError):
    """A place that cannot be written, or is full."""
