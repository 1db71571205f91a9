import { encodePage, pageBytes } from "../bus/wire/page.ts";
import { readPage } from "../bus/wire/reader.ts";
import { readSubject, streamInfo } from "../bus/wire/stream.ts";
import { GC, STORE_ALL, STREAM, storeSubjects } from "../bus/wire/subjects.ts";
import type { StoredVersion } from "../bus/wire/version.ts";
import { defineFunction } from "./host/define.ts";

const PAGE_MESSAGES = 5000;

/** One page of a catch-up: what was stored after a revision, in order, of each document only the page's last version. */
export default defineFunction({
  name: "changes",
  scope: "all",
  description: "One page of what changed after a revision.",
  reply: "changes.reply",
  errors: [],
  async handle({ after, mostBytes }, _caller, { connection, epochs }) {
    await epochs.ready();
    const head = (await streamInfo(connection))?.state.last_seq ?? 0;
    if (after >= head) return encodePage({ epochs: epochs.list, head, last: after, done: true, records: 0 }, []);
    const maxBytes = pageBytes(connection.info.maxPayload);
    const page = { from: after + 1, until: head, limit: PAGE_MESSAGES, maxBytes, wantedBytes: mostBytes };
    const { versions, done } = await readPage(connection, { stream: STREAM, subjects: STORE_ALL, ...page });
    const records = lastVersions(versions);
    const read = versions.at(-1)?.revision ?? after;
    // The head's own message may have been taken away.
    const last = done ? Math.max(read, head) : read;
    // A floor that was stated meanwhile: tombstones below it may be missing here, so it comes in a page, too, before the end.
    const floors = done ? await readSubject(connection, storeSubjects(GC)) : undefined;
    const end = done && (floors?.revision ?? 0) <= last;
    return encodePage({ epochs: epochs.list, head, last, done: end, records: records.length }, records);
  },
});

function lastVersions(versions: readonly StoredVersion[]): StoredVersion[] {
  const last = new Map(versions.map((version) => [version.subject, version.revision]));
  return versions.filter(({ subject, revision }) => last.get(subject) === revision);
}
