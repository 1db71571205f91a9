// Goal: numbers are never given twice, names are unique, the default admin stays one, and what the datastore says of a document is its own word,
// whoever asks. Method: one deployment of two webservers and two handlers, with raw requests where a bus would check first.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, User } from "../bus/index.ts";
import { type Asker, asker } from "./support/asking.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { makeGroup, makeUser } from "./support/people.ts";
import { codeOf, refusal } from "./support/refusals.ts";

let deployment: Deployment;
let a: Bus;
let b: Bus;
let raw: Asker;
const users = (bus: Bus) => bus.collection("users");

before(async () => {
  deployment = await deploy({ webservers: 2, handlers: 2, bus: { updateInterval: 1 } });
  [a, b] = deployment.buses as [Bus, Bus];
  raw = await asker(deployment, "raw");
});
after(() => deployment[Symbol.asyncDispose]());

describe("uids and gids", () => {
  it("go up by one, and are never given again: not after a deletion, not after a restart", async () => {
    const [uid, gid] = [await makeUser(a), await makeGroup(a)];
    assert.equal(await makeUser(b), uid + 1);
    await users(a).delete(String(uid + 1));
    await a.collection("groups").delete(String(gid));
    assert.equal(await makeUser(b), uid + 2);
    assert.equal(await makeGroup(b), gid + 1);
    await users(b).delete(String(uid + 2));
    await b.collection("groups").delete(String(gid + 1));
    await deployment.restartDatastore();
    await a.caughtUp();
    assert.equal(await makeUser(a), uid + 3);
    assert.equal(await makeGroup(a), gid + 2);
    raw = await asker(deployment, "raw");
  });

  it("are the datastore's to give: not to a new user, a deleted one, or another one", async () => {
    const uid = await makeUser(a);
    await users(a).delete(String(uid));
    await b.caughtUp();
    for (const wanted of [uid, uid + 1, 987_654]) {
      const error = await refusal(users(b).put({ uid: wanted, user: "mine" }));
      assert.deepEqual([error.code, error.path], ["ID_ALLOCATED", "/uid"]);
      const { code } = await raw.ask("put", "users", { doc: { uid: wanted, user: "mine" } });
      assert.equal(code, "ID_ALLOCATED");
    }
    const other = await makeUser(a);
    assert.equal(await codeOf(users(a).patch(String(other), { uid: 987_654 })), "BAD_ID");
    assert.equal(await codeOf(a.collection("groups").put({ gid: 987_654, name: "g" })), "ID_ALLOCATED");
  });

  it("are the same for a retry, also when what was made is deleted", async () => {
    for (const [name, doc] of [
      ["users", { user: "retried" }],
      ["groups", { name: "retried" }],
    ] as const) {
      const mutation = `retried:${name}`;
      const first = await raw.ask("put", name, { doc, mutation });
      const again = await raw.ask("put", name, { doc, mutation });
      assert.deepEqual(again, first);
      await raw.ask("delete", name, { id: String(first.id) });
      const late = await raw.ask("put", name, { doc, mutation });
      assert.deepEqual([late.id, late.code], [first.id, undefined]);
      await a.caughtUp();
      assert.equal(await a.collection(name).get(String(first.id)), undefined);
    }
  });
});

