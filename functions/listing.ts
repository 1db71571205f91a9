import { encodePage, pageBytes } from "../bus/wire/page.ts";
import { readPage } from "../bus/wire/reader.ts";
import { readSubject, streamInfo } from "../bus/wire/stream.ts";
import { STREAM, storeSubjects } from "../bus/wire/subjects.ts";
import { StoredVersion } from "../bus/wire/version.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { defineFunction } from "./host/define.ts";
import { readFloor } from "./store/floors.ts";

const PAGE_MESSAGES = 5000;
/** Of one page, while floors are stated. */
const MOST_TRIES = 10;
const NO_BODY = new Uint8Array(0);
/** Of a version's headers the list says only whether it is a tombstone. */
const HEADERS = {
  live: Buffer.from("NATS/1.0\r\nFs-Version: -\r\n\r\n"),
  deleted: Buffer.from("NATS/1.0\r\nKV-Operation: DEL\r\n\r\n"),
};

/** One page of the complete list of a collection. A document that is there from the first page to the last is in it; one that changes meanwhile
 *  is, too, or has a revision above the last page's. Tombstones up to the floor are left out: they may be collected at any moment. The list is good
 *  when all its pages have the same floor. */
export default defineFunction({
  name: "listing",
  scope: "collection",
  undeclared: true,
  description: "One page of the list of a collection's versions, without their contents.",
  reply: "listing.reply",
  errors: [],
  async handle({ after }, { collection }, { connection, epochs, schemas }) {
    await epochs.ready();
    const floorNow = async () => (await readFloor(connection, schemas, collection))?.floor ?? 0;
    const subjects = storeSubjects(collection);
    const maxBytes = pageBytes(connection.info.maxPayload);
    for (let tries = 0, floor = await floorNow(); tries < MOST_TRIES; tries++) {
      const head = (await streamInfo(connection))?.state.last_seq ?? 0;
      const until = (await readSubject(connection, subjects))?.revision ?? 0;
      const page = { from: after + 1, until, limit: PAGE_MESSAGES, maxBytes };
      const { versions, done } = await readPage(connection, { stream: STREAM, subjects, headersOnly: true, ...page });
      const before = floor;
      floor = await floorNow();
      // A tombstone may have been taken away between the version before it and itself: what was deleted would be listed.
      if (floor !== before) continue;
      const read = versions.at(-1)?.revision ?? after;
      const records = listed(versions, floor);
      const last = done ? Math.max(read, head) : read;
      return encodePage({ epochs: epochs.list, head, last, done, floor, records: records.length }, records);
    }
    throw new FrontsyncError("TIMEOUT", `Tombstones of ${collection} are collected just now. Try again.`);
  },
});

function listed(versions: readonly StoredVersion[], floor: number): StoredVersion[] {
  const last = new Map(versions.map((version) => [version.subject, version]));
  return [...last.values()].flatMap(({ subject, revision, deleted }) =>
    deleted && revision <= floor ? [] : StoredVersion.of(subject, revision, deleted ? HEADERS.deleted : HEADERS.live, NO_BODY),
  );
}
