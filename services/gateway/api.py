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
from services.gateway.decoration.managing import Pictures
from services.gateway.deliveries.keeping import Bodies
from services.gateway.deliveries.recording import Recorder
from services.gateway.embed.asking import Services
from services.gateway.embed.showing import Modules
from services.gateway.erasing import ERASE, Erasing, Proposing
from services.gateway.exports.asking import Holders
from services.gateway.exports.managing import Exports
from services.gateway.fetching.asking import Asking
from services.gateway.fetching.asking import client as calls
from services.gateway.fetching.wanting import Wanting
from services.gateway.intake import TOPIC, Intake
from services.gateway.keys import Callers
from services.gateway.live.hub import Hub
from services.gateway.managing import Managing
from services.gateway.merging import Auditing
from services.gateway.oidc.asking import client as providers
from services.gateway.oidc.model import Provider
from services.gateway.oidc.signing_in import LASTS, Federated
from services.gateway.outbound.connecting import Connecting
from services.gateway.outbound.managing import Endpoints
from services.gateway.programs.leaving import DELETE, Deletions, Leaving
from services.gateway.programs.managing import Programs
from services.gateway.proxy import Proxy, client
from services.gateway.questions import Questions
from services.gateway.remembering import Remembering
from services.gateway.replaying import Replaying
from services.gateway.roster.managing import Roster
from services.gateway.routes import (
    approvals,
    audit,
    connections,
    deliveries,
    embed,
    endpoints,
    erasures,
    exports,
    finding,
    keys,
    live,
    media,
    messages,
    oidc,
    orders,
    pages,
    passing,
    programs,
    roster,
    sessions,
    shoppers,
    staff,
    stores,
    tab,
    webhooks,
)
from services.gateway.shoppers.asking import Members
from services.gateway.shoppers.centres import Centres
from services.gateway.shoppers.codes import channel_of
from services.gateway.shoppers.doing import Doing
from services.gateway.shoppers.sessions import Shoppers
from services.gateway.shoppers.signing_in import Proving
from services.gateway.spool import Spool
from services.gateway.staff.managing import GRANT_OWNER, Accounts
from services.gateway.staff.roles import OwnRoles
from services.gateway.staff.sessions import Sessions
from services.gateway.staff.signing_in import SigningIn
from services.gateway.tab.managing import Tabs
from services.gateway.tab.surveying import Surveyor
from services.gateway.trying import Trying
from shared.config import Config
from shared.http.throttling import Throttle
from shared.http.tokens import Minter
from shared.sealing import KeyRing
from shared.service import Tasking
from shared.stream.factory import open_stream
from shared.surroundings import Surroundings

_ROUTES: Final = (
    webhooks, sessions, oidc, staff, roster, approvals, keys, programs, stores, connections,
    deliveries, endpoints, messages, orders, finding, audit, media, tab, live, shoppers, exports,
    embed, pages, erasures, passing,
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
    employ(app)
    app.state.managing = Managing(app.state.database, ring)
    app.state.programs = Programs(app.state.database, ring)
    app.state.pictures = Pictures(app.state.database)
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
        app.state.trying = Trying(tasking, Asking(tasking, platforms))
        minter = Minter(ring, app.state.clock)
        app.state.proxy = Proxy(config, minter, http)
        app.state.approvals = Approvals(
            app.state.database,
            {GRANT_OWNER: app.state.accounts.grant_owner, DELETE: app.state.leaving.agreed},
            {ERASE: Erasing(config, minter, http)},
        )
        app.state.deletions = Deletions(app.state.database, config, minter, http)
        receive(app, Members(config, minter, http), Services(config, minter, http))
        app.state.exports = Exports(app.state.database, Holders(config, minter, http))
        app.state.auditing = Auditing(app.state.database, app.state.proxy)
        app.state.live = Hub(stream, app.state.database)
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
            await app.state.live.close()
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing


def employ(app: FastAPI) -> None:
    """What staff need: sessions, accounts, roles, what two have to want."""
    state, config, ring = app.state, app.state.config, app.state.keys
    database = state.database
    state.sessions = Sessions(database, config)
    state.signing_in = SigningIn(database, ring, state.sessions, config.emergency_owner)
    state.accounts = Accounts(database, state.sessions, state.signing_in)
    state.roles = OwnRoles(database, ring)
    state.roster = Roster(database, ring)
    state.tabs = Tabs(database, ring, state.accounts)
    state.proposing = Proposing(database, state.accounts)
    state.leaving = Leaving(database, ring, state.accounts)


def federate(app: FastAPI, http: httpx2.AsyncClient) -> None:
    """What signing in by a provider needs, where one is configured."""
    config: Config = app.state.config
    provider, state = Provider.of(config), app.state
    state.federated = provider and Federated(
        state.database, state.keys, state.sessions, provider, http
    )
    state.oidc_cookie = Cookie.of(config, "shuke-oidc", LASTS)
    state.oidc_throttle = Throttle()


def receive(app: FastAPI, members: Members, services: Services) -> None:
    """What shoppers need, on a shop's page too."""
    database = app.state.database
    config: Config = app.state.config
    shoppers = Shoppers(database, config, members)
    channel = channel_of(config)
    proving = Proving(database, app.state.keys, app.state.connections, shoppers, channel)
    app.state.centres = Centres(database, codes=channel is not None)
    app.state.shoppers = shoppers
    app.state.proving = proving
    app.state.modules = Modules(database, proving, members, services)
    app.state.surveyor = Surveyor(services, Connecting(config.networks))
    app.state.doing = Doing(database, shoppers, members, proving)
