"""A real Kafka for the tests: by address, by testcontainers, or from Maven's jars on a local JVM.

Never a mock. Where none can be had the Kafka cases skip, loudly, saying how to get a broker; with
`SHUKE_TEST_REQUIRE=kafka` such a skip is a failure. `python -m tests.backing.kafka` runs a local
broker in the foreground.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
POM: Final = ROOT / "deploy" / "kafka" / "pom.xml"
JARS: Final = ROOT / "var" / "kafka" / "jars"
IMAGE: Final = "apache/kafka:4.1.0"
START_SECONDS: Final = 60.0
HOW: Final = (
    "no Kafka: set KAFKA_BOOTSTRAP_SERVERS, start a Docker daemon, or install Java 17 and Maven"
)


class NoKafka(Exception):
    """No broker can be had; the text says how to get one."""


@contextmanager
def broker() -> Iterator[str]:
    """Bootstrap address of a broker that runs as long as the block. Raises NoKafka."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
    elif _docker_runs():
        with _container() as address:
            yield address
    elif shutil.which("java") and (JARS.is_dir() or shutil.which("mvn")):
        with (
            tempfile.TemporaryDirectory(prefix="shuke-kafka-") as folder,
            local(Path(folder)) as at,
        ):
            yield at
    else:
        raise NoKafka(HOW)


def _docker_runs() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20)
    return asked.returncode == 0


@contextmanager
def _container() -> Iterator[str]:
    """The official image; the mapped port is known only after the start, so the broker waits."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    wait = "while [ ! -s /tmp/advertised ]; do sleep 0.1; done"
    run = "export KAFKA_ADVERTISED_LISTENERS=$(cat /tmp/advertised); exec /etc/kafka/docker/run"
    container = (
        DockerContainer(IMAGE)
        .with_exposed_ports(9092)
        .with_envs(
            KAFKA_NODE_ID="1",
            KAFKA_PROCESS_ROLES="broker,controller",
            KAFKA_LISTENERS="PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094",
            KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=(
                "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            KAFKA_INTER_BROKER_LISTENER_NAME="BROKER",
            KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
            KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9094",
            KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
            KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
            KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS="1000",
        )
        .with_command(["sh", "-c", f"{wait}; {run}"])
    )
    container.start()
    try:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(9092)}"
        advertised = f"PLAINTEXT://{address},BROKER://localhost:9093"
        container.copy_into_container(advertised.encode(), "/tmp/advertised")  # noqa: S108
        ready = LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60)
        ready.wait_until_ready(container)
        yield address
    finally:
        container.stop()


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
        subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)],
            check=True,
            capture_output=True,
        )
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
            raise NoKafka(HOW)
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
            raise NoKafka(f"{HOW}; Maven said: {(done.stdout + done.stderr)[-500:]}")
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
            raise NoKafka(f"Kafka ended at once: {log.read_text(errors='replace')[-800:]}")
        if b"Kafka Server started" in log.read_bytes():
            return
        time.sleep(0.1)
    raise NoKafka(f"Kafka does not answer on port {port} after {START_SECONDS:.0f} s")


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
