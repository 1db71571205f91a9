/** Documents as the store has them, in the shape of today's schema: those of an earlier one are brought up to date as they are read. */
import { asBuffer } from "../../bus/platform/bytes.ts";
import type { Connection } from "../../bus/wire/nats.ts";
import { readSubject } from "../../bus/wire/stream.ts";
import { storeSubject } from "../../bus/wire/subjects.ts";
import type { Doc } from "../../schemas/document.ts";
import type { CollectionSchema, Schemas } from "../../schemas/index.ts";
import type { Envelope } from "../../schemas/types.ts";
import { upcast } from "../../schemas/upcast.ts";

/** The body of a version that is no tombstone. */
export function parseDoc(schema: CollectionSchema, body: Uint8Array, envelope: Pick<Envelope, "schema"> | undefined): Doc {
  const doc = JSON.parse(asBuffer(body).toString()) as Doc;
  return upcast(schema, doc, envelope?.schema ?? 1);
}

/** The document of a version; undefined: of a tombstone. */
export function docOf(
  schema: CollectionSchema,
  { deleted, body, envelope }: { deleted: boolean; body: Uint8Array; envelope: Envelope | undefined },
): Doc | undefined {
  return deleted ? undefined : parseDoc(schema, body, envelope);
}

/** What is there now. */
export async function readDoc<T extends object>(
  { connection, schemas }: { connection: Connection; schemas: Schemas },
  collection: string,
  id: string,
): Promise<T | undefined> {
  const stored = await readSubject(connection, storeSubject(collection, id));
  return stored && (docOf(schemas.collection(collection), stored) as T | undefined);
}
