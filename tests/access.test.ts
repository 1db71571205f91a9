// Goal: who may read and write what is as the table says, in every combination of access, relation to the document, and operation.
// Method: one table for each kind of access; a row is a relation, a column an operation. Further tables for what is built on it.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { actorOf, checkWrite, distance, mayHaveRead, mayRead, withOwner, withoutSecrets } from "../schemas/access.ts";
import type { Doc } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { type CollectionSchema, loadSchemas } from "../schemas/index.ts";
import type { User } from "../schemas/types.ts";

const schemas = loadSchemas();
const [ME, OTHER, GROUP] = [7, 9, 70];

const OPERATIONS = ["read", "create", "edit", "share", "make global", "give away", "delete"] as const;
type Operation = (typeof OPERATIONS)[number];

/** What makes the relation: fields of the document that is not mine, and of my user. */
const RELATIONS: Record<string, { sharing?: Doc; me?: Partial<User> | null }> = {
  owner: {},
  "named reader": { sharing: { readers: { users: [ME] } } },
  "reader by group": { sharing: { readers: { groups: [1, GROUP] }, groups: [1, GROUP] } },
  "named writer": { sharing: { writers: { users: [8, ME] } } },
  "writer by group": { sharing: { writers: { groups: [GROUP] } } },
  "global reader": { sharing: { readers: { global: true } } },
  "global writer": { sharing: { writers: { global: true } } },
  stranger: { sharing: { readers: { users: [8], groups: [1] }, writers: { users: [8], global: false }, groups: [1] } },
  admin: { me: { admin: true } },
  locked: { me: { admin: true, locked: true } },
  unknown: { me: null },
};

interface Kind {
  collection: string;
  doc: Doc;
  /** What the operations change. */
  changes: Record<"edit" | "share" | "make global" | "give away", Doc>;
  /** A row for each relation. y: yes. */
  expected: string;
}

const CODES: Record<string, string> = { y: "yes", NA: "NOT_ALLOWED", NF: "NOT_FOUND", GA: "GLOBAL_NEEDS_ADMIN" };
const everyone = { readers: { global: true }, writers: { global: true } };

const KINDS: Record<string, Kind> = {
  shared: {
    collection: "dashboards",
    doc: { id: "d", ownerId: OTHER, name: "n" },
    changes: { edit: { name: "m" }, share: { readers: { users: [3] } }, "make global": everyone, "give away": { ownerId: 3 } },
    expected: `
                     read  create  edit  share  global  give  delete
    owner            y     y       y     y      GA      NA    y
    named reader     y     y       NA    NA     GA      NA    NA
    reader by group  y     y       NA    NA     GA      NA    NA
    named writer     y     y       y     NA     GA      NA    NA
    writer by group  y     y       y     NA     GA      NA    NA
    global reader    y     y       NA    NA     GA      NA    NA
    global writer    y     y       y     NA     GA      NA    NA
    stranger         NF    y       NF    NF     NF      NF    NF
    admin            y     y       y     y      y       y     y
    locked           NA    NA      NA    NA     NA      NA    NA
    unknown          NA    NA      NA    NA     NA      NA    NA`,
  },
  // `groups`, `readers` and `writers` mean nothing where the schema does not declare them.
  owner: {
    collection: "preferences",
    doc: { uid: OTHER, name: "n" },
    changes: { edit: { data: 1 }, share: { groups: [3] }, "make global": everyone, "give away": { uid: 3 } },
    expected: `
                     read  create  edit  share  global  give  delete
    owner            y     y       y     y      y       NA    y
    named reader     NF    y       NF    NF     NF      NF    NF
    reader by group  NF    y       NF    NF     NF      NF    NF
    named writer     NF    y       NF    NF     NF      NF    NF
    writer by group  NF    y       NF    NF     NF      NF    NF
    global reader    NF    y       NF    NF     NF      NF    NF
    global writer    NF    y       NF    NF     NF      NF    NF
    stranger         NF    y       NF    NF     NF      NF    NF
    admin            y     y       y     y      y       y     y
    locked           NA    NA      NA    NA     NA      NA    NA
    unknown          NA    NA      NA    NA     NA      NA    NA`,
  },
  "owner, with groups": {
    collection: "searches",
    doc: { uid: OTHER, slot: 1, userQuery: "q" },
    changes: { edit: { userQuery: "r" }, share: { groups: [3] }, "make global": everyone, "give away": { uid: 3 } },
    expected: `
                     read  create  edit  share  global  give  delete
    owner            y     y       y     y      y       NA    y
    named reader     NF    y       NF    NF     NF      NF    NF
    reader by group  y     y       NA    NA     NA      NA    NA
    named writer     NF    y       NF    NF     NF      NF    NF
    writer by group  NF    y       NF    NF     NF      NF    NF
    global reader    NF    y       NF    NF     NF      NF    NF
    global writer    NF    y       NF    NF     NF      NF    NF
    stranger         NF    y       NF    NF     NF      NF    NF
    admin            y     y       y     y      y       y     y
    locked           NA    NA      NA    NA     NA      NA    NA
    unknown          NA    NA      NA    NA     NA      NA    NA`,
  },
  // To share with more is to be in more groups here, and to be global is to be an admin.
  directory: {
    collection: "users",
    doc: { uid: OTHER, user: "u", password: { hash: "x" } },
    changes: { edit: { name: "m" }, share: { groups: [3] }, "make global": { admin: true }, "give away": { uid: 3 } },
    expected: `
                     read  create  edit  share  global  give  delete
    owner            y     NA      y     NA     NA      NA    NA
    named reader     y     NA      NA    NA     NA      NA    NA
    reader by group  y     NA      NA    NA     NA      NA    NA
    named writer     y     NA      NA    NA     NA      NA    NA
    writer by group  y     NA      NA    NA     NA      NA    NA
    global reader    y     NA      NA    NA     NA      NA    NA
    global writer    y     NA      NA    NA     NA      NA    NA
    stranger         y     NA      NA    NA     NA      NA    NA
    admin            y     y       y     y      y       y     y
    locked           NA    NA      NA    NA     NA      NA    NA
    unknown          NA    NA      NA    NA     NA      NA    NA`,
  },
  system: {
    collection: "sessions",
    doc: { id: "s", uid: OTHER },
    changes: { edit: { expiresAt: "2030-01-01T00:00:00Z" }, share: everyone, "make global": everyone, "give away": { uid: 3 } },
    expected: `
                     read  create  edit  share  global  give  delete
    owner            NF    NA      NF    NF     NF      NF    NF
    named reader     NF    NA      NF    NF     NF      NF    NF
    reader by group  NF    NA      NF    NF     NF      NF    NF
    named writer     NF    NA      NF    NF     NF      NF    NF
    writer by group  NF    NA      NF    NF     NF      NF    NF
    global reader    NF    NA      NF    NF     NF      NF    NF
    global writer    NF    NA      NF    NF     NF      NF    NF
    stranger         NF    NA      NF    NF     NF      NF    NF
    admin            NF    NA      NF    NF     NF      NF    NF
    locked           NA    NA      NA    NA     NA      NA    NA
    unknown          NA    NA      NA    NA     NA      NA    NA`,
  },
};

