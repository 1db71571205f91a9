// Goal: of two who want the same thing at the same moment exactly one gets it, and nothing is lost. Method: two webservers, two handler processes
// that share the requests, 50 rounds of every race; the service's own statistics say that both handlers took part.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Bus, FrontsyncError } from "../bus/index.ts";
import { type Asker, answeredBy, asker } from "./support/asking.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { makeGroup, makeUser } from "./support/people.ts";

const ROUNDS = 50;
const HANDLERS = 2;
const HISTORY = 100;
const rounds = Array.from({ length: ROUNDS }, (_, round) => round);

let deployment: Deployment;
let buses: [Bus, Bus];
let raw: Asker;

/** Both try; exactly one may succeed. The other's refusal. */
async function oneWinner(attempt: (bus: Bus, side: number) => Promise<unknown>): Promise<FrontsyncError> {
  const results = await Promise.allSettled(buses.map(attempt));
  const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason as FrontsyncError] : []));
  assert.equal(refused.length, 1, `${refused.map((error) => error.message).join("; ")}`);
  return refused[0] as FrontsyncError;
}

/** Everything of a collection, as both replicas have it. */
async function all(name: string) {
  await Promise.all(buses.map((bus) => bus.caughtUp()));
  const [onA, onB] = await Promise.all(buses.map(async (bus) => (await bus.collection(name).list({ limit: 1000 })).items));
  assert.deepEqual(onA, onB);
  return onA ?? [];
}

before(async () => {
  deployment = await deploy({ webservers: 2, handlers: HANDLERS });
  buses = deployment.buses as [Bus, Bus];
  raw = await asker(deployment, "raw");
});
after(async () => {
  const functions = await deployment.rawFunctions();
  for (const endpoint of ["put", "patch"]) {
    const counts = await answeredBy(functions, endpoint, HANDLERS);
    assert.ok(counts.length === HANDLERS && counts.every((count) => count > ROUNDS / 2), `${endpoint}: ${counts}`);
  }
  await deployment[Symbol.asyncDispose]();
});

