import { encodePage, pageBytes } from "../bus/wire/page.ts";
import { openReader } from "../bus/wire/reader.ts";
import { hasMessage, readSubject, streamInfo } from "../bus/wire/stream.ts";
import { STREAM, storeSubjects } from "../bus/wire/subjects.ts";
import { StoredVersion } from "../bus/wire/version.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { defineFunction } from "./host/define.ts";
import { readFloor } from "./store/floors.ts";

const PAGE_MESSAGES = 5000;
const NO_BODY = new Uint8Array(0);
/** Of a version's headers the list says only whether it is a tombstone. */
const HEADERS = {
  live: Buffer.from("NATS/1.0\r\nFs-Version: -\r\n\r\n"),
  deleted: Buffer.from("NATS/1.0\r\nKV-Operation: DEL\r\n\r\n"),
};

/** One page of the complete list of a collection. A document that is there from the first page to the last is in it; one that changes meanwhile
 *  is, too, or has a revision above the last page's. Tombstones up to the floor are left out: they may be collected at any moment. */
export default defineFunction({
  name: "listing",
  scope: "collection",
  description: "One page of the list of a collection's versions, without their contents.",
  reply: "listing.reply",
  errors: [],
  async handle({ after }, { collection }, { connection, epochs, schemas }) {
    await epochs.ready();
    const head = (await streamInfo(connection))?.state.last_seq ?? 0;
    const end = (await readSubject(connection, storeSubjects(collection)))?.revision ?? 0;
    const reader = await openReader(connection, {
      stream: STREAM,
      subjects: storeSubjects(collection),
      from: after + 1,
      headersOnly: true,
    });
    try {
      const versions = (await reader.next(PAGE_MESSAGES, pageBytes(connection.info.maxPayload))).filter(
        ({ revision }) => revision > after,
      );
      const done = reader.pending === 0;
      // After the reading: what was missing in it because it had been collected is below this floor.
      const { floor } = (await readFloor(connection, schemas, collection)) ?? { floor: 0 };
      const read = versions.at(-1)?.revision ?? after;
      // The server that was read from is behind the leader: what it lacks must not look deleted.
      if (done && read < end && (await hasMessage(connection, end)))
        throw new FrontsyncError(
          "DATASTORE_UNREACHABLE",
          `${collection} could be listed up to ${read} only, and ends at ${end}. Try again.`,
        );
      const last = new Map(versions.map((version) => [version.subject, version]));
      const records = [...last.values()].flatMap(({ subject, revision, deleted }) =>
        deleted && revision <= floor
          ? []
          : StoredVersion.of(subject, revision, deleted ? HEADERS.deleted : HEADERS.live, NO_BODY),
      );
      return encodePage(
        { epochs: epochs.list, head, last: done ? Math.max(read, head) : read, done, floor, records: records.length },
        records,
      );
    } finally {
      reader.close();
    }
  },
});
