"""Kafka cases of a run: kept on one worker, named when they did not run, missed when required.

A plugin of pytest. A case is a Kafka case when it is marked `kafka` or asks for a broker. Files
keep to one worker each (`--dist loadgroup`), the cases that share a broker to one: it starts one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.nodeid import NodeId
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

from tests.backing import kafka
from tests.backing.require import required

GROUP: Final = "kafka"
BROKERS: Final = {"kafka_servers": GROUP, "ground": None}
"""Fixtures that are a broker, and the groups of the cases that share it; faults have their own."""
CASES: Final = pytest.StashKey[int]()
"""How many Kafka cases were collected; with workers, by each of them."""
SUITE: Final = Path(__file__).resolve().parents[1] / "contract"
"""A run that has this folder among its arguments is one of the whole suite."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Mark what asks for a broker, and send it to one worker."""
    has_workers = config.pluginmanager.hasplugin("xdist")
    for item in items:
        asked = [name for name in BROKERS if name in getattr(item, "fixturenames", ())]
        if asked:
            item.add_marker(pytest.mark.kafka)
        if has_workers and item.get_closest_marker("kafka") is not None:
            group = BROKERS[asked[0]] if asked else GROUP
            if group is not None:
                item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Count Kafka cases; a worker tells the one who started it, and who goes together."""
    if getattr(session.config.option, "loadgroup", False):
        for item in session.items:
            _name_by_group(item)
    count = sum(item.get_closest_marker("kafka") is not None for item in session.items)
    session.config.stash[CASES] = count
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[GROUP] = count


def _name_by_group(item: pytest.Item) -> None:
    """Put the groups behind the name: xdist 3.8 does so where pytest 9.2 does not look any more."""
    groups = {mark.args[0] for mark in item.iter_markers("xdist_group")}
    ending = "@" + "_".join(sorted(groups))
    if groups and not item.nodeid.endswith(ending):
        item._id = NodeId.parse(item.nodeid + ending)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker ended: what it collected counts here."""
    told = getattr(node, "workeroutput", {}).get(GROUP, 0)
    node.config.stash[CASES] = max(told, node.config.stash.get(CASES, 0))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadGroupScheduling | None:
    """With `--dist loadgroup`, what has no group goes by files."""
    return _Files(config, log) if config.getvalue("dist") == "loadgroup" else None


class _Files(LoadGroupScheduling):  # type: ignore[misc]
    """Groups as marked; without one, a file is a group, so that its fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        scope = super()._split_scope(nodeid)
        return scope if scope != nodeid else nodeid.split("::", 1)[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the files whose Kafka cases did not run, and whether that is a failure."""
    missed = [
        report.nodeid.split("::", 1)[0]
        for report in terminalreporter.stats.get("skipped", [])
        if f"Skipped: {kafka.NONE}" in str(report.longrepr)
    ]
    if missed:
        files = ", ".join(f"{file} ({missed.count(file)})" for file in sorted(set(missed)))
        _say(terminalreporter, f"NOT RUN for want of a Kafka: {files}. To run them {kafka.HOW}.")
    if _wanting(terminalreporter.config):
        _say(terminalreporter, "SHUKE_TEST_REQUIRE=kafka, but no Kafka case was collected.")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A whole run that requires Kafka and collected no case of it has failed."""
    if _wanting(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _wanting(config: pytest.Config) -> bool:
    """Whether Kafka cases had to be there and were not. Workers leave that to who started them."""
    return (
        required("kafka")
        and not hasattr(config, "workerinput")
        and not config.getoption("keyword")
        and any(SUITE.is_relative_to(_folder(config, each)) for each in config.args)
        and not config.stash.get(CASES, 0)
    )


def _folder(config: pytest.Config, argument: str) -> Path:
    return (config.invocation_params.dir / argument.split("::", 1)[0]).resolve()


def _say(terminalreporter: pytest.TerminalReporter, line: str) -> None:
    terminalreporter.write_line(line, red=True, bold=True)
