import { encodePage, pageBytes } from "../bus/wire/page.ts";
import { openReader } from "../bus/wire/reader.ts";
import { hasMessage, streamInfo } from "../bus/wire/stream.ts";
import { STORE_ALL, STREAM } from "../bus/wire/subjects.ts";
import type { StoredVersion } from "../bus/wire/version.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { defineFunction } from "./host/define.ts";

const PAGE_MESSAGES = 5000;

/** One page of a catch-up: what was stored after a revision, in order, of each document only the page's last version. */
export default defineFunction({
  name: "changes",
  scope: "all",
  description: "One page of what changed after a revision.",
  reply: "changes.reply",
  errors: [],
  async handle({ after }, _caller, { connection, epochs }) {
    await epochs.ready();
    const head = (await streamInfo(connection))?.state.last_seq ?? 0;
    const { versions, pending } = after >= head ? { versions: [], pending: 0 } : await read(after + 1);
    const lastRead = versions.at(-1)?.revision ?? after;
    const done = pending === 0;
    // Nothing pending before the head: its message was purged, or the server that was read from is behind the leader.
    if (done && lastRead < head && (await hasMessage(connection, head))) {
      throw new FrontsyncError(
        "DATASTORE_UNREACHABLE",
        `The store could be read up to ${lastRead} only, and ends at ${head}. Try again.`,
      );
    }
    const records = lastVersions(versions);
    return encodePage(
      { epochs: epochs.list, head, last: done ? Math.max(lastRead, head) : lastRead, done, records: records.length },
      records,
    );

    async function read(from: number): Promise<{ versions: StoredVersion[]; pending: number }> {
      const reader = await openReader(connection, { stream: STREAM, subjects: STORE_ALL, from });
      try {
        const versions = await reader.next(PAGE_MESSAGES, pageBytes(connection.info.maxPayload));
        return { versions, pending: reader.pending };
      } finally {
        reader.close();
      }
    }
  },
});

function lastVersions(versions: readonly StoredVersion[]): StoredVersion[] {
  const last = new Map(versions.map((version) => [version.subject, version.revision]));
  return versions.filter(({ subject, revision }) => last.get(subject) === revision);
}
