// Goal: a webserver can ask the functions in its own name and hear what changed, and nothing else: no subject and no reply subject leads it
// to the store or to another webserver. Method: raw NATS connections that are logged in as webservers try each way in; afterwards the
// store is as it was. The same on a NATS with one account, where only the functions themselves stand in the way.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { connect, headers, type Msg, type NatsConnection } from "nats";
import { connectBus } from "../bus/index.ts";
import { type Datastore, startDatastore } from "../functions/datastore.ts";
import { findNatsServer, launchNatsServer } from "../functions/nats-server/index.ts";
import { type Deployment, deploy, patient } from "./support/deployment.ts";
import { eventually, temporaryFolder } from "./support/nats-server-kit.ts";
import { warningsOf } from "./support/warnings.ts";

const PUT = JSON.stringify({ mutation: "raw:1", by: 0, doc: { id: "mine", name: "n" } });
const NOTHING = JSON.stringify({ after: 0 });

const words = (text: string) => text.trim().split(/\s+/);

/** Whatever the store is, in one value. */
async function storeOf(functions: NatsConnection) {
  const streams = await (await functions.jetstreamManager()).streams.list().next();
  const store = streams.find(({ config }) => config.name === "KV_datastore");
  assert.ok(store, "there is a store");
  return { state: store.state, config: store.config, streams: streams.map(({ config }) => config.name).sort() };
}

/** It is as it was; what a handler reads by, a consumer of its own, may go a little later. */
async function assertSame(functions: NatsConnection, store: Awaited<ReturnType<typeof storeOf>>, what?: string): Promise<void> {
  const same = async () => isDeepStrictEqual(await storeOf(functions), store);
  await eventually("the store is as it was", 10_000, same).catch(() => {});
  assert.deepEqual(await storeOf(functions), store, what);
}

/** All that arrives on a subject of a connection. */
function hear(nats: NatsConnection, subject: string): Msg[] {
  const heard: Msg[] = [];
  nats.subscribe(subject, { callback: (error, message) => error ?? heard.push(message) });
  return heard;
}

/** The subjects that the server has refused to a connection. */
function violations(nats: NatsConnection): string[] {
  const told: string[] = [];
  void (async () => {
    for await (const { permissionContext } of nats.status()) told.push(permissionContext?.subject ?? "");
  })();
  return told;
}

