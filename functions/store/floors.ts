/** The floors of the collections, `_gc.<collection>`: what the store says about tombstones that are no longer there. A floor only rises, and is
 *  written before the first tombstone below it goes. */
import type { Connection } from "../../bus/wire/nats.ts";
import { readLatest } from "../../bus/wire/reader.ts";
import { readSubject } from "../../bus/wire/stream.ts";
import { floorSubject, GC, parseStoreSubject, STREAM, storeSubjects } from "../../bus/wire/subjects.ts";
import type { Schemas } from "../../schemas/index.ts";
import type { Floor } from "../../schemas/types.ts";

/** A floor and the revision of its statement. */
export type StoredFloor = Floor & { revision: number };

/** As the store has it now; undefined: nothing was ever collected. */
export async function readFloor(connection: Connection, schemas: Schemas, collection: string): Promise<StoredFloor | undefined> {
  const stored = await readSubject(connection, floorSubject(collection));
  return stored && { ...schemas.read("floor", stored.body), revision: stored.revision };
}

/** Of every collection that has one. */
export async function readFloors(connection: Connection, schemas: Schemas): Promise<Map<string, StoredFloor>> {
  const stated = { stream: STREAM, subjects: storeSubjects(GC) };
  const floors = await readLatest(connection, stated, ({ revision, body }) => ({ ...schemas.read("floor", body), revision }));
  return new Map([...floors].map(([subject, floor]) => [parseStoreSubject(subject).token, floor]));
}