describe("a user name", () => {
  it("is one user's, whatever its case and its Unicode form", async () => {
    for (const [name, ...alike] of [
      ["Zoë", "zoë", "ZOË", "Zoe\u0308", "ＺＯË"],
      ["σίγμας", "ΣΊΓΜΑΣ", "σίγμασ"],
      ["straße", "STRASSE", "Strasse"],
      ["ﬁona", "FIONA", "fiona"],
    ] as const) {
      const uid = await makeUser(a, { user: name });
      await b.caughtUp();
      for (const other of alike) assert.equal(await codeOf(users(b).put({ user: other })), "USER_NAME_TAKEN", `${name} ${other}`);
      for (const other of alike) await users(a).patch(String(uid), { user: other });
    }
    await makeUser(a, { user: "zoe" });
  });

  it("can be taken at once when it is free again", async () => {
    const uid = await makeUser(a, { user: "first" });
    await users(a).patch(String(uid), { user: "second" });
    const heir = await makeUser(b, { user: "FIRST" });
    await users(b).delete(String(heir));
    await users(a).patch(String(uid), { user: "First" });
    assert.equal(await codeOf(users(b).put({ user: "first" })), "USER_NAME_TAKEN");
  });

  it("is refused in a batch, too", async () => {
    const results = await users(a).putMany([{ user: "many" }, { user: "MANY" }, { user: "more" }]);
    const codes = results.map((result) => ("code" in result ? result.code : "stored"));
    assert.deepEqual(codes.sort(), ["USER_NAME_TAKEN", "stored", "stored"]);
  });
});

describe("what is no user", () => {
  it("is refused as such, by put and by patch", async () => {
    const uid = await makeUser(a);
    await a.caughtUp();
    for (const wrong of [{ user: null }, { user: 5 }, { groups: 5 }, { groups: [null] }, { admin: "yes" }]) {
      const [path] = Object.keys(wrong);
      const { user, ...rest } = { uid, user: "right", ...wrong } as Record<string, unknown>;
      const doc = user === null ? rest : { ...rest, user };
      for (const answer of [
        await raw.ask("patch", "users", { id: String(uid), merge: wrong }),
        await raw.ask("put", "users", { doc }),
      ])
        assert.deepEqual([answer.code, answer.path?.split("/")[1]], ["SCHEMA_INVALID", path]);
    }
  });
});

describe("the default admin", () => {
  it("can't be deleted, demoted or locked, by whatever way", async () => {
    const [{ doc }, other] = [(await users(a).get("1")) ?? assert.fail(), await makeUser(a, { admin: true })];
    await a.caughtUp();
    for (const of of [users(a), a.asUser(1).collection("users"), a.asUser(other).collection("users")]) {
      for (const wrong of [{ locked: true }, { admin: false }, { admin: undefined }] as Partial<User>[]) {
        const next = JSON.parse(JSON.stringify({ ...doc, ...wrong })) as User;
        assert.equal(await codeOf(of.put(next)), "DEFAULT_ADMIN");
      }
      for (const merge of [{ locked: true }, { admin: false }, { admin: null }])
        assert.equal(await codeOf(of.patch("1", merge)), "DEFAULT_ADMIN");
      assert.equal(await codeOf(of.delete("1")), "DEFAULT_ADMIN");
    }
    const calls = { "users.setAdmin": { uid: 1, admin: false }, "users.setLocked": { uid: 1, locked: true } };
    for (const [name, request] of Object.entries(calls)) {
      for (const by of [0, 1, other]) assert.equal((await raw.ask(name, { ...request, by })).code, "DEFAULT_ADMIN", name);
    }
    assert.equal((await raw.ask("delete", "users", { id: "1" })).code, "DEFAULT_ADMIN");
    assert.equal((await users(a).get("1"))?.revision, (await users(b).get("1"))?.revision);
  });

  it("is not locked out by failed logins", async () => {
    for (let n = 0; n < 3; n++)
      assert.equal((await raw.ask("users.login", { user: "admin", password: "no", lockAfter: 1 })).code, "LOGIN_FAILED");
    assert.equal((await raw.ask("users.login", { user: "Admin", password: "changeme", lockAfter: 1 })).uid, 1);
  });

  it("is not locked out by what an admin, or a webserver, reports of failed logins", async () => {
    const by = await makeUser(a, { admin: true });
    const lockedUntil = new Date(Date.now() + 3600_000).toISOString();
    const report = { uid: 1, by, failures: 1000, lockAfter: 1, lockSeconds: 3600, lockedUntil, sessions: [] };
    assert.equal((await raw.ask("logins.report", report)).code, undefined);
    await a.collection("logins").put({ uid: 1, failures: 1000, lockedUntil });
    const login = { user: "admin", password: "changeme" };
    assert.equal((await raw.ask("users.login", login)).uid, 1);
    await a.collection("logins").put({ uid: 1, failures: 1000, lockedUntil });
    const own = { uid: 1, by: 1, current: "changeme", password: "changeme" };
    assert.equal((await raw.ask("users.setPassword", own)).code, undefined);
  });

  it("can be renamed, and be an admin once more", async () => {
    await users(a).patch("1", { user: "root", name: "Root" });
    await a.call("users.setAdmin", { uid: 1, admin: true });
    await a.call("users.setLocked", { uid: 1, locked: false });
    assert.equal((await users(a).get("1"))?.doc.user, "root");
    await makeUser(b, { user: "admin" });
  });
});

