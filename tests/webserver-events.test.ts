// Goal: a live page hears at once what changes anywhere, of what its user may see and nothing else, and knows when what it has may be old. Method: two
// webservers on one datastore; streams read as a browser reads them.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Channel } from "../apps/webserver/events/channel.ts";
import { EVENT_LIMITS, Events } from "../apps/webserver/events/index.ts";
import type { Webserver } from "../apps/webserver/index.ts";
import type { StatusView } from "../apps/webserver/status.ts";
import type { SessionClaims } from "../bus/index.ts";
import { Listening, type Sent } from "./support/events.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeGroup } from "./support/people.ts";
import { Client, type Web, webservers } from "./support/webservers.ts";

const SOON_MS = 60_000;
const noStatus = { forUsers: () => ({}), forWatchingAdmins: () => ({}) } as unknown as StatusView;

const claimsOf = (uid: number): SessionClaims => ({
  ...{ id: "s", uid, issuedAt: new Date().toISOString(), expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
});

describe("the events of a webserver", () => {
  let web: Web;
  let a: Webserver;
  let b: Webserver;
  let anna: Client;
  let bert: Client;
  let admin: Client;
  let annasUid = 0;
  let bertsUid = 0;
  before(async () => {
    web = await webservers(2, { updateInterval: 0.5 });
    [a, b] = web.servers as [Webserver, Webserver];
    [annasUid, bertsUid] = [await web.user("anna"), await web.user("bert")];
    [anna, bert, admin] = [new Client(a), new Client(a), new Client(a)];
    await anna.login("anna");
    await bert.login("bert");
    await admin.login("admin", "changeme");
  });
  after(() => web[Symbol.asyncDispose]());

  const changeOf =
    (id: unknown, deleted = false) =>
    (sent: Sent) =>
      sent.event === "change" && sent.data.id === id && sent.data.deleted === deleted;
  const make = async (client: Client, fields: object = {}) =>
    (await client.ask("POST", "/api/dashboards", { name: "One", ...fields })).body as { id: string; revision: number };

  it("begin with how the webserver does and where the client stands, and pass every proxy", async () => {
    await using stream = await Listening.to(a, anna);
    const { headers } = stream;
    assert.deepEqual(
      [stream.status, headers.get("content-type"), headers.get("x-accel-buffering"), headers.get("cache-control")],
      [200, "text/event-stream; charset=utf-8", "no", "no-store, no-transform"],
    );
    const { data, id } = await stream.heard("the status", ({ event }) => event === "status");
    assert.deepEqual([data.webserver, data.state, data.warnings], ["web1", "synced", undefined]);
    assert.ok(Number(id) > 0 && Number(stream.retry) >= 1000, "an id and a time to come again");
    assert.equal((await new Client(a).ask("GET", "/api/events")).status, 401);
    const head = await fetch(`${a.address}/api/events`, { method: "HEAD", headers: anna.headers });
    assert.equal(head.status, 405, "it would never end");
  });

  it("tell what another webserver changes, with who did it, in the order of the revisions", async () => {
    await using stream = await Listening.to(b, anna);
    await stream.heard("the status", ({ event }) => event === "status");
    const { id, revision } = await make(anna);
    const first = await stream.heard("it is made", changeOf(id));
    assert.deepEqual(
      [first.id, first.data],
      [String(revision), { collection: "dashboards", id, revision, deleted: false, by: annasUid }],
    );
    await anna.ask("PATCH", `/api/dashboards/${id}`, { name: "Two" });
    await anna.ask("DELETE", `/api/dashboards/${id}`);
    await stream.heard("it is deleted", changeOf(id, true));
    const ids = stream.sent.flatMap((sent) => (sent.event === "change" ? [Number(sent.id)] : []));
    assert.deepEqual(
      ids,
      [...ids].sort((x, y) => x - y),
    );
  });

  it("tell a user nothing of a new document of another, and of one that is not to be seen any more that it is gone", async () => {
    await using stream = await Listening.to(a, bert);
    await stream.heard("the status", ({ event }) => event === "status");
    const hidden = await make(anna);
    const shared = await make(anna, { readers: { users: [bertsUid] } });
    assert.equal((await stream.heard("what is shared", changeOf(shared.id))).data.by, annasUid);
    await anna.ask("PATCH", `/api/dashboards/${shared.id}`, { readers: { users: [] } });
    const gone = await stream.heard("it is gone", changeOf(shared.id, true));
    assert.equal(gone.data.by, undefined);
    await anna.ask("PATCH", `/api/dashboards/${shared.id}`, { name: "Again" });
    const last = await make(bert);
    await stream.heard("his own", changeOf(last.id));
    assert.ok(!stream.sent.some(({ data }) => data.id === hidden.id), "what he never saw");
    assert.equal(stream.sent.filter(changeOf(shared.id, true)).length, 1, "once");
    const others = ["users", "groups", "dashboards"];
    assert.ok(stream.sent.every(({ event, data }) => event !== "change" || others.includes(String(data.collection))));
  });

  it("go on after the last one that the client has, and say when they can't", async () => {
    const first = await make(anna);
    const second = await make(anna);
    await b.bus.caughtUp(second.revision, { timeoutMs: SOON_MS });
    {
      await using stream = await Listening.to(b, anna, { "last-event-id": String(first.revision) });
      await stream.heard("what it missed", changeOf(second.id));
      assert.ok(!stream.sent.some(({ event, data }) => event === "reset" || data.id === first.id));
    }
    for (const unknown of ["nonsense", "0", "-1", "1", "9".repeat(16), String(first.revision - 5000)]) {
      await using stream = await Listening.to(a, anna, { "last-event-id": unknown });
      const { id } = await stream.heard(`a reset for ${unknown}`, ({ event }) => event === "reset");
      assert.ok(Number(id) >= second.revision, "from where it goes on");
    }
  });

  it("do not tell very many one by one: what is there is to be read again", async () => {
    const { revision } = await make(anna);
    const docs = Array.from({ length: 200 }, (_, n) => ({ id: `many-${n}`, name: "n", ownerId: annasUid }));
    await a.bus.collection("macros").putMany(docs);
    await a.bus.caughtUp(null, { timeoutMs: 60_000 });
    const events = new Events({ bus: a.bus, status: noStatus, counts: async () => true }, { ...EVENT_LIMITS, perSecond: 20 });
    let text = "";
    events.open(claimsOf(annasUid), String(revision)).on("data", (chunk: Buffer) => (text += chunk.toString()));
    await eventually("a reset", SOON_MS, () => text.includes("event: reset"));
    const told = text.split("event: change").length - 1;
    assert.ok(told >= 20 && told < docs.length, `${told} were told`);
    const after = await make(anna);
    await eventually("and on it goes", SOON_MS, () => text.slice(text.indexOf("event: reset")).includes(after.id));
    events.close();
  });

  it("say that all is to be read again when the user's own rights change", async () => {
    const gid = await makeGroup(a.bus);
    await using stream = await Listening.to(b, bert);
    await stream.heard("the status", ({ event }) => event === "status");
    await admin.ask("PUT", `/api/groups/${gid}/members`, { members: [bertsUid] });
    await stream.heard("a reset", ({ event }) => event === "reset");
  });

  it("tell admins warnings, and each second how much comes in and how fast", async () => {
    await using stream = await Listening.to(a, admin);
    await using users = await Listening.to(a, anna);
    const status = await stream.heard("the status", ({ event }) => event === "status");
    const warnings = status.data.warnings as { code: string }[];
    assert.ok(warnings.some(({ code }) => code === "DEFAULT_PASSWORD"));
    const made = setInterval(() => void make(anna).catch(() => {}), 50);
    try {
      const { data } = await stream.heard(
        "figures",
        ({ event, data: { mutationsPerSecond } }) => event === "metrics" && Number(mutationsPerSecond) > 0,
      );
      const { p50, p99 } = data.propagationMs as { p50: number; p99: number };
      assert.ok(p50 >= 0 && p99 >= p50, JSON.stringify(data));
      assert.ok(!Number.isNaN(Date.parse(String(data.at))));
    } finally {
      clearInterval(made);
    }
    assert.ok(!users.sent.some(({ event }) => event === "metrics"));
  });

  it("end with the session: at a logout, and when the user is locked", async () => {
    for (const end of [
      async (client: Client, _uid: number) => await client.ask("PUT", "/api/logout"),
      async (_client: Client, uid: number) => await admin.ask("PUT", `/api/users/${uid}/lock`),
    ]) {
      const name = `short-${Math.random().toString(36).slice(2)}`;
      const uid = await web.user(name);
      const client = new Client(a);
      await client.login(name);
      await using stream = await Listening.to(b, client);
      await stream.heard("the status", ({ event }) => event === "status");
      assert.equal((await end(client, uid)).status, 200);
      await eventually("it ends", SOON_MS, () => stream.ended === "ended");
      assert.equal((await Listening.to(b, client)).status, 401);
    }
  });

  it("are only so many for a user, and in all", async () => {
    const uid = await web.user("many");
    const parts = { bus: a.bus, status: noStatus, counts: async () => true };
    const events = new Events(parts, { ...EVENT_LIMITS, perUser: 2, all: 3 });
    const open = (of: number) => events.open(claimsOf(of), undefined);
    const [first] = [open(uid), open(uid)];
    assert.throws(() => open(uid), { code: "TOO_MANY_REQUESTS" });
    open(annasUid);
    assert.throws(() => open(bertsUid), { code: "WEBSERVER_BUSY" });
    first.destroy();
    await eventually("there is room again", SOON_MS, () => events.size === 2);
    open(uid);
    events.close();
    await eventually("all are closed", SOON_MS, () => events.size === 0);
    assert.throws(() => open(uid), { code: "CLOSED" });
    const expired = new Events(parts);
    expired.open({ ...claimsOf(uid), expiresAt: new Date(Date.now() + 50).toISOString() }, undefined);
    await eventually("its session expires", SOON_MS, () => expired.size === 0);
  });

  it("say where the client stands with the first status, also when the status changes as they begin", async () => {
    let n = 1;
    const status = { forUsers: () => ({ n }), forWatchingAdmins: () => ({ n }) } as unknown as StatusView;
    let go = () => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const counts = async ({ uid }: SessionClaims) => {
      if (uid === bertsUid) await gate;
      return true;
    };
    const events = new Events({ bus: a.bus, status, counts });
    const read = (uid: number) => {
      const told = { text: "" };
      events.open(claimsOf(uid), undefined).on("data", (chunk: Buffer) => (told.text += chunk.toString()));
      return told;
    };
    const [annas, berts] = [read(annasUid), read(bertsUid)];
    await eventually("anna's has begun", SOON_MS, () => annas.text.includes('{"n":1}'));
    n = 2;
    events.statusChanged();
    await eventually("it is told", SOON_MS, () => annas.text.includes('{"n":2}'));
    go();
    await eventually("bert's has begun", SOON_MS, () => berts.text.includes("event: status"));
    events.close();
    // Without an id a browser that loses its connection can't say from where it goes on.
    assert.match(berts.text, /^retry: \d+\n\nid: [1-9]\d*\nevent: status\ndata: {"n":2}\n\n$/);
  });

  it("over HTTP, too, say what is too many", async () => {
    await web.user("lots");
    const client = new Client(a);
    await client.login("lots");
    const streams = await Promise.all(Array.from({ length: EVENT_LIMITS.perUser }, () => Listening.to(a, client)));
    try {
      assert.ok(streams.every(({ status }) => status === 200));
      const { status, body } = await client.ask("GET", "/api/events");
      assert.deepEqual([status, body.code], [429, "TOO_MANY_REQUESTS"]);
    } finally {
      for (const stream of streams) await stream[Symbol.asyncDispose]();
    }
    const again = async () => {
      await using stream = await Listening.to(a, client);
      return stream.status === 200;
    };
    await eventually("there is room again", SOON_MS, again);
  });

  it("end when the webserver stops, at once and without an error", async () => {
    const c = await web.open("web3");
    await using stream = await Listening.to(c, anna);
    await stream.heard("the status", ({ event }) => event === "status");
    await c.close();
    await eventually("it ends", SOON_MS, () => stream.ended === "ended");
  });
});

describe("a stream of events", () => {
  it("keeps little for a client that does not read, and cuts it off", async () => {
    const full = new Channel({ maxBytes: 20_000, slowMs: 60_000 });
    for (let n = 0; n < 1000; n++) full.send("status", { text: "x".repeat(100) });
    assert.ok(full.over.aborted && full.body.destroyed);
    assert.ok(full.body.readableLength < 20_000);

    const slow = new Channel({ maxBytes: 1_000_000, slowMs: 20 });
    for (let n = 0; n < 400; n++) slow.send("change", { text: "x".repeat(100) });
    assert.ok(!slow.over.aborted);
    await slow.ready();
    assert.ok(slow.over.aborted);
  });

  it("goes on with one that reads", async () => {
    const channel = new Channel({ maxBytes: 1_000_000, slowMs: 60_000 });
    for (let n = 0; n < 400; n++) channel.send("change", { text: "x".repeat(100) });
    let bytes = 0;
    channel.body.on("data", (chunk: Buffer) => (bytes += chunk.length));
    await channel.ready();
    assert.ok(!channel.over.aborted && bytes > 40_000);
    channel.end();
  });
});
