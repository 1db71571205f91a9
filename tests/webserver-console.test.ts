// Goal: a page can show how the webservers do, what waits, what was refused and what lost, and let each user settle what is theirs. Method: two webservers,
// one of which loses the datastore for a while; asked over HTTP by two users and an admin.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Webserver } from "../apps/webserver/index.ts";
import { Listening } from "./support/events.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { Gate, offline } from "./support/offline.ts";
import { type Answer, Client, type Web, webservers } from "./support/webservers.ts";

const SOON_MS = 60_000;

interface Item {
  mutationId: string;
  id: string;
  by: number;
  code?: string;
  body?: unknown;
}

describe("what a console needs", () => {
  let web: Web;
  let gate: Gate;
  let a: Webserver;
  let b: Webserver;
  let anna: Client;
  let bert: Client;
  let admin: Client;
  let annasUid = 0;
  const statusOf = (answer: Answer, expected: number) => assert.equal(answer.status, expected, JSON.stringify(answer.body));
  before(async () => {
    web = await webservers(1, { updateInterval: 0.3 });
    gate = await Gate.to(web.deployment.datastore.address);
    a = web.servers[0] as Webserver;
    b = await web.open("web2", { datastore: gate.address });
    annasUid = await web.user("anna");
    await web.user("bert");
    // At the one with the gate.
    [anna, bert, admin] = [new Client(b), new Client(b), new Client(b)];
    statusOf(await anna.login("anna"), 200);
    statusOf(await bert.login("bert"), 200);
    statusOf(await admin.login("admin", "changeme"), 200);
  });
  after(async () => {
    await web[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  it("tells everybody how the webserver does in words, and admins in figures, of the others, too", async () => {
    const told = await anna.ask("GET", "/api/status");
    statusOf(told, 200);
    assert.deepEqual(Object.keys(told.body).sort(), ["alert", "draining", "state", "webserver", "words"]);
    assert.equal(told.body.webserver, "web2");
    const peers = async () => {
      const { body } = await admin.ask<{ peers: Record<string, unknown>[] }>("GET", "/api/status");
      return body.peers;
    };
    const peer = await eventually("it knows how web1 does", SOON_MS, async () =>
      (await peers()).find(({ webserver, lag, state }) => webserver === "web1" && lag === 0 && state === "synced"),
    );
    assert.deepEqual(
      [peer.state, peer.pending, peer.deadLetters, peer.conflicts, peer.externalAddr, peer.draining],
      ["synced", 0, 0, 0, "web1.test:443", false],
    );
    assert.ok(Number(peer.heartbeatAgeMs) >= 0 && Number(peer.cursor) > 0);
    const { body } = await eventually("it is in step itself", SOON_MS, async () => {
      const answer = await admin.ask("GET", "/api/status");
      return answer.body.state === "synced" && answer;
    });
    assert.deepEqual([body.state, body.pending, body.deadLetters, body.conflicts], ["synced", 0, 0, 0]);
    assert.ok(Number(body.head) >= Number(body.cursor) && typeof body.generation === "string");
    assert.ok((body.warnings as { code: string }[]).some(({ code }) => code === "DEFAULT_PASSWORD"));
    statusOf(await new Client(b).ask("GET", "/api/status"), 401);
  });

  it("says when it is without the datastore, shows what waits, and lets each settle what was refused", async () => {
    const at = "/api/dashboards/contested";
    statusOf(await anna.at(a).ask("POST", "/api/dashboards", { id: "contested", name: "base", data: { x: 0 } }), 201);
    await eventually("it is here", SOON_MS, async () => (await anna.ask("GET", at)).status === 200);
    await using stream = await Listening.to(b, bert);
    await stream.heard("in step", ({ event, data }) => event === "status" && data.state === "synced");
    await offline(b.bus, gate, async () => {
      const degraded = await stream.heard("degraded", ({ event, data }) => event === "status" && data.state === "degraded");
      assert.match(String(degraded.data.words), /can't be reached.*kept on this webserver/);
      statusOf(await anna.ask("PATCH", at, { data: { x: "mine" } }), 202);
      const waits = await anna.ask<{ items: Item[] }>("GET", "/api/outbox");
      assert.deepEqual(
        waits.body.items.map(({ id, by, body }) => [id, by, body]),
        [["contested", annasUid, undefined]],
      );
      assert.deepEqual((await bert.ask("GET", "/api/outbox")).body.items, []);
      assert.equal((await admin.ask<{ items: Item[] }>("GET", "/api/outbox")).body.items.length, 1);
      assert.equal((await anna.ask("GET", `${at}/versions`)).status, 503);
      statusOf(await anna.at(a).ask("PATCH", at, { data: { x: "theirs" } }), 200);
    });
    const letters = async (client: Client) => (await client.ask<{ items: Item[] }>("GET", "/api/deadletters")).body.items;
    const letter = await eventually("it is refused", SOON_MS, async () => (await letters(anna))[0]);
    assert.deepEqual([letter.id, letter.code, letter.body], ["contested", "REVISION_CONFLICT", undefined]);
    await stream.heard("in step again", ({ event, data }) => event === "status" && data.state === "synced");
    const one = `/api/deadletters/${encodeURIComponent(letter.mutationId)}`;
    assert.deepEqual([await letters(bert), (await letters(admin)).length], [[], 1]);
    for (const [method, path] of [
      ["GET", one],
      ["POST", `${one}/retry`],
      ["DELETE", one],
    ] as const)
      statusOf(await bert.ask(method, path), 404);
    assert.deepEqual((await anna.ask("GET", one)).body.body, { data: { x: "mine" } });
    statusOf(await anna.ask("POST", `${one}/retry`), 200);
    assert.deepEqual((await anna.ask("GET", at)).body.data, { x: "mine" });
    assert.deepEqual(await letters(anna), []);
    statusOf(await anna.ask("DELETE", one), 404);
  });

  it("lets whoever lost, or an admin, settle a conflict, when the document is still the one that they saw", async () => {
    const at = "/api/dashboards/merged";
    const made = await anna.ask("POST", "/api/dashboards", { id: "merged", name: "theirs" });
    const copies = b.bus.collection("conflicts");
    const copy = { collection: "dashboards", docId: "merged", losing: { id: "merged", name: "mine" }, base: 0, winner: 1 };
    for (const id of ["c1", "c2"]) await copies.put({ ...copy, id, by: annasUid, at: new Date(0).toISOString() });
    const listed = async (client: Client) =>
      (await client.ask<{ items: { id: string }[] }>("GET", "/api/conflicts?docId=merged")).body.items.map(({ id }) => id);
    assert.deepEqual([await listed(anna), await listed(bert), await listed(admin)], [["c1", "c2"], [], ["c1", "c2"]]);
    assert.deepEqual((await anna.ask("GET", "/api/conflicts/c1")).body.losing, copy.losing);
    const doc = { id: "merged", name: "both" };
    for (const [method, path] of [
      ["GET", "/api/conflicts/c1"],
      ["POST", "/api/conflicts/c1/resolve"],
      ["DELETE", "/api/conflicts/c1"],
    ] as const)
      statusOf(await bert.ask(method, path, method === "POST" ? { doc } : undefined), 404);
    statusOf(await anna.ask("POST", "/api/conflicts/c1/resolve", {}), 400);
    statusOf(await anna.ask("POST", "/api/conflicts/c1/resolve", { doc: { id: "other", name: "both" } }), 400);
    const seen = anna.with({ "if-match": `"${made.body.revision}"` });
    statusOf(await anna.ask("PATCH", at, { description: "meanwhile" }), 200);
    const stale = await seen.ask("POST", "/api/conflicts/c1/resolve", { doc });
    assert.deepEqual([stale.status, stale.body.code], [409, "REVISION_CONFLICT"]);
    const now = (await anna.ask("GET", at)).headers.get("etag") ?? "";
    statusOf(await anna.with({ "if-match": now }).ask("POST", "/api/conflicts/c1/resolve", { doc }), 200);
    const { body } = await anna.ask("GET", at);
    assert.deepEqual([body.name, body.lastModifiedBy], ["both", annasUid]);
    statusOf(await anna.ask("DELETE", "/api/conflicts/c2"), 200);
    assert.deepEqual(await listed(anna), []);
  });

  it("gives a version by its revision, and with a conflict the version that is there", async () => {
    const made = await anna.ask("POST", "/api/dashboards", { name: "first" });
    const at = `/api/dashboards/${made.body.id}`;
    const changed = await anna.ask("PATCH", at, { name: "second" });
    const first = await anna.ask<{ doc: Record<string, unknown> }>("GET", `${at}/versions/${made.body.revision}`);
    assert.deepEqual([first.status, first.body.doc.name], [200, "first"]);
    statusOf(await anna.ask("GET", `${at}/versions/1`), 404);
    statusOf(await anna.ask("GET", `${at}/versions/x`), 404);
    statusOf(await bert.ask("GET", `${at}/versions/${made.body.revision}`), 404);
    const stale = await anna
      .with({ "if-match": `"${made.body.revision}"` })
      .ask<{ code: string; current: { revision: number; doc: { name: string } } }>("PUT", at, { name: "late" });
    const { code, current } = stale.body;
    assert.deepEqual(
      [stale.status, code, current.revision, current.doc.name, stale.headers.get("etag")],
      [409, "REVISION_CONFLICT", changed.body.revision, "second", `"${changed.body.revision}"`],
    );
    const back = await anna.with({ "if-match": `"${current.revision}"` }).ask("PUT", at, first.body.doc);
    statusOf(back, 200);
    assert.equal((await anna.ask("GET", at)).body.name, "first");
  });
});
