// Goal: whatever is written, deleted and collected, in steps that may be interrupted, and whoever leaves and comes back meanwhile: everybody who is
// there has the same documents and the digest that the handlers expect, a webserver that comes back gives up what was deleted and nothing else, and
// no number is given twice. Method: a store as a map, the real plan of a collection, tally of digests, tables of a replica, and comparison with the
// list; random histories (fast-check).
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import initSqlJs, { type SqlJsStatic } from "sql.js";
import { ReplicaDatabase } from "../bus/replica/database.ts";
import { KnownSubjects } from "../bus/replica/known.ts";
import { reconcile } from "../bus/replica/reconcile.ts";
import { parseStoreSubject, storeSubject } from "../bus/wire/subjects.ts";
import { StoredVersion } from "../bus/wire/version.ts";
import { type Listed, plan, safeRevision } from "../functions/store/collectable.ts";
import { Tally } from "../functions/store/tally.ts";
import { statement } from "../functions/store/tombstones.ts";
import { Digest, versionHash } from "../schemas/digest.ts";

const DOCS = "docs";
const IDS = ["1", "2", "3", "4", "5"];
const WEBSERVERS = 3;
const AWAY = 10;
const NO_DIGEST = "0".repeat(32);

type Step =
  | { kind: "put" | "delete"; id: string }
  | { kind: "collect"; purged: number; most: number }
  | { kind: "leave" | "return"; who: number }
  | { kind: "wait" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("put" as const, "delete" as const), id: fc.constantFrom(...IDS) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("collect" as const), purged: fc.nat(3), most: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("leave" as const, "return" as const), who: fc.nat(WEBSERVERS - 1) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "wait" as const }) },
);

const numberOf = (subject: string) => Number(parseStoreSubject(subject).token);

class Webserver {
  readonly database: ReplicaDatabase;
  cursor = 0;
  there = true;
  heard = 0;

  constructor(sql: SqlJsStatic) {
    this.database = new ReplicaDatabase(sql, "/nowhere/docs.db", new Map(), new KnownSubjects(), () => {});
    this.database.get(DOCS, ""); // makes the table
  }

  get live(): string[] {
    return this.database.ids(DOCS).sort();
  }
}

class Model {
  readonly store = new Map<string, Listed>();
  readonly webservers: Webserver[];
  readonly #tally = new Tally();
  #floorDoc: { revision: number; floor: number } | undefined;
  #revision = 0;
  #now = 0;
  #highest = 0;

  constructor(sql: SqlJsStatic) {
    this.webservers = Array.from({ length: WEBSERVERS }, () => new Webserver(sql));
  }

  run(step: Step): void {
    this.#now++;
    for (const one of this.webservers) if (one.there) one.heard = this.#now;
    if (step.kind === "put" || step.kind === "delete") this.#write(step.id, step.kind === "delete");
    if (step.kind === "collect") this.#collect(step);
    if (step.kind === "wait") this.#now += AWAY;
    if (step.kind === "leave") (this.webservers[step.who] as Webserver).there = false;
    if (step.kind === "return") this.#return(this.webservers[step.who] as Webserver);
    this.#check();
  }

  #write(id: string, deleted: boolean): void {
    const subject = storeSubject(DOCS, id);
    const before = this.store.get(subject);
    if (deleted && (!before || before.deleted)) return;
    const revision = ++this.#revision;
    this.#tally.apply({ collection: DOCS, subject, revision, previous: before?.revision ?? 0, deleted });
    const version = { subject, revision, deleted, foreign: false, at: this.#now };
    this.store.set(subject, version);
    this.#highest = Math.max(this.#highest, Number(id));
    for (const one of this.webservers) if (one.there) this.#apply(one, version);
  }

