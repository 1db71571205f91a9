/** 4: all replicas' digests are equal. 9: a replica is what the log adds up to. Both are computed here anew, from the store's own versions. */
import { createHash } from "node:crypto";
import type { Version } from "../history.ts";
import type { Model } from "../model.ts";
import { type Violation, violation } from "../violation.ts";

const DIGEST_BYTES = 16;

export function digests(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const entry of model.entries) {
    if (entry.type === "not-quiet")
      found.push(violation(4, `${entry.process} is ${entry.state} after ${entry.waitedMs} ms without a fault`));
  }
  const expected = digestsAt(
    [...model.stored.values()].map((version) => [version]),
    Number.POSITIVE_INFINITY,
  );
  for (const { process, digests: own } of model.finals) {
    for (const collection of new Set([...Object.keys(own), ...expected.keys()])) {
      if (collection.startsWith("_")) continue;
      const [is, should] = [own[collection] ?? EMPTY, expected.get(collection) ?? EMPTY];
      if (is !== should) found.push(violation(4, `the digest of ${collection} on ${process} is ${is}; the store's is ${should}`));
    }
  }
  return found;
}

export function folds(model: Model): Violation[] {
  return [...finalRows(model), ...digestsOnTheWay(model)];
}

function finalRows(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const { process, rows } of model.finals) {
    const shown = new Map(
      Object.entries(rows).flatMap(([collection, list]) =>
        list.map((row) => [`${collection}/${row.id}`, { ...row, collection }]),
      ),
    );
    for (const { collection, id, revision, body, deleted } of model.stored.values()) {
      if (collection.startsWith("_") || !(collection in rows)) continue;
      const row = shown.get(`${collection}/${id}`);
      shown.delete(`${collection}/${id}`);
      if (deleted ? row === undefined : row?.revision === revision && canonical(row.body) === canonical(body)) continue;
      const is = row ? `${row.revision} ${row.body.slice(0, 200)}` : "nothing";
      const should = deleted ? `nothing (${revision})` : `${revision} ${body.slice(0, 200)}`;
      found.push(violation(9, `${process} has ${is}; the store has ${should}`, collection, id));
    }
    for (const { collection, id, revision } of shown.values())
      found.push(violation(9, `${process} has ${revision}; the store has nothing`, collection, id));
  }
  return found;
}

/** While the round ran, of a webserver that said it was in step: its digests at its number. */
function digestsOnTheWay(model: Model): Violation[] {
  const found: Violation[] = [];
  for (const operation of model.operations.values()) {
    const { asked, answer, process, op } = operation;
    const store = model.stores.of(operation);
    if (asked.kind !== "digests" || answer.cursor === undefined || !answer.digests || store === undefined) continue;
    const versions = [...model.log.values()].map((all) => all.filter((version) => (version.store ?? 0) === store));
    const expected = digestsAt(versions, answer.cursor);
    for (const [collection, is] of Object.entries(answer.digests)) {
      const should = expected.get(collection) ?? EMPTY;
      if (is !== should && model.isComplete(collection))
        found.push(
          violation(
            9,
            `op ${op}: the digest of ${collection} on ${process} at ${answer.cursor} is ${is}; the log's is ${should}`,
          ),
        );
    }
  }
  return found;
}

const EMPTY = "0".repeat(DIGEST_BYTES * 2);

/** By collection: XOR over the last versions of a hash of subject and revision. */
function digestsAt(subjects: Iterable<readonly Version[]>, revision: number): Map<string, string> {
  const sums = new Map<string, Uint8Array>();
  for (const versions of subjects) {
    const last = versions.findLast((version) => version.revision <= revision);
    if (!last) continue;
    const sum = sums.get(last.collection) ?? new Uint8Array(DIGEST_BYTES);
    const hash = createHash("sha256").update(`${last.subject} ${last.revision}`).digest();
    sums.set(
      last.collection,
      sum.map((byte, index) => byte ^ (hash[index] as number)),
    );
  }
  return new Map([...sums].map(([collection, sum]) => [collection, Buffer.from(sum).toString("hex")]));
}

/** Whatever the order of its fields. */
function canonical(json: string): string {
  return JSON.stringify(JSON.parse(json), (_name, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
