// Goal: through asUser() a user sees and does what schemas/access.ts allows, on every webserver, by the rights of the moment; nothing of what
// is invisible shows, in pages, cursors, changes or refusals. Method: two webservers on one datastore, users who share, and a dropped-in
// collection with a secret.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Bus, Change, Collection, Dashboard, FrontsyncError, Query } from "../bus/index.ts";
import { within } from "../bus/platform/deadline.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { makeGroup, makeUser } from "./support/people.ts";

/** A collection whose documents have a secret, and an index on it. */
const VAULTS = {
  $schema: "http://json-schema.org/draft-07/schema#",
  $id: "vaults",
  title: "Vault",
  description: "A document with a secret.",
  type: "object",
  allOf: [{ $ref: "document" }],
  required: ["id"],
  properties: { pin: { type: "string", writeOnly: true } },
  collection: {
    version: 1,
    database: "webstore",
    key: ["id"],
    owner: "ownerId",
    name: "name",
    indexes: ["name", "pin"],
    limits: { bytes: 4096 },
    policy: "merge",
    offline: false,
    retention: { versions: 1 },
  },
};

const folder = mkdtempSync(join(tmpdir(), "frontsync-test-"));
let deployment: Deployment;
let a: Bus;
let b: Bus;
let group: number;
/** uids. `mate` is in `group`; `stranger` has no group. */
let [owner, mate, stranger, admin]: number[] = [];

const as = (bus: Bus, uid: number | undefined) => bus.asUser(uid ?? 0).collection("dashboards");

/** Puts as the system, and waits until both have it. */
async function put(doc: Partial<Dashboard>): Promise<void> {
  await everywhere(await a.collection("dashboards").put(doc));
}

async function everywhere({ revision }: { revision: number | null }): Promise<void> {
  await Promise.all([a.caughtUp(revision), b.caughtUp(revision)]);
}

/** The next changes, up to and with that of the document `last`, as text. */
async function told(changes: AsyncIterable<Change<Dashboard>>, last: string): Promise<string[]> {
  const found: string[] = [];
  const reading = (async () => {
    for await (const { op, id, doc } of changes) {
      assert.equal(doc === undefined, op === "delete");
      found.push(`${op} ${id}`);
      if (id === last) return;
    }
  })();
  await within(reading, `Reading changes up to ${last}; so far ${found.join(", ")}`, { timeoutMs: 60_000 });
  return found;
}

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail("it was not refused"),
    (error: unknown) => error as FrontsyncError,
  );
const codeOf = async (promise: Promise<unknown>) => (await refusal(promise)).code;

