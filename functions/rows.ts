import { encodePage, pageBytes } from "../bus/wire/page.ts";
import { readSubject, streamInfo } from "../bus/wire/stream.ts";
import { storeSubjects } from "../bus/wire/subjects.ts";
import type { StoredVersion } from "../bus/wire/version.ts";
import { defineFunction } from "./host/define.ts";

/** Versions that are read at once; each may be as large as a document may be. */
const READ_AT_ONCE = 10;

/** The last versions of some documents, as the store has them now. Of a document that it does not have there is no record. */
export default defineFunction({
  name: "rows",
  scope: "collection",
  undeclared: true,
  description: "The last versions of some documents, from the truth: for what a replica has lost.",
  reply: "rows.reply",
  errors: [],
  async handle({ tokens }, { collection }, { connection, epochs }) {
    await epochs.ready();
    const head = (await streamInfo(connection))?.state.last_seq ?? 0;
    const prefix = storeSubjects(collection).slice(0, -1);
    const limit = pageBytes(connection.info.maxPayload);
    const records: StoredVersion[] = [];
    let answered = 0;
    for (let bytes = 0; answered < tokens.length && bytes < limit; ) {
      const next = tokens.slice(answered, answered + READ_AT_ONCE);
      const read = await Promise.all(next.map((token) => readSubject(connection, prefix + token)));
      for (const version of read) {
        const size = version ? version.bodyLength + version.headersLength + version.subject.length : 0;
        if (answered > 0 && bytes + size > limit) {
          bytes = limit;
          break;
        }
        if (version) records.push(version);
        bytes += size;
        answered++;
      }
    }
    return encodePage({ epochs: epochs.list, head, answered, records: records.length }, records);
  },
});
