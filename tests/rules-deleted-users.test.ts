// Goal: a deleted user leaves nothing without an owner, and a deletion that is refused has changed nothing. Method: two webservers and two
// handlers; deletions that may not be, raw ones too; documents made meanwhile; handlers killed in between.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, User } from "../bus/index.ts";
import { type Asker, asker } from "./support/asking.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { eventually } from "./support/nats-server-kit.ts";
import { makeUser } from "./support/people.ts";
import { codeOf } from "./support/refusals.ts";

let deployment: Deployment;
let a: Bus;
let b: Bus;
let raw: Asker;

before(async () => {
  deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 1 } });
  [a, b] = deployment.buses as [Bus, Bus];
  raw = await asker(deployment, "raw");
});
after(() => deployment[Symbol.asyncDispose]());

/** A user who has something of every kind. */
async function makeOwner(fields: Partial<User> = {}): Promise<number> {
  const uid = await makeUser(a, fields);
  for (let n = 0; n < 5; n++) {
    await a.collection("dashboards").put({ id: `${uid} d${n}`, name: "d", ownerId: uid });
    await a.collection("searches").put({ uid, userQuery: `q${n}` });
  }
  await a.collection("macros").put({ id: `${uid} m`, name: "m", ownerId: uid });
  await a.collection("preferences").put({ uid, name: "prefs", data: 1 });
  await raw.ask("users.logout", { uid, session: `${uid} session` });
  await raw.ask("users.login", { user: `no${uid}`, password: "x" });
  await b.caughtUp();
  return uid;
}

/** What a user has, as a webserver sees it. */
async function has(bus: Bus, uid: number) {
  await bus.caughtUp();
  const count = async (name: string, where: object) => (await bus.collection(name).list({ where, limit: 1000 })).items.length;
  return {
    dashboards: await count("dashboards", { ownerId: uid }),
    macros: await count("macros", { ownerId: uid }),
    searches: await count("searches", { uid }),
    preferences: await count("preferences", { uid }),
  };
}
const EVERYTHING = { dashboards: 5, macros: 1, searches: 5, preferences: 1 };
const NOTHING = { dashboards: 0, macros: 0, searches: 0, preferences: 0 };