function userOf(fields: Partial<User> | null = {}): User | undefined {
  return fields === null ? undefined : { uid: ME, user: "me", groups: [GROUP], ...fields };
}

/** "yes", or the code of the refusal; a read of what is not visible is NOT_FOUND. */
function outcome(kind: Kind, relation: string, operation: Operation): string {
  const schema = schemas.collection(kind.collection);
  const { sharing, me } = RELATIONS[relation] ?? {};
  const mine = { [schema.owner ?? ""]: ME };
  const doc = { ...kind.doc, ...sharing, ...(relation === "owner" && mine) };
  try {
    const actor = actorOf(ME, userOf(me));
    if (operation === "read") return mayRead(schema, actor, doc) ? "yes" : "NOT_FOUND";
    if (operation === "create") checkWrite(schema, actor, undefined, { ...kind.doc, ...mine });
    else if (operation === "delete") checkWrite(schema, actor, doc, undefined);
    else checkWrite(schema, actor, doc, { ...doc, ...kind.changes[operation] });
    return "yes";
  } catch (error) {
    assert.ok(error instanceof FrontsyncError, String(error));
    return error.code;
  }
}

/** The codes of a row of a table, by its relation. */
function rowsOf(expected: string): Map<string, string[]> {
  const [, ...lines] = expected.trim().split("\n");
  return new Map(
    lines.map((line) => {
      const [relation = "", ...cells] = line.trim().split(/\s{2,}/);
      return [relation, cells.map((cell) => CODES[cell] ?? cell)];
    }),
  );
}

for (const [name, kind] of Object.entries(KINDS)) {
  describe(`access: ${name} (${kind.collection})`, () => {
    const rows = rowsOf(kind.expected);
    for (const relation of Object.keys(RELATIONS)) {
      it(relation, () => {
        const found = OPERATIONS.map((operation) => outcome(kind, relation, operation));
        assert.deepEqual(found, rows.get(relation), OPERATIONS.join(", "));
      });
    }
  });
}

const dashboards = schemas.collection("dashboards");
const me = actorOf(ME, userOf());
const admin = actorOf(ME, userOf({ admin: true }));