describe("of two at once", () => {
  it("one gets a user name, whatever its case", async () => {
    for (const round of rounds) {
      const error = await oneWinner((bus, side) => bus.collection("users").put({ user: side ? `RACE${round}` : `race${round}` }));
      assert.deepEqual([error.code, error.path], ["USER_NAME_TAKEN", "/user"]);
    }
    const names = (await all("users")).map(({ doc }) => String(doc.user).toLowerCase());
    assert.equal(new Set(names).size, names.length);
    assert.equal(names.filter((name) => name.startsWith("race")).length, ROUNDS);
  });

  it("one renames to a user name", async () => {
    const uids = [await makeUser(buses[0]), await makeUser(buses[1])];
    await all("users");
    for (const round of rounds) {
      const rename = (bus: Bus, side: number) => bus.collection("users").patch(String(uids[side]), { user: `renamed${round}` });
      assert.equal((await oneWinner(rename)).code, "USER_NAME_TAKEN");
    }
  });

  it("everyone gets a uid and a gid of their own, and nobody's document goes under", async () => {
    const names: string[] = [];
    const uids: string[] = [];
    for (const round of rounds) {
      // By somebody, and among requests that look at the users, too: what a handler knows of them changes while it decides.
      const made = [0, 1, 2, 3].map((one) => {
        const user = `four ${round} ${one}`;
        names.push(user);
        return one < 2
          ? buses[one as 0 | 1].asUser(1).collection("users").put({ user })
          : raw.ask("put", "users", { doc: { user }, by: 1 });
      });
      const looking = [0, 1, 2].map(() => raw.ask("users.logout", { uid: 1, by: 1 }));
      uids.push(...(await Promise.all(made)).map(({ id }) => String(id)));
      await Promise.all(looking);
    }
    assert.equal(new Set(uids).size, names.length);
    const users = new Map((await all("users")).map(({ doc }) => [doc.user, String(doc.uid)]));
    assert.deepEqual(
      names.map((name) => users.get(name)),
      uids,
    );

    const gids = (await Promise.all(rounds.map(() => Promise.all(buses.map((bus) => makeGroup(bus)))))).flat();
    assert.equal(new Set(gids).size, ROUNDS * 2);
    assert.deepEqual((await all("groups")).map(({ doc }) => doc.gid).sort(), gids.sort());
  });

  it("one changes a document from the revision that both saw", async () => {
    const dashboards = (bus: Bus) => bus.collection("dashboards");
    let { revision } = await dashboards(buses[0]).put({ id: "d", name: "d" });
    for (const round of rounds) {
      const results = await Promise.allSettled(
        buses.map((bus, side) => dashboards(bus).patch("d", { name: `${round} ${side}` }, { ifRevision: revision ?? 0 })),
      );
      const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
      const lost = results.flatMap((result) => (result.status === "rejected" ? [(result.reason as FrontsyncError).code] : []));
      assert.deepEqual([won.length, lost], [1, ["REVISION_CONFLICT"]]);
      revision = won[0]?.revision ?? null;
    }
  });

  it("one makes a preference that is not there, also where there was one", async () => {
    const preferences = (bus: Bus) => bus.collection("preferences");
    for (const round of rounds) {
      const name = `p${round % 25}`;
      const create = (bus: Bus, side: number) => preferences(bus).put({ uid: 1, name, data: side }, { ifRevision: 0 });
      assert.equal((await oneWinner(create)).code, "REVISION_CONFLICT");
      const deleted = await preferences(buses[0]).delete(`1/${name}`);
      await buses[1].caughtUp(deleted.revision);
    }
  });

  it("one gets the last free place of a search history, the other that of the oldest", async () => {
    const uid = 4711;
    const searches = (bus: Bus) => bus.collection("searches");
    const queries = async () =>
      (await all("searches")).filter(({ doc }) => doc.uid === uid).map(({ doc }) => String(doc.userQuery));
    for (let n = 0; n < HISTORY; n++) await searches(buses[0]).put({ uid, userQuery: `old ${n}` });
    const order = Array.from({ length: HISTORY }, (_, n) => `old ${n}`);
    for (const round of rounds) {
      const place = (await all("searches")).find(({ doc }) => doc.userQuery === order[1]);
      await searches(buses[(round % 2) as 0 | 1]).delete(place?.id ?? "");
      order.splice(1, 1);
      const both = [`new ${round} a`, `new ${round} b`];
      await Promise.all(buses.map((bus, side) => searches(bus).put({ uid, userQuery: both[side] ?? "" })));
      // The oldest is gone, and nothing else.
      order.splice(0, 1);
      order.push(...both);
      assert.deepEqual((await queries()).sort(), order.toSorted());
    }
  });

  it("both make one entry of the same search", async () => {
    const uid = 4712;
    for (const round of rounds) {
      const put = (bus: Bus) => bus.collection("searches").put({ uid, userQuery: `same ${round}` });
      const [first, second] = await Promise.all(buses.map(put));
      assert.equal(first?.id, second?.id);
    }
    const entries = (await all("searches")).filter(({ doc }) => doc.uid === uid);
    assert.equal(entries.length, ROUNDS);
  });
});

describe("what is just done counts on the other handler", () => {
  it("who was just made may act, who was just locked or demoted may not", async () => {
    for (const round of rounds) {
      const made = await raw.ask("put", "users", { doc: { user: `just ${round}`, admin: true } });
      const uid = Number(made.id);
      const share = (name: string) =>
        raw.ask("put", "dashboards", { doc: { id: `${name} ${uid}`, name, ownerId: uid, readers: { global: true } }, by: uid });
      assert.equal((await share("made")).code, undefined, "made");
      await raw.ask("users.setAdmin", { uid, admin: false });
      assert.equal((await share("demoted")).code, "GLOBAL_NEEDS_ADMIN");
      await raw.ask("users.setAdmin", { uid, admin: true });
      assert.equal((await share("promoted")).code, undefined, "promoted");
      await raw.ask("users.setLocked", { uid, locked: true });
      assert.equal((await share("locked")).code, "NOT_ALLOWED");
    }
  });

  it("a name that was just freed can be taken, by a new user or by rename", async () => {
    const holder = await makeUser(buses[0]);
    for (const round of rounds) {
      const name = `freed ${round}`;
      const first = await raw.ask("put", "users", { doc: { user: name } });
      if (round % 2) await raw.ask("delete", "users", { id: String(first.id) });
      else await raw.ask("patch", "users", { id: String(first.id), merge: { user: `${name} renamed` } });
      const again =
        round % 3
          ? await raw.ask("put", "users", { doc: { user: name.toUpperCase() } })
          : await raw.ask("patch", "users", { id: String(holder), merge: { user: name.toUpperCase() } });
      assert.equal(again.code, undefined, again.message);
    }
  });
});