describe("deleting a user", () => {
  it("gives what can be shared to the default admin, and deletes the rest, everywhere", async () => {
    const uid = await makeOwner();
    const before1 = await has(b, 1);
    const written = await a.collection("users").delete(String(uid));
    assert.deepEqual(written.handedOver, { dashboards: 5, macros: 1 });
    await b.caughtUp(written.revision);
    assert.equal(await b.collection("users").get(String(uid)), undefined);
    for (const bus of [a, b]) assert.deepEqual(await has(bus, uid), NOTHING);
    const after1 = await has(b, 1);
    assert.deepEqual([after1.dashboards - before1.dashboards, after1.macros - before1.macros], [5, 1]);
    const nobody = await makeUser(a);
    assert.equal((await a.collection("users").delete(String(nobody))).handedOver, undefined);
  });

  it("says who did it, in what was handed over", async () => {
    const [admin, uid] = [await makeUser(a, { admin: true }), await makeOwner()];
    await a.caughtUp();
    await a.asUser(admin).collection("users").delete(String(uid));
    assert.equal((await a.collection("dashboards").get(`${uid} d0`))?.doc.lastModifiedBy, admin);
  });

  it("that is refused has changed nothing", async () => {
    const [uid, other] = [await makeOwner(), await makeUser(a)];
    await a.collection("preferences").put({ uid: 1, name: "admin's", data: 1 });
    await a.collection("dashboards").put({ id: "the system's", name: "d", ownerId: 0 });
    const admins = await has(b, 1);
    const { cursor } = b.status();
    const refused = async (id: string, request: object = {}) => (await raw.ask("delete", "users", { id, ...request })).code;
    assert.equal(await refused(String(uid), { by: uid }), "NOT_ALLOWED", "oneself");
    assert.equal(await refused(String(uid), { by: other }), "NOT_ALLOWED");
    assert.equal(await refused(String(uid), { by: 987_654 }), "NOT_ALLOWED");
    assert.equal(await refused(String(uid), { ifRevision: 1 }), "REVISION_CONFLICT");
    assert.equal(await refused(String(uid), { base: 1 }), "REVISION_CONFLICT");
    for (const id of ["1", "01", "1.0", " 1", "0", "-0", "", "987654", `0${uid}`, `${uid}.0`, `${uid} `])
      assert.ok(["NOT_FOUND", "DEFAULT_ADMIN", "BAD_MESSAGE"].includes((await refused(id)) ?? "stored"), id);
    assert.deepEqual(await has(b, uid), EVERYTHING);
    assert.deepEqual(await has(b, 1), admins);
    assert.equal((await b.collection("dashboards").get("the system's"))?.doc.ownerId, 0);
    assert.equal(b.status().cursor, cursor, "nothing was stored");
  });

  it("also hands over what is made while it runs", async () => {
    const uid = await makeOwner();
    let deleted = false;
    let made = 0;
    const making = (async () => {
      while (!deleted) {
        const doc = { id: `${uid} meanwhile ${made}`, name: "d", ownerId: uid };
        if ((await raw.ask("put", "dashboards", { doc, by: uid })).code === undefined) made++;
      }
    })();
    await eventually("some are made", 60_000, () => made > 20);
    await a.collection("users").delete(String(uid));
    deleted = true;
    await making;
    assert.deepEqual(await has(b, uid), NOTHING);
    const { items } = await b.collection("dashboards").list({ where: { ownerId: 1 }, limit: 1000 });
    assert.equal(items.filter(({ id }) => id.startsWith(`${uid} `)).length, made + 5, "none is lost");
    assert.equal(await codeOf(a.asUser(uid).collection("dashboards").put({ name: "late" })), "NOT_ALLOWED");
  });

  it("goes on where a killed handler left off, when it is retried with its mutation id, of whatever length", async () => {
    for (const mutationId of ["m".repeat(128), "killed:1", "killed:2", "killed:3", "killed:4"]) {
      const uid = await makeOwner();
      const deleting = a.collection("users").delete(String(uid), { mutationId, timeoutMs: 60_000 });
      // Where the next handler is slow to start the webserver notices that there is none, and can't tell what became of it.
      const ended = deleting.then(
        () => undefined,
        (error: { code: string }) => error.code,
      );
      await eventually("it has begun", 60_000, async () => (await b.collection("preferences").get(`${uid}/prefs`)) === undefined);
      for (const pid of deployment.datastore.pids.handlers) process.kill(pid, "SIGKILL");
      assert.ok([undefined, "OUTCOME_UNKNOWN"].includes(await ended), await ended);
      await a.caughtUp();
      const { revision } = await a.collection("users").delete(String(uid), { mutationId, timeoutMs: 60_000 });
      assert.ok(revision);
      for (const bus of [a, b]) assert.deepEqual(await has(bus, uid), NOTHING);
      assert.equal(await a.collection("users").get(String(uid)), undefined);
    }
  });

  it("of an admin by that admin hands over all, is the same for a retry, and goes on then", async () => {
    const uid = await makeOwner({ admin: true });
    const deletion = { id: String(uid), by: uid, mutation: `self:${uid}` };
    const { revision, code } = await raw.ask("delete", "users", deletion);
    assert.equal(code, undefined);
    await b.caughtUp(revision as number);
    assert.deepEqual(await has(b, uid), NOTHING);
    // As if the handler had died before it looked again.
    await a.collection("dashboards").put({ id: `${uid} left`, name: "left", ownerId: uid });
    assert.equal((await raw.ask("delete", "users", deletion)).revision, revision);
    await b.caughtUp();
    assert.deepEqual(await has(b, uid), NOTHING);
  });

  it("or a lock leaves what is stored as it is: a retry says so, and anything else is refused", async () => {
    for (const end of ["delete", "lock"]) {
      const uid = await makeUser(a);
      const writes = ["put", "patch", "delete"].map((verb) => {
        const id = `${uid} ${verb}`;
        const what = { put: { doc: { id, name: "new", ownerId: uid } }, patch: { id, merge: { name: "new" } }, delete: { id } }[
          verb
        ];
        return { verb, id, request: { ...what, by: uid, mutation: `before:${uid}:${verb}` } };
      });
      for (const { id } of writes) await a.collection("dashboards").put({ id, name: "old", ownerId: uid });
      const stored = [];
      for (const { verb, request } of writes) stored.push(await raw.ask(verb, "dashboards", request));
      assert.ok(stored.every(({ code }) => code === undefined));
      if (end === "lock") assert.equal((await raw.ask("users.setLocked", { uid, locked: true })).code, undefined);
      else assert.equal((await raw.ask("delete", "users", { id: String(uid) })).code, undefined);
      for (const { verb, request } of writes) {
        const { code, revision } = await raw.ask(verb, "dashboards", request);
        assert.deepEqual([code, typeof revision], [undefined, "number"], `${verb} after ${end}`);
        const again = await raw.ask(verb, "dashboards", { ...request, mutation: `after:${uid}:${verb}` });
        assert.equal(again.code, "NOT_ALLOWED");
      }
    }
  });

  it("forgets the user's failed logins, and not that a session was ended", async () => {
    const uid = await makeUser(a, { user: "fails" });
    await raw.ask("users.login", { user: "fails", password: "wrong" });
    await raw.ask("users.logout", { uid, session: "the session" });
    await a.caughtUp();
    assert.ok(await a.collection("logins").get(String(uid)));
    await a.collection("users").delete(String(uid));
    assert.equal(await a.collection("logins").get(String(uid)), undefined);
    assert.equal((await a.collection("sessions").get("the session"))?.doc.uid, uid);
  });
});
