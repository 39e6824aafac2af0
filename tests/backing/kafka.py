"""A real Kafka for the tests: by address, by testcontainers, or from Maven's jars on a local JVM.

Never a mock. Where none can be had the Kafka cases skip, loudly, saying how to get a broker; with
`SHUKE_TEST_REQUIRE=kafka` such a skip is a failure. `python -m tests.backing.kafka` runs a local
broker in the foreground.
"""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

ROOT: Final = Path(__file__).resolve().parents[2]
POM: Final = ROOT / "deploy" / "kafka" / "pom.xml"
JARS: Final = ROOT / "var" / "kafka" / "jars"
IMAGE: Final = "apache/kafka:4.1.0"
START_SECONDS: Final = 90.0
HOW: Final = "set KAFKA_BOOTSTRAP_SERVERS, start a Docker daemon, or install Java 17 and Maven"
NONE: Final = "no Kafka"
"""What the reason of a skip begins with, here and in the summary of a run."""


class NoKafka(Exception):
    """One way to a broker, or all of them, did not work; the text says why."""


@contextmanager
def broker() -> Iterator[str]:
    """Bootstrap address of a broker that runs as long as the block.

    Raises NoKafka, saying what was tried and how to get one.
    """
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    with ExitStack() as stack:
        yield _start(stack)


def _start(stack: ExitStack) -> str:
    """A broker by the first way that works."""
    tried = []
    for way in (_container, _jvm):
        try:
            return stack.enter_context(way())
        except NoKafka as error:
            tried.append(str(error))
    raise NoKafka(f"{NONE} ({'; '.join(tried)}): {HOW}")


@contextmanager
def _jvm() -> Iterator[str]:
    """A broker on this machine's Java."""
    if shutil.which("java") is None:
        raise NoKafka("Java: not installed")
    with tempfile.TemporaryDirectory(prefix="shuke-kafka-") as folder:
        with local(Path(folder)) as address:
            yield address


@contextmanager
def _container() -> Iterator[str]:
    """The official image, by testcontainers."""
    from docker.errors import DockerException
    from testcontainers.core.container import DockerContainer

    reason = ""
    with warnings.catch_warnings():
        # Docker's client leaves the socket open over which it did not reach the daemon.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            container = DockerContainer(IMAGE).with_exposed_ports(9092).with_envs(**_ENVIRONMENT)
            container.with_command(["sh", "-c", _COMMAND])
            container.start()
        except DockerException as error:
            reason = f"Docker: {str(error)[:200]}"
        gc.collect()
    if reason:
        raise NoKafka(reason)
    try:
        yield _advertise(container)
    finally:
        container.stop()


def _advertise(container: "DockerContainer") -> str:
    """Tell a waiting broker the port that it was given, and wait until it runs; its address."""
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    address = f"{container.get_container_host_ip()}:{container.get_exposed_port(9092)}"
    advertised = f"PLAINTEXT://{address},BROKER://localhost:9093"
    container.copy_into_container(advertised.encode(), _ADVERTISED)
    started = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(
        int(START_SECONDS)
    )
    try:
        started.wait_until_ready(container)
    except (TimeoutError, RuntimeError) as error:
        raise NoKafka(f"Docker: {str(error)[-800:]}") from error
    return address


@contextmanager
def local(folder: Path, port: int | None = None) -> Iterator[str]:
    """A single-node Kafka (KRaft) on loopback from Maven's jars, its data in `folder`."""
    jars = fetch_jars()
    port, controller = port or free_port(), free_port()
    config = folder / "server.properties"
    config.write_text(_properties(folder, port, controller), encoding="utf-8")
    log4j = folder / "log4j2.properties"
    log4j.write_text(_LOG4J, encoding="utf-8")
    java = [
        "java", "-Xmx512m", "-Xms256m", "-XX:+UseG1GC", f"-Dlog4j2.configurationFile={log4j}",
        "-cp", f"{jars}/*",
    ]  # fmt: skip
    if not (folder / "data" / "meta.properties").exists():
        cluster = "5L6g3nShT-eMCtK--X86sw"
        made = subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise NoKafka(f"Java: {(made.stdout + made.stderr)[-500:]}")
    with (folder / "broker.log").open("ab") as log:
        process = subprocess.Popen(
            [*java, "kafka.Kafka", str(config)],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(process, port, folder / "broker.log")
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def fetch_jars() -> Path:
    """Folder of the jars, fetched by Maven when they are not there yet."""
    marker = JARS / ".complete"
    if not marker.exists() or marker.read_text() != POM.read_text():
        if shutil.which("mvn") is None:
            raise NoKafka("Java: Maven is not installed, and the jars are not there")
        shutil.rmtree(JARS, ignore_errors=True)
        done = subprocess.run(
            [
                "mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies",
                f"-DoutputDirectory={JARS}",
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoKafka(f"Java: Maven says {(done.stdout + done.stderr)[-500:]}")
        marker.write_text(POM.read_text())
    return JARS


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NoKafka(f"Java: Kafka ended at once: {log.read_text(errors='replace')[-800:]}")
        if b"Kafka Server started" in log.read_bytes():
            return
        time.sleep(0.1)
    raise NoKafka(f"Java: Kafka does not answer on port {port} after {START_SECONDS:.0f} s")


def _properties(folder: Path, port: int, controller: int) -> str:
    return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder / "data"}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
message.max.bytes=1200000
"""


# The mapped port is known only after the start, so the broker waits for its address. A listener of
# its own for the broker: it could not reach itself at an address that holds outside alone.
_ADVERTISED: Final = "/tmp/advertised"  # noqa: S108 - in the container
_COMMAND: Final = (
    f"while [ ! -s {_ADVERTISED} ]; do sleep 0.1; done; "
    f"export KAFKA_ADVERTISED_LISTENERS=$(cat {_ADVERTISED}); exec /etc/kafka/docker/run"
)
_ENVIRONMENT: Final = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": (
        "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"
    ),
    "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_MESSAGE_MAX_BYTES": "1200000",
}


_LOG4J = """
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
logger.quiet.name = org.apache.kafka
logger.quiet.level = warn
logger.started.name = kafka.server
logger.started.level = info
logger.more.name = kafka
logger.more.level = info
"""


def main() -> None:
    """Run a broker on port 9092, or the one given, until Ctrl-C."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9092
    folder = ROOT / "var" / "kafka" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    with local(folder, port) as address:
        sys.stdout.write(f"KAFKA_BOOTSTRAP_SERVERS={address}  (Ctrl-C stops it)\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
