// Goal: who may not see a document can't tell it from one that never was, by whatever way, on whichever webserver. Method: random documents with
// random audiences, written on one webserver; everybody asks for them on another one, and for one that is not there; both answers are compared.
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import fc from "fast-check";
import { type Audience, type Bus, FrontsyncError } from "../bus/index.ts";
import { type Deployment, deploy } from "./support/deployment.ts";
import { makeGroup, makeUser } from "./support/people.ts";

let deployment: Deployment;
let a: Bus;
let b: Bus;
let owner: number;
let admin: number;
let people: { uid: number; groups: number[] }[];
let gids: number[];
let made = 0;

before(async () => {
  deployment = await deploy({ webservers: 2, handlers: 2 });
  [a, b] = deployment.buses as [Bus, Bus];
  gids = [await makeGroup(a), await makeGroup(a)];
  owner = await makeUser(a);
  admin = await makeUser(a, { admin: true });
  const memberships = [[], gids.slice(0, 1), gids];
  people = await Promise.all(memberships.map(async (groups) => ({ uid: await makeUser(a, { groups }), groups })));
  await a.caughtUp();
  await b.caughtUp();
});
after(() => deployment[Symbol.asyncDispose]());

type Who = { users: number[]; groups: number[]; global: boolean };
type Shared = { readers: Who; writers: Who };

/** People and groups by their places. */
const who = fc.record({
  users: fc.uniqueArray(fc.nat(2), { maxLength: 2 }),
  groups: fc.uniqueArray(fc.nat(1), { maxLength: 2 }),
  global: fc.boolean(),
});
const nobody = fc.constant<Who>({ users: [], groups: [], global: false });
const shared = fc.record({
  readers: fc.oneof({ weight: 2, arbitrary: nobody }, { weight: 1, arbitrary: who }),
  writers: fc.oneof({ weight: 3, arbitrary: nobody }, { weight: 1, arbitrary: who }),
});
const audience = ({ users, groups, global }: Who): Audience => ({
  users: users.map((at) => people[at]?.uid ?? assert.fail()),
  groups: groups.map((at) => gids[at] ?? assert.fail()),
  ...(global && { global }),
});
const sees = ({ uid, groups }: { uid: number; groups: number[] }, { readers, writers }: Shared): boolean =>
  [audience(readers), audience(writers)].some(
    (of) => of.global || of.users?.includes(uid) || of.groups?.some((gid) => groups.includes(gid)),
  );

/** What is told of a refusal, whatever the id. */
const told = (id: string) => (error: unknown) => {
  assert.ok(error instanceof FrontsyncError);
  const { code, message, path, limit, current } = error;
  return { code, message: message.replaceAll(id, "…"), path, limit, current };
};

it("whom a document is not shown can't tell it from one that never was", async () => {
  const histories = fc.array(shared, { minLength: 1, maxLength: 4 });
  const collections = fc.constantFrom("dashboards", "macros", "queries", "templates");
  const property = fc.asyncProperty(collections, histories, fc.boolean(), async (collection, history, isDeleted) => {
    const [id, absent, name] = [`unseen-${++made}`, `absent-${made}`, `name ${made}`];
    const written = a.asUser(admin).collection(collection);
    let revision = 0;
    for (const { readers, writers } of history) {
      const doc = { id, ownerId: owner, name, readers: audience(readers), writers: audience(writers) };
      revision = (await written.put(doc)).revision ?? assert.fail();
    }
    if (isDeleted) revision = (await written.delete(id)).revision ?? assert.fail();
    await b.caughtUp(revision);
    for (const person of people) {
      const theirs = b.asUser(person.uid).collection(collection);
      const [now, ever] = [!isDeleted && sees(person, history.at(-1) as Shared), history.some((one) => sees(person, one))];
      assert.equal((await theirs.get(id)) !== undefined, now);
      assert.equal((await theirs.find(name)) !== undefined, now);
      assert.equal((await theirs.list({ where: { name } })).items.length, now ? 1 : 0);
      const versions = await theirs.versions(id).catch(told(id));
      if (ever) {
        assert.ok(Array.isArray(versions));
        assert.equal(versions.filter(({ op }) => op === "put").length, history.filter((one) => sees(person, one)).length);
      } else assert.deepEqual(versions, await theirs.versions(absent).catch(told(absent)));
      if (now) continue;
      const tries = {
        patch: (of: string) => theirs.patch(of, { name: "mine" }),
        "patch at a revision": (of: string) => theirs.patch(of, { name: "mine" }, { ifRevision: 1 }),
        "patch with what is wrong": (of: string) => theirs.patch(of, { name: null }),
        delete: (of: string) => theirs.delete(of),
        "delete at a revision": (of: string) => theirs.delete(of, { ifRevision: revision }),
      };
      for (const [what, attempt] of Object.entries(tries))
        assert.deepEqual(await attempt(id).catch(told(id)), await attempt(absent).catch(told(absent)), what);
      assert.equal((await b.collection(collection).get(id))?.revision, isDeleted ? undefined : revision);
    }
  });
  await fc.assert(property, { numRuns: 60 });
});