describe("what the datastore says of a document", () => {
  it("is not taken from callers", async () => {
    const lies = {
      createdAt: "2001-01-01T00:00:00.000Z",
      updatedAt: "2001-01-01T00:00:00.000Z",
      lastModifiedBy: 4711,
      sessionsFrom: "2001-01-01T00:00:00.000Z",
      defaultPassword: true,
      password: { scheme: "scrypt", cost: 2, block: 1, parallel: 1, salt: "", hash: "" },
    };
    const began = Date.now() - 1000;
    const admin = await makeUser(a, { admin: true });
    for (const by of [0, admin]) {
      const { id } = await raw.ask("put", "users", { doc: { user: `liar ${by}`, ...lies }, by });
      const check = async () => {
        await a.caughtUp();
        const { doc } = (await users(a).get(String(id))) ?? assert.fail();
        assert.ok(Date.parse(doc.createdAt ?? "") > began && Date.parse(doc.updatedAt ?? "") > began);
        assert.deepEqual(
          [doc.lastModifiedBy, doc.sessionsFrom, doc.defaultPassword, doc.password],
          [by, undefined, undefined, undefined],
        );
      };
      await check();
      assert.equal(
        (await raw.ask("put", "users", { doc: { uid: Number(id), user: `liar ${by}`, ...lies }, by })).code,
        undefined,
      );
      await check();
      assert.equal((await raw.ask("patch", "users", { id, merge: { ...lies, name: "n" }, by })).code, undefined);
      await check();
      await raw.ask("users.setAdmin", { uid: Number(id), admin: true, by });
      await check();
    }
  });

  it("names the user who set their own password, or ended their own sessions", async () => {
    const uid = await makeUser(a);
    await a.call("users.logout", { uid }, { by: uid });
    assert.equal((await users(a).get(String(uid)))?.doc.lastModifiedBy, uid);
  });
});

describe("sharing with everyone", () => {
  it("is an admin's right, which the functions check", async () => {
    const [uid, admin] = [await makeUser(a), await makeUser(a, { admin: true })];
    const doc = { id: "global", name: "g", ownerId: uid };
    for (const field of ["readers", "writers"]) {
      const shared = { ...doc, [field]: { global: true } };
      assert.equal((await raw.ask("put", "dashboards", { doc: shared, by: uid })).code, "GLOBAL_NEEDS_ADMIN");
      assert.equal((await raw.ask("put", "dashboards", { doc, by: uid })).code, undefined);
      for (const [verb, request] of [
        ["put", { doc: shared }],
        ["patch", { id: "global", merge: { [field]: { global: true } } }],
      ] as const)
        assert.deepEqual(await raw.ask(verb, "dashboards", { ...request, by: uid }).then(({ code, path }) => [code, path]), [
          "GLOBAL_NEEDS_ADMIN",
          `/${field}/global`,
        ]);
      assert.equal((await raw.ask("put", "dashboards", { doc: shared, by: admin })).code, undefined);
      await raw.ask("delete", "dashboards", { id: "global" });
    }
  });
});