describe("a webserver's connection", () => {
  let deployment: Deployment;
  let web1: NatsConnection;
  let web2: NatsConnection;
  let functions: NatsConnection;

  before(async () => {
    deployment = await deploy({ webservers: 1, handlers: 2, bus: { updateInterval: 0.2 } });
    web1 = await deployment.rawWebserver("web1");
    web2 = await deployment.rawWebserver("web2");
    functions = await deployment.rawFunctions();
  });
  after(async () => await deployment[Symbol.asyncDispose]());

  /** Every answer that web1 gets is to a request in its own name: the functions have seen all that was sent before. */
  async function answered(): Promise<void> {
    for (let n = 0; n < 10; n++) await web1.request("ds.req._.changes.web1", NOTHING, { timeout: 60_000 });
    await functions.flush();
  }

  it("may publish nothing but requests in its own name", async () => {
    const store = await storeOf(functions);
    const told = violations(web1);
    const everything = hear(functions, ">");
    const live = hear(web2, "ds.live.>");
    const forged = headers();
    forged.set("Nats-Sequence", "9007199254740000");
    const subjects = words(`
      $KV.datastore.dashboards.x $KV.datastore._meta.epochs $JS.API.STREAM.PURGE.KV_datastore
      $JS.API.STREAM.DELETE.KV_datastore $JS.API.STREAM.INFO.KV_datastore $JS.API.INFO $JS.API.DIRECT.GET.KV_datastore
      $JS.API.DIRECT.GET.KV_datastore.$KV.datastore.dashboards.x $JS.API.STREAM.MSG.GET.KV_datastore
      $JS.API.CONSUMER.CREATE.KV_datastore $JS.API.CONSUMER.MSG.NEXT.KV_datastore.x $JS.ACK.KV_datastore.x.1.1.1.1.1
      $JS.DS.API.STREAM.PURGE.KV_datastore $SRV.PING $SRV.INFO.frontsync $SRV.STATS $SYS.REQ.USER.AUTH $SYS.REQ.SERVER.PING
      $SYS.REQ.ACCOUNT.DS.INFO ds.live.dashboards.x ds.live._head ds.presence.web2 ds.req.dashboards.put.web2
      ds.audit.commits $JS.API.STREAM.INFO.frontsync_audit $JS.API.DIRECT.GET.frontsync_audit
      ds.req._.check-in.web2 ds.req._.batch.web2 ds.req.dashboards.put.web1.web2 ds.req.dashboards.put ds.req.web1
      _INBOX_web2.x _R_.x _INBOX_handler.x anything`);
    for (const subject of subjects) {
      web1.publish(subject, PUT, { headers: forged, reply: "_INBOX_web1.x" });
      await assert.rejects(web1.request(subject, PUT, { timeout: 100 }), subject);
    }
    await eventually("each is refused by the server", 60_000, () => subjects.every((subject) => told.includes(subject)));
    await answered();
    const arrived = everything.filter(({ data }) => Buffer.from(data).toString() === PUT);
    assert.deepEqual(
      arrived.map(({ subject }) => subject),
      [],
    );
    assert.deepEqual(
      live.filter(({ subject }) => subject !== "ds.live._head"),
      [],
    );
    await assertSame(functions, store);
  });

  it("may read nothing but its own inbox and what is live", async () => {
    const told = violations(web1);
    const subjects = words(`
      _INBOX_web2.> _INBOX_web2.* _INBOX_web2.x _INBOX.> _INBOX_*.> > * *.> ds.> ds.req.> ds.req.dashboards.put.web1
      ds.presence.> ds.audit.> $KV.> $JS.> $SRV.> $SYS.> _R_.> *.live.>`);
    const heard = subjects.map((subject) => ({ subject, messages: hear(web1, subject) }));
    await eventually("each is refused by the server", 60_000, () => subjects.every((subject) => told.includes(subject)));
    const reply = await web2.request(
      "ds.req.dashboards.put.web2",
      JSON.stringify({ mutation: "raw:2", by: 0, doc: { id: "theirs", name: "n" } }),
      { timeout: 60_000 },
    );
    assert.ok(!reply.headers?.get("Nats-Service-Error-Code"), reply.string());
    await answered();
    for (const { subject, messages } of heard) assert.deepEqual(messages, [], subject);
  });

  it("gets nowhere by a reply subject", async () => {
    const store = await storeOf(functions);
    const [live, inbox, everything] = [hear(web2, "ds.live.>"), hear(web2, "_INBOX_web2.>"), hear(functions, ">")];
    const replies = words(`
      $KV.datastore.dashboards.x $KV.datastore._meta.epochs $JS.API.STREAM.PURGE.KV_datastore
      $JS.API.STREAM.DELETE.KV_datastore ds.live.dashboards.x ds.live._head _INBOX_web2.x ds.req.dashboards.put.web2
      ds.req._.check-in.web2 ds.presence.web2 ds.audit.x $SRV.PING $SYS.REQ.SERVER.PING`);
    for (const reply of replies)
      for (const [verb, body] of [
        ["dashboards.put", "{}"],
        ["dashboards.put", "junk"],
        ["_.changes", NOTHING],
        ["nope.delete", "{}"],
      ] as const)
        web1.publish(`ds.req.${verb}.web1`, body, { reply });
    await answered();
    // A consumer's deliveries have the subject of what is stored.
    const sent = everything.filter(
      (message) => !message.reply?.startsWith("$JS.ACK.") && !/^ds\.(req\.|live\._head)/.test(message.subject),
    );
    assert.deepEqual(
      sent.filter(({ subject }) => replies.includes(subject)).map(({ subject }) => subject),
      [],
    );
    const forgedLive = live.filter(({ headers: given }) => given?.has("Nats-Sequence"));
    assert.deepEqual(forgedLive, [], "a follower takes only what has a number from the store");
    assert.ok(
      inbox.every(({ subject }) => subject === "_INBOX_web2.x"),
      "no answer to a request of its own is replaced",
    );
    await assertSame(functions, store);
    await deployment.buses[0]?.caughtUp();
    assert.deepEqual(warningsOf(deployment.buses[0]), []);
  });

  it("is not taken for one of the functions' own when it wants no answer", async () => {
    const store = await storeOf(functions);
    for (let n = 0; n < 20; n++) web1.publish("ds.req.dashboards.put.web1", PUT);
    await answered();
    const [bus] = deployment.buses;
    const { checkIns } = bus?.status().counters ?? { checkIns: 0 };
    await eventually("every handler was asked", 60_000, () => (bus?.status().counters.checkIns ?? 0) > checkIns + 10);
    assert.deepEqual(warningsOf(bus), []);
    await assertSame(functions, store, "a write that nobody waits for is dropped");
  });

  it("is let in only with a webserver's name and the secret", async () => {
    const servers = deployment.datastore.address;
    for (const [user, pass] of [
      ["functions", "ControlSecrets"],
      ["auth", "ControlSecrets"],
      ["web1", ""],
      ["", "ControlSecrets"],
      ["web1.x", "ControlSecrets"],
      ["*", "ControlSecrets"],
      ["web1", "functions"],
      ["a".repeat(65), "ControlSecrets"],
    ] as const)
      await assert.rejects(
        connect({ servers, user, pass, reconnect: false, maxReconnectAttempts: 0 }),
        { code: "AUTHORIZATION_VIOLATION" },
        `${user} ${pass}`,
      );
    await assert.rejects(connect({ servers, reconnect: false, maxReconnectAttempts: 0 }), { code: "AUTHORIZATION_VIOLATION" });
  });
});