before(async () => {
  writeFileSync(join(folder, "vaults.json"), JSON.stringify(VAULTS));
  deployment = await deploy({ webservers: 2, schemas: [folder], bus: { updateInterval: 1 } });
  [a, b] = deployment.buses as [Bus, Bus];
  group = await makeGroup(a);
  owner = await makeUser(a);
  mate = await makeUser(a, { groups: [group] });
  stranger = await makeUser(a);
  admin = await makeUser(a, { admin: true });
  await b.caughtUp();
});
after(async () => {
  await deployment?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("a user's reads", () => {
  const visible = async (bus: Bus, uid: number | undefined, id: string) => {
    const [got, listed] = await Promise.all([as(bus, uid).get(id), as(bus, uid).list({ limit: 1000 })]);
    assert.equal(
      listed.items.some((item) => item.id === id),
      got !== undefined,
      "get and list agree",
    );
    return got !== undefined;
  };

  it("show what is theirs or shared with them, on every webserver, and follow what is shared", async () => {
    await everywhere(await as(a, owner).put({ id: "r", name: "r" }));
    const sees = async () => {
      const rows = [a, b].map((bus) => Promise.all([owner, mate, stranger, admin].map((uid) => visible(bus, uid, "r"))));
      const [onA, onB] = await Promise.all(rows);
      assert.deepEqual(onA, onB);
      return onA?.map(Number).join("");
    };
    assert.equal(await sees(), "1001");
    await everywhere(await as(b, owner).patch("r", { readers: { groups: [group] } }));
    assert.equal(await sees(), "1101");
    await everywhere(await as(a, admin).patch("r", { readers: { global: true } }));
    assert.equal(await sees(), "1111");
    await everywhere(await as(b, owner).patch("r", { readers: null }));
    assert.equal(await sees(), "1001");
  });

  it("go by the rights of the moment, and are refused to who is locked or nobody", async () => {
    const group2 = await makeGroup(a);
    const uid = await makeUser(a);
    await put({ id: "moment", name: "moment", readers: { groups: [group2] } });
    assert.equal(await visible(b, uid, "moment"), false);
    await everywhere(await a.collection("users").patch(String(uid), { groups: [group2] }));
    assert.equal(await visible(b, uid, "moment"), true);
    const changes = as(b, uid).changes();
    await everywhere(await a.collection("users").patch(String(uid), { locked: true }));
    for (const who of [uid, 987_654, 0, -1, 1.5, Number.NaN, String(owner) as unknown as number]) {
      const scope = as(b, who);
      assert.equal(await codeOf(scope.get("moment")), "NOT_ALLOWED", String(who));
      assert.equal(await codeOf(scope.list()), "NOT_ALLOWED");
      assert.equal(await codeOf(scope.find("moment")), "NOT_ALLOWED");
      assert.equal(await codeOf(scope.put({ name: "n" })), "NOT_ALLOWED");
      assert.equal(await codeOf(scope.changes().next()), "NOT_ALLOWED");
    }
    assert.equal(await codeOf(changes.next()), "NOT_ALLOWED");
  });
});

describe("a user's pages", () => {
  const DOCS = 2600;
  const ids: string[] = [];
  let everyones: string;

  before(async () => {
    everyones = `everyone's ${await makeGroup(a)}`;
    const results = await a.collection("dashboards").putMany(
      Array.from({ length: DOCS }, (_, n) => {
        // Nothing visible for more than one look at a time; then single ones, then a run.
        const mine = (n > 1200 && n < 1300 && n % 7 === 0) || n > 2500;
        const id = `page${String(n).padStart(4, "0")}`;
        if (mine) ids.push(id);
        return { id, name: `${everyones} ${n % 5}`, ownerId: mine ? (stranger ?? 0) : (owner ?? 0) };
      }),
    );
    assert.ok(results.every((result) => !(result instanceof Error)));
    await b.caughtUp();
  });

  async function pages(collection: Collection<Dashboard>, query: Query<Dashboard>): Promise<string[][]> {
    const found: string[][] = [];
    for (let next: string | undefined; ; ) {
      const page = await collection.list({ ...query, ...(next !== undefined && { after: next }) });
      found.push(page.items.map(({ id }) => id));
      next = page.next;
      if (next === undefined) return found;
      const shown = Buffer.from(next, "base64url").toString();
      assert.ok(shown.includes(page.items.at(-1)?.id ?? "?"), "a cursor names what the user has seen, and nothing else");
    }
  }

  it("are full, in order, and end where nothing visible is left, whatever lies between", async () => {
    for (const limit of [1, 10, ids.length - 1, ids.length, 1000]) {
      const found = await pages(as(b, stranger), { limit });
      assert.deepEqual(found.flat(), ids);
      assert.deepEqual(
        found.map((page) => page.length),
        Array.from({ length: Math.ceil(ids.length / limit) }, (_, n) => Math.min(limit, ids.length - n * limit)),
      );
    }
    const sorted = await pages(as(b, stranger), { limit: 20, sort: "-name" });
    const byName = (id: string) => `${Number(id.slice(4)) % 5} ${id}`;
    assert.deepEqual(
      sorted.flat(),
      ids.toSorted((x, y) => (byName(x) < byName(y) ? 1 : -1)),
    );
    const where = { name: `${everyones} 3` };
    const filtered = await pages(as(b, stranger), { limit: 4, where });
    assert.deepEqual(
      filtered.flat(),
      ids.filter((id) => Number(id.slice(4)) % 5 === 3),
    );
  });

  it("are empty for who sees nothing, and whole for an admin", async () => {
    assert.deepEqual(await pages(as(b, mate), { where: { name: `${everyones} 1` } }), [[]]);
    const all = (await pages(as(b, admin), { where: { name: `${everyones} 1` }, limit: 300 })).flat();
    assert.equal(all.length, DOCS / 5);
  });
});

describe("a user's changes", () => {
  it("tell what they may see, of what they may have seen that it is gone, and of the rest nothing", async () => {
    const [theirs, all] = [as(b, mate).changes(), b.collection("dashboards").changes()];
    const readers = { groups: [group] };
    await as(a, owner).put({ id: "c private", name: "never shared" });
    await everywhere(await as(a, owner).put({ id: "c shared", name: "shared", readers }));
    assert.deepEqual(await told(theirs, "c shared"), ["put c shared"]);
    assert.deepEqual(await told(all, "c shared"), ["put c private", "put c shared"]);

    const again = as(b, mate).changes();
    await as(a, owner).patch("c shared", { readers: null, description: "secret" });
    await as(a, owner).put({ id: "c end", name: "end", readers });
    assert.deepEqual(await told(again, "c end"), ["delete c shared", "put c end"]);
  });

  it("since 0 begin with what they may see now", async () => {
    await put({ id: "z private", name: "z", ownerId: owner ?? 0 });
    await put({ id: "z end", name: "z", readers: { users: [stranger ?? 0] } });
    const found = await told(as(b, stranger).changes({ since: 0 }), "z end");
    const listed = (await as(b, stranger).list({ limit: 1000 })).items.map(({ id }) => `put ${id}`);
    assert.deepEqual(found.toSorted(), listed.toSorted());
  });

  it("of preferences never tell of somebody else's", async () => {
    const preferences = (uid: number | undefined) => b.asUser(uid ?? 0).collection("preferences");
    const changes = preferences(stranger).changes();
    await preferences(owner).put({ name: "mine", data: 1 });
    await preferences(owner).put({ name: "mine", data: 2 });
    await preferences(owner).delete(`${owner}/mine`);
    await preferences(stranger).put({ name: "end" });
    assert.equal((await changes.next()).value?.id, `${stranger}/end`);
    await changes.return?.();
  });
});

describe("a user's writes", () => {
  it("carry the user, and make the user the owner of what is new", async () => {
    const made = await as(a, mate).put({ name: "mate's" });
    await everywhere(made);
    const { doc } = (await b.collection("dashboards").get(made.id)) ?? assert.fail();
    assert.deepEqual([doc.ownerId, doc.lastModifiedBy], [mate, mate]);

    await everywhere(await as(b, admin).put({ id: made.id, name: "admin's" }));
    const changed = (await a.collection("dashboards").get(made.id))?.doc;
    assert.deepEqual([changed?.ownerId, changed?.lastModifiedBy, changed?.name], [mate, admin, "admin's"]);

    const preference = await a
      .asUser(mate ?? 0)
      .collection("preferences")
      .put({ name: "prefs", data: 1 });
    assert.equal(preference.id, `${mate}/prefs`);
  });

  it("are refused here, with nothing sent, when the user may not make them", async () => {
    await put({ id: "w", name: "w", ownerId: owner ?? 0, readers: { groups: [group] }, writers: { users: [admin ?? 0] } });
    const { revision } = (await b.collection("dashboards").get("w")) ?? assert.fail();
    const [mates, strangers, own] = [mate, stranger, owner].map((uid) => as(b, uid)) as [
      Collection<Dashboard>,
      Collection<Dashboard>,
      Collection<Dashboard>,
    ];
    await deployment.stopDatastore();
    try {
      for (const write of [
        (of: Collection<Dashboard>) => of.patch("w", { name: "x" }),
        (of: Collection<Dashboard>) => of.put({ id: "w", name: "x" }),
        (of: Collection<Dashboard>) => of.delete("w"),
      ]) {
        assert.equal(await codeOf(write(mates)), "NOT_ALLOWED");
        assert.equal(await codeOf(write(strangers)), "NOT_FOUND");
      }
      assert.equal(await codeOf(own.patch("w", { readers: { global: true } })), "GLOBAL_NEEDS_ADMIN");
      assert.equal(await codeOf(own.patch("w", { ownerId: mate ?? 0 })), "NOT_ALLOWED");
      assert.equal(await codeOf(own.patch("w", { ownerId: null })), "NOT_ALLOWED");
      assert.equal(await codeOf(mates.put({ name: "x", ownerId: owner ?? 0 })), "NOT_ALLOWED");
      const [result] = await mates.putMany([{ id: "w", name: "x" }]);
      assert.equal((result as FrontsyncError).code, "NOT_ALLOWED");
      const users = b.asUser(mate ?? 0).collection("users");
      assert.equal(await codeOf(users.patch(String(mate), { admin: true })), "NOT_ALLOWED");
    } finally {
      await deployment.restartDatastore();
    }
    await b.caughtUp();
    assert.equal((await b.collection("dashboards").get("w"))?.revision, revision);
  });

  it("that name an older revision hear that, and not that they change what somebody else has", async () => {
    await put({ id: "older", name: "d", ownerId: owner ?? 0, writers: { users: [mate ?? 0] } });
    const { doc, revision } = (await as(b, mate).get("older")) ?? assert.fail();
    await everywhere(await as(a, owner).patch("older", { readers: { groups: [group] } }));
    const { code, current } = await refusal(as(b, mate).put({ ...doc, name: "mine" }, { ifRevision: revision }));
    assert.deepEqual([code, (current?.doc as Dashboard | undefined)?.readers], ["REVISION_CONFLICT", { groups: [group] }]);
    const now = (await as(b, mate).get("older")) ?? assert.fail();
    const own = { ...now.doc, readers: {} };
    assert.equal((await refusal(as(b, mate).put(own, { ifRevision: now.revision }))).code, "NOT_ALLOWED");
    assert.equal((await refusal(as(b, stranger).put(own, { ifRevision: revision }))).code, "NOT_FOUND");
  });

  it("of one document keep their order", async () => {
    const names = Array.from({ length: 20 }, (_, n) => `${n}`);
    await Promise.all(names.map((name) => as(a, mate).put({ id: "order", name })));
    assert.equal((await as(a, mate).get("order"))?.doc.name, "19");
  });
});

describe("find()", () => {
  it("gives one's own, then one that is shared with one, then everyone's; of several the lowest id", async () => {
    const found = async (uid: number | undefined) => {
      const [onA, onB] = await Promise.all([a, b].map((bus) => as(bus, uid).find("f")));
      assert.deepEqual(onA, onB);
      return onA?.id;
    };
    const expect = async (...ids: (string | undefined)[]) =>
      assert.deepEqual(await Promise.all([owner, mate, stranger, admin].map(found)), ids);
    const by = { name: "f", ownerId: owner ?? 0 };
    await expect(undefined, undefined, undefined, undefined);
    await put({ ...by, id: "f3 private" });
    await expect("f3 private", undefined, undefined, "f3 private");
    await put({ ...by, id: "f2 global", readers: { global: true } });
    await put({ ...by, id: "f1 global", writers: { global: true } });
    await expect("f1 global", "f1 global", "f1 global", "f1 global");
    await put({ ...by, id: "f8 group", readers: { groups: [group], global: true } });
    await put({ ...by, id: "f7 group", writers: { groups: [group] } });
    await put({ ...by, id: "f9 named", readers: { users: [admin ?? 0] } });
    await expect("f1 global", "f7 group", "f1 global", "f9 named");
    await put({ name: "f", id: "fz own", ownerId: mate ?? 0 });
    await put({ name: "f", id: "fy own", ownerId: admin ?? 0 });
    await expect("f1 global", "fz own", "f1 global", "fy own");
    assert.equal((await b.collection("dashboards").find("f"))?.id, "f1 global");
  });

  it("refuses a collection without names, and what is no name", async () => {
    for (const scope of [a, a.asUser(owner ?? 0)]) {
      assert.equal(await codeOf(scope.collection("preferences").find("prefs")), "UNKNOWN_INDEX");
      assert.equal(await codeOf(scope.collection("nothing").find("f")), "UNKNOWN_COLLECTION");
      for (const name of ["", undefined, 1, { a: 1 }])
        assert.equal(await codeOf(scope.collection("dashboards").find(name as string)), "BAD_MESSAGE");
    }
  });
});

describe("a secret field", () => {
  it("is shown to the system alone: in no read, change, query or refusal of a user, not even an admin", async () => {
    const vaults = (uid: number | undefined) => b.asUser(uid ?? 0).collection("vaults");
    const changes = vaults(owner).changes();
    const { id, revision } = await vaults(owner).put({ name: "v", pin: "1234" });
    await b.caughtUp(revision);
    for (const uid of [owner, admin]) {
      const docs = [
        (await vaults(uid).get(id))?.doc,
        (await vaults(uid).list()).items[0]?.doc,
        (await vaults(uid).find("v"))?.doc,
      ];
      for (const doc of docs) assert.deepEqual([doc?.name, doc && "pin" in doc], ["v", false]);
      const where = { where: { pin: "1234" } };
      assert.equal(await codeOf(vaults(uid).list(where)), "UNKNOWN_INDEX");
      assert.equal(await codeOf(vaults(uid).list({ sort: "pin" })), "UNKNOWN_INDEX");
      const conflict = await refusal(vaults(uid).patch(id, { name: "w" }, { ifRevision: 1 }));
      const { doc } = conflict.current as Change<Record<string, unknown>>;
      assert.deepEqual([conflict.code, doc?.name, doc && "pin" in doc], ["REVISION_CONFLICT", "v", false]);
    }
    const { value } = await changes.next();
    assert.deepEqual([value?.id, value?.doc?.pin], [id, undefined]);
    await changes.return?.();
    assert.equal((await b.collection("vaults").get(id))?.doc.pin, "1234");
    assert.equal((await b.collection("vaults").list({ where: { pin: "1234" } })).items.length, 1);
  });
});