  #apply(one: Webserver, { subject, revision, deleted }: Listed): void {
    const line = deleted ? "KV-Operation: DEL" : "Fs-Version: v";
    const headers = Buffer.from(`NATS/1.0\r\n${line}\r\n\r\n`);
    if (revision > one.cursor)
      one.database.apply(DOCS, StoredVersion.of(subject, revision, headers, Buffer.from(deleted ? "" : "{}")));
    one.cursor = Math.max(one.cursor, revision);
  }

  /** A step that may end before all is purged. */
  #collect({ purged, most }: { purged: number; most: number }): void {
    const known = this.webservers.map(({ cursor, heard }) => ({ cursor, at: heard }));
    const safe = safeRevision(known, this.#now, AWAY);
    const floor = this.#floorDoc?.floor ?? 0;
    const planned = plan([...this.store.values()], floor, { safe, now: this.#now, keepMs: 0, most }, numberOf);
    for (const { subject } of planned.leftovers) this.store.delete(subject);
    if (planned.collect.length === 0) return;
    const stated = statement(planned);
    const revision = ++this.#revision;
    this.#floorDoc = { revision, floor: stated.floor };
    this.#tally.apply({ collection: DOCS, subject: "", revision, previous: 0, deleted: false, floor: stated });
    for (const one of this.webservers) if (one.there) this.#hearFloor(one);
    for (const tombstone of planned.collect.filter((each) => each !== planned.kept).slice(0, purged))
      this.store.delete(tombstone.subject);
  }

  #hearFloor(one: Webserver): void {
    if (!this.#floorDoc || this.#floorDoc.revision <= one.cursor) return;
    one.database.collect(DOCS, this.#floorDoc.floor);
    one.cursor = this.#floorDoc.revision;
  }

  #return(one: Webserver): void {
    if (one.there) return;
    one.there = true;
    one.heard = this.#now;
    const from = one.cursor;
    const before = one.live;
    const floorAt = this.#floorDoc?.revision ?? 0;
    const changes = [...this.store.values()].filter(({ revision }) => revision > from).sort((a, b) => a.revision - b.revision);
    for (const version of changes.filter(({ revision }) => revision < floorAt)) this.#apply(one, version);
    this.#hearFloor(one);
    for (const version of changes) this.#apply(one, version);
    const floor = this.#floorDoc?.floor ?? 0;
    if (floor <= from) return;
    const listing = new Map(
      [...this.store.values()]
        .filter(({ deleted, revision }) => !deleted || revision > floor)
        .map(({ subject, revision, deleted }) => [subject, { revision, deleted }]),
    );
    const options = { dir: "/nowhere", database: one.database, collection: DOCS, listing, until: this.#revision, floor };
    const found = reconcile({ ...options, reach: this.#revision, aside: true });
    assert.deepEqual([found.aside, found.unexplained, found.missing, found.recounted], [[], 0, [], false]);
    assert.ok(before.length >= found.deleted);
  }

  #check(): void {
    const floor = this.#floorDoc?.floor ?? 0;
    const digest = new Digest();
    for (const { subject, revision, deleted } of this.store.values())
      if (!deleted || revision > floor) digest.toggle(versionHash(subject, revision));
    const live = [...this.store.values()]
      .filter(({ deleted }) => !deleted)
      .map(({ subject }) => parseStoreSubject(subject).token);
    assert.equal(String(new Map(this.#tally.digests()).get(DOCS) ?? NO_DIGEST), String(digest), "the handlers' digest");
    for (const one of this.webservers.filter(({ there }) => there)) {
      assert.deepEqual(one.live, live.sort());
      assert.equal(one.database.digests()[DOCS] ?? NO_DIGEST, String(digest), "a webserver's digest");
      assert.equal(one.database.computeDigests()[DOCS] ?? NO_DIGEST, String(digest), "a webserver's rows");
    }
    const numbers = [...this.store.keys()].map(numberOf);
    assert.equal(Math.max(0, ...numbers), this.#highest, "the highest number is still known");
  }
}

describe("the collection of tombstones", () => {
  let sql: SqlJsStatic;
  before(async () => {
    sql = await initSqlJs();
  });

  it("leaves everybody with the same documents and digests, whatever happens in between", (t) => {
    const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
    t.diagnostic(`seed ${seed} (FAULTS_SEED=${seed} repeats it)`);
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const model = new Model(sql);
        try {
          for (const each of steps) model.run(each);
        } finally {
          for (const { database } of model.webservers) database.close();
        }
      }),
      { seed, numRuns: 150 },
    );
  });
});