describe("on a NATS with one account", () => {
  it("a request is answered only into its sender's inbox, and the deployment says what it does not guarantee", async (t) => {
    const dir = temporaryFolder(t);
    const { path: binary } = await findNatsServer();
    const config = `host: "127.0.0.1"\nport: -1\njetstream { store_dir: "${join(dir, "js")}" }\n`;
    await using server = await launchNatsServer({ binary, config, dir: join(dir, "nats") });
    const nats = `127.0.0.1:${server.port}`;
    await using datastore: Datastore = await startDatastore({ dir: join(dir, "datastore"), nats });
    assert.deepEqual([datastore.address, datastore.pids.natsServer, datastore.pids.handlers.length], [nats, undefined, 1]);
    await using bus = await connectBus({ datastore: nats, webserver: "web1", dir: join(dir, "web1"), updateInterval: 0.2 });
    await patient(bus).caughtUp();
    const { revision } = await bus.collection("dashboards").put({ id: "there", name: "n" });

    const raw = await connect({ servers: nats, inboxPrefix: "_INBOX_web2" });
    t.after(() => raw.close());
    const store = await storeOf(raw);
    const heard = hear(raw, ">");
    const replies = words(`
      $KV.datastore.dashboards.x $JS.API.STREAM.PURGE.KV_datastore ds.live.dashboards.x _INBOX_web1.x _INBOX_web22.x
      _INBOX_web2 _INBOX.x`);
    for (const reply of replies)
      for (const subject of [
        "ds.req.dashboards.put.web2",
        "ds.req.nope.put.web2",
        "ds.req._.changes.web2",
        "ds.req.dashboards.put.web$2",
        "ds.req.dashboards.put.é",
      ])
        for (const body of [PUT, NOTHING, "junk"]) raw.publish(subject, body, { reply });
    raw.publish("ds.req.dashboards.put.web2", PUT);
    const reply = await raw.request("ds.req._.changes.web2", NOTHING, { timeout: 60_000 });
    assert.ok(reply.data.length > 0, "a request with the right inbox is answered");
    await raw.flush();
    const answers = heard.filter(
      ({ subject, headers: given }) => replies.includes(subject) || given?.has("Nats-Service-Error-Code"),
    );
    assert.deepEqual(
      answers.map(({ subject }) => subject),
      [],
    );
    await assertSame(raw, store);
    assert.equal((await bus.collection("dashboards").get("there"))?.revision, revision);
    const codes = await eventually("the warnings arrive", 60_000, () => {
      const told = warningsOf(bus).sort();
      return told.length >= 2 && told;
    });
    assert.deepEqual(codes, ["ONE_ACCOUNT", "SYNC_UNKNOWN"]);
  });
});
