"""What a process reads from its environment: one frozen class, read at start, passed down.

*Settings* are a program's versioned rules; this is *config*, the process's own values. A secret may
come from a file named by `<VARIABLE>_FILE`. An impossible value means no start.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from shared.errors import Misconfigured

SERVICES: Final = ("gateway", "members", "points", "campaigns", "analytics")
"""Names of the services in the order of the flow; ports follow this order from `SHUKE_PORT`."""
_SECRETS: Final = ("DATABASE_URL", "SHUKE_OIDC_CLIENT_SECRET")
_LEVELS = Literal["debug", "info", "warning", "error"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def _networks(value: str) -> str:
    for part in filter(None, map(str.strip, value.split(","))):
        ipaddress.ip_network(part)
    return value


def _public(value: str) -> str:
    parts = urlsplit(value)
    loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (loopback or parts.scheme == "https"):
        raise ValueError("must be https://…, or http:// on this machine")
    return value.rstrip("/")


class Config(BaseModel):
    """The environment of a process. Each field names its variable, unit, default and range."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    port: Annotated[
        int,
        Field(
            alias="SHUKE_PORT",
            ge=1,
            le=65531,
            description="Port of the gateway; the services' ports follow",
        ),
    ] = 8000
    host: Annotated[
        str, Field(alias="SHUKE_HOST", description="Address that the gateway listens on")
    ] = "127.0.0.1"
    public_url_given: Annotated[
        str | None,
        AfterValidator(_public),
        Field(
            alias="SHUKE_PUBLIC_URL",
            description="Where people reach the gateway (https://shuke.example); http on loopback "
            "alone. Default: the gateway's own address",
        ),
    ] = None
    mfa_optional: Annotated[
        bool,
        Field(
            alias="SHUKE_MFA_OPTIONAL",
            description="true: no role needs a second factor. For trials; never where a program "
            "is real",
        ),
    ] = False
    show_codes: Annotated[
        bool,
        Field(
            alias="SHUKE_SHOW_CODES",
            description="true: codes for phones are shown to whoever asks for one, which proves "
            "nothing. For trials; never where a program is real",
        ),
    ] = False
    oidc_issuer: Annotated[
        str | None,
        AfterValidator(_public),
        Field(
            alias="SHUKE_OIDC_ISSUER",
            description="Provider (OpenID Connect) that staff may sign in by; none: off",
        ),
    ] = None
    oidc_client_id: Annotated[
        str | None, Field(alias="SHUKE_OIDC_CLIENT_ID", description="Our client at the provider")
    ] = None
    oidc_client_secret: Annotated[
        str | None,
        Field(alias="SHUKE_OIDC_CLIENT_SECRET", description="Its secret", repr=False),
    ] = None
    oidc_domains: Annotated[
        str,
        Field(
            alias="SHUKE_OIDC_DOMAINS",
            description="Domains of e-mails (shop.example,…) that come in by the provider; none: "
            "invited accounts alone",
        ),
    ] = ""
    oidc_groups: Annotated[
        str,
        Field(
            alias="SHUKE_OIDC_GROUPS",
            description="Roles for groups at the provider: group=role in every program, "
            "group=role@prg_… in one; separated by commas",
        ),
    ] = ""
    emergency_owner: Annotated[
        str | None,
        Field(
            alias="SHUKE_EMERGENCY_OWNER",
            description="E-mail of the one owner who still signs in by password; set: everybody "
            "else by the provider alone",
        ),
    ] = None
    metrics_port: Annotated[
        int,
        Field(
            alias="SHUKE_METRICS_PORT",
            ge=1,
            le=65531,
            description="Port of the first worker's metrics; the others follow",
        ),
    ] = 9100
    data_dir: Annotated[
        Path, Field(alias="SHUKE_DATA_DIR", description="Embedded database, logs, demo state")
    ] = Path("var")
    keys_dir_given: Annotated[
        Path | None, Field(alias="SHUKE_KEYS_DIR", description="Key files; default: data/keys")
    ] = None
    database_url: Annotated[
        str | None,
        Field(alias="DATABASE_URL", description="PostgreSQL 15 to 18; none: embedded", repr=False),
    ] = None
    database_urls: Annotated[
        dict[str, str],
        Field(description="DATABASE_URL_<SERVICE>, by service", repr=False),
    ] = {}
    kafka: Annotated[
        str | None,
        Field(alias="KAFKA_BOOTSTRAP_SERVERS", description="host:port,…; none: log in PostgreSQL"),
    ] = None
    topic_prefix: Annotated[
        str,
        Field(
            alias="SHUKE_TOPIC_PREFIX",
            pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$",
            description="What names of topics and groups begin with",
        ),
    ] = "shuke."
    urls: Annotated[
        dict[str, str], Field(description="SHUKE_<SERVICE>_URL, by service; default: loopback")
    ] = {}
    taobao_url: Annotated[
        str | None,
        Field(alias="SHUKE_TAOBAO_URL", description="Where calls to Taobao go; default: its own"),
    ] = None
    youzan_url: Annotated[
        str | None,
        Field(alias="SHUKE_YOUZAN_URL", description="Where calls to Youzan go; default: its own"),
    ] = None
    log_level: Annotated[
        _LEVELS, Field(alias="SHUKE_LOG_LEVEL", description="debug, info, warning or error")
    ] = "info"
    profile: Annotated[
        Literal["production", "test"],
        Field(alias="SHUKE_PROFILE", description="test: fsync off, faults allowed"),
    ] = "production"
    fault: Annotated[
        str | None, Field(alias="SHUKE_FAULT", description="point:action, test profile only")
    ] = None
    storage_guarantees: Annotated[
        Literal["managed"] | None,
        Field(
            alias="SHUKE_ALLOW_STORAGE_GUARANTEES",
            description="managed: full_page_writes may be off on copy-on-write storage",
        ),
    ] = None
    batch_events_max: Annotated[
        int,
        Field(
            alias="SHUKE_BATCH_EVENTS_MAX", ge=50, le=5000, description="Records of one transaction"
        ),
    ] = 1000
    worker_name: Annotated[
        str | None,
        Field(
            alias="SHUKE_WORKER_NAME",
            description="Stable name of this worker in its group; none: a new member at each start",
        ),
    ] = None
    endpoint_networks: Annotated[
        str,
        AfterValidator(_networks),
        Field(
            alias="SHUKE_ENDPOINT_NETWORKS",
            description="Networks (10.0.0.0/8,…) that outgoing webhooks and calls to shops may "
            "reach besides public https on ports 443 and 8443; in them also http and any port",
        ),
    ] = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Config of this process. Raises Misconfigured for an unknown or impossible value."""
        given = dict(os.environ if environment is None else environment)
        values: dict[str, object] = {}
        known = {field.alias for field in cls.model_fields.values() if field.alias}
        for name in sorted(known):
            text = _value(given, name)
            if text not in {None, ""}:
                values[name] = text
        values["database_urls"] = _by_service(given, "DATABASE_URL_{}")
        values["urls"] = _by_service(given, "SHUKE_{}_URL")
        _refuse_unknown(given, known)
        try:
            config = cls.model_validate(values)
        except ValidationError as error:
            raise Misconfigured(_describe(error)) from error
        if config.fault and config.profile != "test":
            raise Misconfigured("SHUKE_FAULT works with SHUKE_PROFILE=test only")
        return config

    @property
    def networks(self) -> tuple[Network, ...]:
        """Networks that merchants' addresses may lie in besides public ones."""
        parts = self.endpoint_networks.split(",")
        return tuple(ipaddress.ip_network(part.strip()) for part in parts if part.strip())

    @property
    def public_url(self) -> str:
        """Where people reach the gateway, without a slash at the end."""
        return self.public_url_given or self.url_of("gateway")

    @property
    def keys_dir(self) -> Path:
        """Where the key files are."""
        return self.keys_dir_given or self.data_dir / "keys"

    def port_of(self, service: str) -> int:
        """Port of a service's API."""
        return self.port + SERVICES.index(service)

    def url_of(self, service: str) -> str:
        """Base address of a service's API, without a slash at the end."""
        return self.urls.get(service, f"http://127.0.0.1:{self.port_of(service)}").rstrip("/")

    def database_url_of(self, service: str) -> str:
        """Address of a service's database. Raises Misconfigured when none is given."""
        url = self.database_urls.get(service, self.database_url)
        if url is None:
            raise Misconfigured(
                "no database: set DATABASE_URL, or run a command that starts the embedded one"
            )
        return url

    def environment(self) -> dict[str, str]:
        """Variables that give a child process this same config."""
        values = {
            field.alias: str(value)
            for name, field in type(self).model_fields.items()
            if field.alias and (value := getattr(self, name)) is not None
        }
        values |= {f"DATABASE_URL_{key.upper()}": url for key, url in self.database_urls.items()}
        return values | {f"SHUKE_{key.upper()}_URL": url for key, url in self.urls.items()}


_ELSEWHERE: Final = frozenset({"SHUKE_SKIP_UI", "SHUKE_TEST_REQUIRE", "SHUKE_TEST_DATA"})


def _refuse_unknown(given: Mapping[str, str], known: set[str]) -> None:
    allowed = known | {f"SHUKE_{service.upper()}_URL" for service in SERVICES} | _ELSEWHERE
    allowed |= {f"{name}_FILE" for name in _SECRETS}
    unknown = sorted(name for name in given if name.startswith("SHUKE_") and name not in allowed)
    if unknown:
        raise Misconfigured(f"unknown variable {unknown[0]}; known: {', '.join(sorted(allowed))}")


def _value(given: Mapping[str, str], name: str) -> str | None:
    path = given.get(f"{name}_FILE")
    if path is None or name not in _SECRETS:
        return given.get(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{name}_FILE: cannot read {path}: {error.strerror}") from error


def _by_service(given: Mapping[str, str], pattern: str) -> dict[str, str]:
    return {
        service: value
        for service in SERVICES
        if (value := given.get(pattern.format(service.upper())))
    }


def _describe(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