describe("sharing", () => {
  const shared = { id: "d", name: "n", ownerId: OTHER, writers: { users: [ME], global: false } };

  it("is compared by value, not by the order of its keys", () => {
    checkWrite(dashboards, me, shared, { ...shared, name: "m", writers: { global: false, users: [ME] } });
    checkWrite(dashboards, me, shared, { ...shared, readers: undefined });
    const users = schemas.collection("users");
    const before = { uid: ME, user: "me", data: { a: 1, b: 2 } };
    checkWrite(users, me, before, { ...before, name: "m", data: { b: 2, a: 1 } });
  });

  it("of what is global already can be kept and narrowed by the owner, and made global by nobody but an admin", () => {
    const own = { id: "d", name: "n", ownerId: ME, readers: { global: true } };
    checkWrite(dashboards, me, own, { ...own, name: "m" });
    checkWrite(dashboards, me, own, { ...own, readers: { users: [OTHER] } });
    assert.throws(() => checkWrite(dashboards, me, own, { ...own, ...everyone }), {
      code: "GLOBAL_NEEDS_ADMIN",
      path: "/writers/global",
    });
    const fresh = { ...own, id: "e" };
    assert.throws(() => checkWrite(dashboards, me, undefined, fresh), { code: "GLOBAL_NEEDS_ADMIN", path: "/readers/global" });
    checkWrite(dashboards, admin, undefined, fresh);
  });

  it("of a new document of somebody else's, or of nobody's, is refused", () => {
    for (const ownerId of [OTHER, 0, undefined]) {
      const doc = { id: "d", name: "n", ...(ownerId !== undefined && { ownerId }) };
      assert.throws(() => checkWrite(dashboards, me, undefined, doc), { code: "NOT_ALLOWED", path: "/ownerId" });
      checkWrite(dashboards, admin, undefined, doc);
    }
  });
});

describe("secret fields", () => {
  it("are in no document that a user is shown", () => {
    const user = { uid: 1, user: "u", password: { hash: "x" }, email: "e" };
    assert.deepEqual(withoutSecrets(schemas.collection("users"), user), { uid: 1, user: "u", email: "e" });
    assert.deepEqual(user.password, { hash: "x" }, "the document itself stays");
  });
});

describe("distance()", () => {
  const of = (doc: Doc, actor = me) => distance(dashboards, actor, { id: "d", name: "n", ownerId: OTHER, ...doc });

  it("is less for what is nearer", () => {
    assert.equal(of({ ownerId: ME, ...everyone }), 0);
    assert.equal(of({ readers: { groups: [GROUP], global: true } }), 1);
    assert.equal(of({ writers: { groups: [GROUP] } }), 1);
    assert.equal(of({ readers: { users: [ME] } }), 1);
    assert.equal(of({ readers: { global: true } }), 2);
    assert.equal(of({ writers: { global: true } }), 2);
    assert.equal(of({}, admin), 3);
    assert.equal(of({ ownerId: ME }, admin), 0);
  });
});

describe("mayHaveRead()", () => {
  const of = (collection: string, id: string, actor = me) => mayHaveRead(schemas.collection(collection), actor, id);

  it("is false only where no version can have been visible", () => {
    assert.equal(of("dashboards", "d"), true);
    assert.equal(of("users", String(OTHER)), true);
    assert.equal(of("sessions", "s", admin), false);
    assert.equal(of("preferences", `${ME}/a/b`), true);
    assert.equal(of("preferences", `${OTHER}/${ME}`), false);
    assert.equal(of("preferences", `${OTHER}/a`, admin), true);
    assert.equal(of("searches", `${OTHER}/1`), true, "a group of mine may have seen it");
    assert.equal(of("searches", `${OTHER}/1`, actorOf(ME, userOf({ groups: [] }))), false);
    assert.equal(of("conflicts", "c"), true, "the id does not tell whose it is");
  });
});

describe("withOwner()", () => {
  const of = (schema: CollectionSchema, before: Doc | undefined, doc: Doc) => withOwner(schema, ME, before, doc);

  it("keeps the owner that there is, and makes the user the owner of what is new", () => {
    assert.deepEqual(of(dashboards, undefined, { id: "d" }), { id: "d", ownerId: ME });
    assert.deepEqual(of(dashboards, undefined, { id: "d", ownerId: OTHER }), { id: "d", ownerId: OTHER });
    assert.deepEqual(of(dashboards, { id: "d", ownerId: OTHER }, { id: "d" }), { id: "d", ownerId: OTHER });
    assert.deepEqual(of(dashboards, { id: "d" }, { id: "d" }), { id: "d" }, "the system's stays the system's");
    assert.deepEqual(of(schemas.collection("preferences"), undefined, { name: "n" }), { name: "n", uid: ME });
    assert.deepEqual(of(schemas.collection("users"), undefined, { user: "u" }), { user: "u" }, "a new user is not their maker");
    assert.deepEqual(of(schemas.collection("groups"), undefined, { name: "g" }), { name: "g" });
  });
});

describe("an audience of another shape, in a write that waits", () => {
  const schema = loadSchemas().collection("dashboards");
  for (const audience of [
    { users: 5 },
    { users: {}, groups: "7" },
    { global: "yes" },
    { users: null, global: null },
    "all",
    [2],
    7,
  ])
    it(`lets nobody in: ${JSON.stringify(audience)}`, () => {
      const doc = { id: "d", name: "D", ownerId: 3, readers: audience, writers: audience };
      assert.equal(mayRead(schema, { uid: 2, admin: false, groups: [7] }, doc), false);
    });
});
