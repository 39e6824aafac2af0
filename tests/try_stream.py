import asyncio
import os
import sys
import time
import uuid

from shared.db import migrate
from shared.db.engine import Database
from shared.events.catalogue import Topic
from shared.stream import schema
from shared.stream.kafka import KafkaStream
from shared.stream.port import Message
from shared.stream.postgres import PostgresStream
from tests.backing import kafka, postgres


async def go(stream):
    print(await stream.create([Topic("a",12,400), Topic("b",12,400)]))
    print(await stream.create([Topic("a",12,400)]))
    n=2000
    t=time.time()
    msgs=[Message(f"p/{i%50}", uuid.uuid4(), b"x"*900) for i in range(n)]
    r=await asyncio.gather(*(stream.append("a", [m]) for m in msgs))
    print("append singles", n/(time.time()-t))
    t=time.time()
    for i in range(0,20000,500):
        await stream.append("b",[Message(f"p/{j%50}", uuid.uuid4(), b"x"*900) for j in range(500)])
    print("append bulk", 20000/(time.time()-t))
    changed=[]
    s=await stream.subscribe("g",["a","b"],"w1",lambda: changed.append(1))
    while len(s.assigned())<24: await asyncio.sleep(.05)
    for p in s.assigned(): s.seek(p, await s.start_of(p))
    got=0;t=time.time()
    while got<22000:
        rs=await s.poll(1000,500)
        got+=len(rs)
    print("read",got/(time.time()-t), len(changed))
    lat=[]
    for i in range(50):
        await asyncio.sleep(0.01)
        async def later():
            await asyncio.sleep(0.03)
            t=time.time(); await stream.append("a",[Message("p/1",uuid.uuid4(),b"z")]); return t
        task=asyncio.create_task(later())
        while True:
            rs=await s.poll(1000,500)
            if rs: break
        lat.append(time.time()-await task)
    lat.sort(); print("wake p50 p99", lat[25],lat[-1])
    await s.tell({("a",3):5}); print(await stream.told("g","a"))
    t=time.time(); await s.close(3); await stream.close(3); print("close",time.time()-t)
async def main(which,url):
    if which=="pg":
        db=await postgres.make(url)
        await migrate.upgrade(db,[schema.LOG])
        async with Database("log",db,worker=True) as d: await go(PostgresStream(d))
        await postgres.drop(url,db)
    else: await go(KafkaStream(url,"t%s."%os.getpid()))
if sys.argv[1]=="pg":
    with postgres.server() as url: asyncio.run(main("pg",url))
else:
    with kafka.broker() as url: asyncio.run(main("k",url))
