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
from typing import TYPE_CHECKING, Final, NoReturn

from tests.backing import require

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

ROOT: Final = Path(__file__).resolve().parents[2]
POM: Final = ROOT / "deploy" / "kafka" / "pom.xml"
JARS: Final = ROOT / "var" / "kafka" / "jars"
IMAGE: Final = "apache/kafka:4.1.0"
START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 20.0
HOW: Final = "set KAFKA_BOOTSTRAP_SERVERS, start a Docker daemon, or install Java 17 and Maven"
NONE: Final = "no Kafka"
"""What the reason of a skip begins with, here and in the summary of a run."""


class NoKafka(Exception):
    """One way to a broker, or all of them, did not work; the text says why."""


def missed(missing: NoKafka) -> NoReturn:
    """Skip the test, loudly; where Kafka is required, fail it."""
    require.missed("kafka", str(missing))


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
    """A broker's address, for as long as the block; its data in `folder`."""
    broker = Broker(folder, port)
    broker.start()
    try:
        yield broker.address
    finally:
        broker.stop()


class Broker:
    """A single-node Kafka (KRaft) on loopback from Maven's jars, stopped and started at will.

    `through` is the port of a proxy in front of a second listener, at `behind`: who connects there
    is told to come back there.
    """

    def __init__(self, folder: Path, port: int | None = None, through: int | None = None) -> None:
        self._port = port or free_port()
        self._log = folder / "broker.log"
        self.folder = folder
        self.address = f"127.0.0.1:{self._port}"
        self.behind = ("127.0.0.1", free_port())
        self._process: subprocess.Popen[bytes] | None = None
        config = folder / "server.properties"
        ports = (self._port, free_port())
        second = None if through is None else (self.behind[1], through)
        config.write_text(_properties(folder, ports, second), encoding="utf-8")
        log4j = folder / "log4j2.properties"
        log4j.write_text(_LOG4J, encoding="utf-8")
        self._config = config
        self._java = [
            "java", "-Xmx512m", "-Xms256m", "-XX:+UseG1GC",
            f"-Dlog4j2.configurationFile={log4j}", "-cp", f"{fetch_jars()}/*",
        ]  # fmt: skip

    def start(self) -> None:
        """Run it on the data that is there, unless it runs. Raises NoKafka when that fails."""
        if self._process is not None:
            return
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        with self._log.open("ab") as log:
            said = log.tell()
            self._process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._config)],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait(self._process, said)
        except NoKafka:
            self.kill()
            raise

    def _format(self) -> None:
        cluster = "5L6g3nShT-eMCtK--X86sw"
        made = subprocess.run(
            [
                *self._java, "kafka.tools.StorageTool", "format", "-t", cluster,
                "-c", str(self._config),
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if made.returncode:
            raise NoKafka(f"Java: {(made.stdout + made.stderr)[-500:]}")

    def _wait(self, process: subprocess.Popen[bytes], said: int) -> None:
        """Wait until it says that it runs, behind what it said in runs before."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            words = self._log.read_bytes()[said:]
            if process.poll() is not None:
                raise NoKafka(f"Java: Kafka ended at once: {words[-800:].decode(errors='replace')}")
            if b"Kafka Server started" in words:
                return
            time.sleep(0.1)
        raise NoKafka(f"Java: no answer on port {self._port} after {START_SECONDS:.0f} s")

    def stop(self) -> None:
        """Ask it to end; end it hard after a while."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


@contextmanager
def own_broker(through: int) -> Iterator[Broker]:
    """A broker that a suite may kill, a second listener behind a proxy. Needs Java.

    Raises NoKafka, as `broker` does.
    """
    with tempfile.TemporaryDirectory(prefix="shuke-kafka-") as folder:
        try:
            found = Broker(Path(folder), through=through)
            found.start()
        except NoKafka as error:
            raise NoKafka(f"{NONE} of its own ({error}): install Java 17 and Maven") from error
        try:
            yield found
        finally:
            found.stop()


def fetch_jars() -> Path:
    """Folder of the jars, fetched by Maven when they are not there yet."""
    if shutil.which("java") is None:
        raise NoKafka("Java: not installed")
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


def _properties(folder: Path, ports: tuple[int, int], second: tuple[int, int] | None) -> str:
    """Settings: ports for clients and the controller; a second listener's, and which it tells."""
    port, controller = ports
    more = told = ""
    if second is not None:
        more = f",THROUGH://127.0.0.1:{second[0]}"
        told = f",THROUGH://127.0.0.1:{second[1]}"
    return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{told}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,THROUGH:PLAINTEXT
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
