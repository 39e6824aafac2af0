"""SQL of shoppers. One statement a function."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from services.gateway.shoppers.model import Codes, Session
from shared.db.transaction import Row, Tx
from shared.ids import text_id

# Programs.


async def find_program(tx: Tx, public_id: UUID) -> Row | None:
    """A program with its identity key, and its first store for who comes by none."""
    return await tx.fetch_one(
        """
        select p.*, k.identity_key, s.store_id from program p
        join program_key k on k.program_id = p.program_id
        left join lateral (
          select store_id from store where program_id = p.program_id and status = 'open'
          order by store_id limit 1) s on true
        where p.public_id = $1
        """,
        public_id,
    )


# Sessions.


async def add_session(tx: Tx, session: Session, token_hash: bytes) -> None:
    """A new session."""
    await tx.execute(
        "insert into shopper_session values ($1, $2, $3, $4, $5, $6, $7, $8)",
        session.program_id,
        session.session_id,
        session.customer_id,
        session.store_id,
        " ".join(session.person) or None,
        session.box,
        token_hash,
        session.began_at,
    )


async def find_session(tx: Tx, token_hash: bytes) -> Session | None:
    """A session by its token, by shopper_session_token_idx."""
    row = await tx.fetch_one(
        """
        select s.*, p.public_id, p.time_zone
        from shopper_session s join program p on p.program_id = s.program_id
        where s.token_hash = $1 and p.status in ('open', 'paused')
        """,
        token_hash,
    )
    if row is None:
        return None
    return Session(
        row["program_id"],
        row["session_id"],
        text_id("prg", row["public_id"]),
        row["time_zone"],
        row["customer_id"],
        row["store_id"],
        tuple((row["person"] or "").split()),
        row["box"],
        row["began_at"],
    )


async def end_session(tx: Tx, program_id: int, session_id: UUID) -> None:
    """End a session."""
    await tx.execute(
        "delete from shopper_session where program_id = $1 and session_id = $2",
        program_id,
        session_id,
    )


async def end_other_sessions(tx: Tx, session: Session) -> None:
    """End the other sessions of a shopper, by shopper_session_customer_idx."""
    await tx.execute(
        """
        delete from shopper_session
        where program_id = $1 and customer_id = $2 and session_id <> $3
        """,
        session.program_id,
        session.customer_id,
        session.session_id,
    )


async def end_sessions_unlike(tx: Tx, version: str) -> int:
    """End sessions of phones that were proven under older keys alone; how many."""
    return await tx.execute(
        "delete from shopper_session where person is not null and not starts_with(person, $1)",
        version,
    )


async def forget_sessions(tx: Tx, began_before: datetime) -> None:
    """Delete sessions that began at or before an instant."""
    await tx.execute("delete from shopper_session where began_at <= $1", began_before)


# Codes.


async def begin_codes(tx: Tx, program_id: int, subjects: Sequence[str]) -> None:
    """See that there is a row for each phone or address."""
    await tx.execute(
        """
        insert into shopper_code select $1, subject, '{}', null, null, 0
        from unnest($2::text[]) subject order by subject on conflict do nothing
        """,
        program_id,
        list(subjects),
    )


async def lock_codes(tx: Tx, program_id: int, subjects: Sequence[str]) -> Mapping[str, Codes]:
    """What is remembered of phones and addresses, each by itself until the commit."""
    rows = await tx.fetch(
        """
        select * from shopper_code where program_id = $1 and subject = any($2::text[])
        order by subject for update
        """,
        program_id,
        list(subjects),
    )
    return {
        row["subject"]: Codes(tuple(row["sent"]), row["code_hash"], row["expires_at"], row["tries"])
        for row in rows
    }


async def save_codes(tx: Tx, program_id: int, codes: Mapping[str, Codes]) -> None:
    """Write what is remembered."""
    await tx.execute_many(
        """
        update shopper_code set sent = $3, code_hash = $4, expires_at = $5, tries = $6
        where program_id = $1 and subject = $2
        """,
        [
            (program_id, subject, list(each.sent), each.code_hash, each.expires_at, each.tries)
            for subject, each in sorted(codes.items())
        ],
    )


async def forget_codes(tx: Tx, sent_before: datetime) -> None:
    """Delete what no limit counts any more."""
    await tx.execute(
        "delete from shopper_code where coalesce(sent[cardinality(sent)], '-infinity') < $1",
        sent_before,
    )


# Tokens of shops.


async def use_token(
    tx: Tx, program_id: int, connection_id: UUID, token_id: str, expires_at: datetime
) -> bool:
    """Use a shop's token up; whether it had not been. Of two at once one gets it."""
    used = await tx.execute(
        "insert into shopper_token values ($1, $2, $3, $4) on conflict do nothing",
        program_id,
        connection_id,
        token_id,
        expires_at,
    )
    return used == 1


async def forget_tokens(tx: Tx, expired_before: datetime) -> None:
    """Delete tokens that are not taken anyway."""
    await tx.execute("delete from shopper_token where expires_at <= $1", expired_before)


# Days.


async def check_in(tx: Tx, program_id: int, member_id: UUID, day: date) -> bool:
    """Note that a member checked in on a day; whether they had not yet."""
    added = await tx.execute(
        "insert into shopper_check_in values ($1, $2, $3) on conflict do nothing",
        program_id,
        member_id,
        day,
    )
    return added == 1


async def checked_in(tx: Tx, program_id: int, member_id: UUID, day: date) -> bool:
    """Whether a member checked in on a day."""
    row = await tx.fetch_one(
        "select from shopper_check_in where program_id = $1 and member_id = $2 and day = $3",
        program_id,
        member_id,
        day,
    )
    return row is not None


async def forget_check_ins(tx: Tx, before: date) -> None:
    """Delete days of the past."""
    await tx.execute("delete from shopper_check_in where day < $1", before)
