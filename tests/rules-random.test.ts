// Goal: whatever two webservers ask for at once, while a handler dies: a uid or gid is given once, a name is one user's, what was acknowledged is
// there, the default admin stays one. Method: random rounds of calls at the same moment, two handler processes of which one is killed now and then;
// the truth is every version that the webservers were told of.
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import fc from "fast-check";
import { type Bus, FrontsyncError, type User } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { assertEqualReplicas } from "./support/faults-ledger.ts";

/** Of the same name: others differ. */
const NAMES = ["ann", "ANN", "Ａnn", "straße", "STRASSE", "bob", "Bob", "carl"];
const comparable = (name: string) => name.normalize("NFKC").toUpperCase();
/** A call that a dead handler has is never answered. */
const WAIT = { timeoutMs: 3000 };
const PATIENCE_MS = 60_000;

let deployment: Deployment;
let buses: [Bus, Bus];
/** Every id that was given, and what was made of it. */
const given = { users: new Set<string>(), groups: new Set<string>() };
const deleted = { users: new Set<string>(), groups: new Set<string>() };

before(async () => {
  deployment = await deploy({ webservers: 2, handlers: 2 });
  buses = deployment.buses as [Bus, Bus];
});
after(() => deployment[Symbol.asyncDispose]());

type Ask =
  | { what: "make"; name: string }
  | { what: "rename" | "admin" | "lock"; at: number; name: string }
  | { what: "delete" | "make group" | "delete group" | "members"; at: number };
const place = fc.nat(20);
const ask: fc.Arbitrary<Ask> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant("make" as const), name: fc.constantFrom(...NAMES) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom("rename" as const, "admin" as const, "lock" as const),
      at: place,
      name: fc.constantFrom(...NAMES),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constantFrom("delete" as const, "make group" as const, "delete group" as const, "members" as const),
      at: place,
    }),
  },
);

/** What may be said to it: a fault is none of these. */
const REFUSALS = ["USER_NAME_TAKEN", "NOT_FOUND", "DEFAULT_ADMIN", "REVISION_CONFLICT", "UNKNOWN_USER", "UNKNOWN_GROUP"];
const LOST = ["OUTCOME_UNKNOWN", "DATASTORE_UNREACHABLE", "TIMEOUT"];

/** One call, asked again under its own id when the handler that had it is dead; undefined: it is refused. */
async function certainly<T>(task: (mutationId: string) => Promise<T>): Promise<T | undefined> {
  const mutationId = `random:${Math.random()}`;
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    try {
      return await task(mutationId);
    } catch (error) {
      assert.ok(error instanceof FrontsyncError, String(error));
      if (REFUSALS.includes(error.code)) return undefined;
      assert.ok(LOST.includes(error.code) && Date.now() < end, `${error.code}: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const nth = (ids: ReadonlySet<string>, at: number) => [...ids][at % Math.max(1, ids.size)] ?? "1";

async function make(bus: Bus, kind: "users" | "groups", doc: object): Promise<void> {
  const made = await certainly((mutationId) => bus.collection(kind as string).put({ ...doc }, { mutationId, ...WAIT }));
  if (!made) return;
  assert.ok(!given[kind].has(made.id), `${kind} ${made.id} is given again`);
  given[kind].add(made.id);
}

async function remove(bus: Bus, kind: "users" | "groups", id: string): Promise<void> {
  const done = await certainly((mutationId) => bus.collection(kind as string).delete(id, { mutationId, ...WAIT }));
  if (done) deleted[kind].add(id);
}

async function run(bus: Bus, asked: Ask): Promise<void> {
  if (asked.what === "make") return await make(bus, "users", { user: asked.name });
  if (asked.what === "make group") return await make(bus, "groups", { name: `g${asked.at}` });
  if (asked.what === "delete") return await remove(bus, "users", asked.at % 5 === 0 ? "1" : nth(given.users, asked.at));
  if (asked.what === "delete group") return await remove(bus, "groups", nth(given.groups, asked.at));
  const uid = asked.at % 5 === 0 ? 1 : Number(nth(given.users, asked.at));
  const change = {
    rename: (mutationId: string) =>
      bus.collection("users").patch(String(uid), { user: (asked as { name: string }).name }, { mutationId, ...WAIT }),
    admin: (mutationId: string) =>
      bus.call("users.setAdmin", { uid, admin: asked.at % 2 === 0 && uid !== 1 }, { mutationId, ...WAIT }),
    lock: (mutationId: string) => bus.call("users.setLocked", { uid, locked: asked.at % 2 === 0 }, { mutationId, ...WAIT }),
    members: (mutationId: string) =>
      bus.call("groups.setMembers", { gid: Number(nth(given.groups, asked.at)), members: [uid] }, { mutationId, ...WAIT }),
  }[asked.what];
  await certainly<unknown>(change);
}

async function everyone(bus: Bus): Promise<User[]> {
  return (await bus.collection("users").list({ limit: 1000 })).items.map(({ doc }) => doc);
}

function check(users: readonly User[], groups: readonly string[]): void {
  const names = users.map(({ user }) => comparable(user));
  assert.equal(new Set(names).size, names.length, `two have one name: ${names}`);
  const uids = users.map(({ uid }) => String(uid)).filter((uid) => uid !== "1");
  assert.deepEqual(new Set(uids), new Set([...given.users].filter((uid) => !deleted.users.has(uid))));
  assert.deepEqual(new Set(groups), new Set([...given.groups].filter((gid) => !deleted.groups.has(gid))));
  const first = users.find(({ uid }) => uid === 1) ?? assert.fail("the default admin is gone");
  assert.deepEqual([first.admin, first.locked ?? false], [true, false]);
}

it("accounts keep their rules", async () => {
  const round = fc.record({ asks: fc.array(ask, { minLength: 4, maxLength: 24 }), kills: fc.nat(4) });
  const property = fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 4 }), async (rounds) => {
    for (const { asks, kills } of rounds) {
      const asking = asks.map((one, at) => run(buses[at % 2] as Bus, one));
      const [pid] = deployment.datastore.pids.handlers;
      if (kills === 0 && pid !== undefined) process.kill(pid, "SIGKILL");
      await Promise.all(asking);
      await Promise.all(buses.map((bus) => bus.caughtUp()));
      for (const bus of buses) {
        const groups = await bus.collection("groups").list({ limit: 1000 });
        check(
          await everyone(bus),
          groups.items.map(({ id }) => id),
        );
      }
    }
  });
  await fc.assert(property, { numRuns: 25, endOnFailure: true });
  await assertEqualReplicas(buses);
});
