"""The app of the gateway: its routes, and what it holds open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx2
from fastapi import FastAPI

from services.gateway.approvals.managing import Approvals
from services.gateway.connections import Connections
from services.gateway.cookies import Cookie
from services.gateway.deliveries.keeping import Bodies
from services.gateway.deliveries.recording import Recorder
from services.gateway.erasing import ERASE, Erasing, Proposing
from services.gateway.fetching.asking import Asking
from services.gateway.fetching.asking import client as calls
from services.gateway.fetching.wanting import Wanting
from services.gateway.intake import TOPIC, Intake
from services.gateway.keys import Callers
from services.gateway.managing import Managing
from services.gateway.merging import Auditing
from services.gateway.oidc.asking import client as providers
from services.gateway.oidc.model import Provider
from services.gateway.oidc.signing_in import LASTS, Federated
from services.gateway.outbound.managing import Endpoints
from services.gateway.programs.managing import Programs
from services.gateway.proxy import Proxy, client
from services.gateway.questions import Questions
from services.gateway.remembering import Remembering
from services.gateway.replaying import Replaying
from services.gateway.routes import (
    approvals,
    audit,
    connections,
    deliveries,
    endpoints,
    erasures,
    keys,
    messages,
    oidc,
    pages,
    passing,
    programs,
    sessions,
    shoppers,
    staff,
    stores,
    webhooks,
)
from services.gateway.shoppers.asking import Members
from services.gateway.shoppers.codes import channel_of
from services.gateway.shoppers.doing import Doing
from services.gateway.shoppers.sessions import Shoppers
from services.gateway.shoppers.signing_in import Proving
from services.gateway.spool import Spool
from services.gateway.staff.managing import GRANT_OWNER, Accounts
from services.gateway.staff.roles import OwnRoles
from services.gateway.staff.sessions import Sessions
from services.gateway.staff.signing_in import SigningIn
from services.gateway.trying import Trying
from shared.config import Config
from shared.http.throttling import Throttle
from shared.http.tokens import Minter
from shared.sealing import KeyRing
from shared.service import Tasking
from shared.stream.factory import open_stream
from shared.surroundings import Surroundings

_ROUTES: Final = (
    webhooks, sessions, oidc, staff, approvals, keys, programs, stores, connections, deliveries,
    endpoints, messages, audit, shoppers, pages, erasures, passing,
)  # fmt: skip
ROUTERS: Final = tuple(each.ROUTER for each in _ROUTES)
"""Passing on comes last: its paths are everybody else's."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """What the gateway holds open: the log, the keys, the client, the delivery record."""
    config: Config = app.state.config
    ring = KeyRing.open(config.keys_dir)
    app.state.keys = ring
    app.state.verifier = Callers(app.state.database, app.state.verifier, app.state.clock)
    app.state.sessions = Sessions(app.state.database, config)
    app.state.signing_in = SigningIn(
        app.state.database, ring, app.state.sessions, config.emergency_owner
    )
    app.state.accounts = Accounts(app.state.database, app.state.sessions, app.state.signing_in)
    app.state.roles = OwnRoles(app.state.database, ring)
    app.state.proposing = Proposing(app.state.database, app.state.accounts)
    app.state.managing = Managing(app.state.database, ring)
    app.state.programs = Programs(app.state.database, ring)
    app.state.connections = Connections(app.state.database, ring)
    app.state.replaying = Replaying(app.state.database, ring)
    app.state.endpoints = Endpoints(app.state.database, ring, config.networks)
    bodies = Bodies(app.state.database, ring)
    recorder = Recorder(app.state.database, bodies, app.state.metrics, app.state.clock)
    app.state.recorder = recorder
    async with (
        open_stream(config) as stream,
        client() as http,
        calls() as platforms,
        providers() as provider,
    ):
        app.state.stream = stream
        federate(app, provider)
        around = Surroundings(clock=app.state.clock, metrics=app.state.metrics)
        tasking = Tasking(config, app.state.database, ring, around)
        app.state.trying = Trying(tasking, Asking(config, platforms))
        minter = Minter(ring, app.state.clock)
        app.state.proxy = Proxy(config, minter, http)
        app.state.approvals = Approvals(
            app.state.database,
            {GRANT_OWNER: app.state.accounts.grant_owner},
            {ERASE: Erasing(config, minter, http)},
        )
        receive(app, Members(config, minter, http))
        app.state.auditing = Auditing(app.state.database, app.state.proxy)
        spool = Spool(TOPIC, stream, app.state.database, app.state.metrics)
        app.state.intake = Intake(
            app.state.connections,
            recorder,
            spool,
            Remembering(app.state.database),
            Wanting(app.state.database),
            Questions(config, minter, http),
            keys=ring,
            metrics=app.state.metrics,
            clock=app.state.clock,
        )
        writing = asyncio.create_task(recorder.run())
        try:
            yield
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing


def federate(app: FastAPI, http: httpx2.AsyncClient) -> None:
    """What signing in by a provider needs, where one is configured."""
    config: Config = app.state.config
    provider, state = Provider.of(config), app.state
    state.federated = provider and Federated(
        state.database, state.keys, state.sessions, provider, http
    )
    state.oidc_cookie = Cookie.of(config, "shuke-oidc", LASTS)
    state.oidc_throttle = Throttle()


def receive(app: FastAPI, members: Members) -> None:
    """What shoppers need."""
    database = app.state.database
    config: Config = app.state.config
    shoppers = Shoppers(database, config, members)
    proving = Proving(database, app.state.keys, app.state.connections, shoppers, channel_of(config))
    app.state.shoppers = shoppers
    app.state.proving = proving
    app.state.doing = Doing(database, shoppers, members, proving)
