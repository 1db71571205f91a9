/** What the tests of backups store, and what they compare. */
import { strict as assert } from "node:assert";
import { Readable } from "node:stream";
import type { Bus, Change } from "../../bus/index.ts";
import { type BackupRecord, FORMAT } from "../../scripts/support/backup/format.ts";
import { writeBackup } from "../../scripts/support/backup/write.ts";
import { pieces } from "./contents.ts";
import { makeGroup, makeUser } from "./people.ts";

/** The content of the resource that `fill` makes: two pieces of a backup, and a part. */
export const CONTENT = Buffer.concat([...pieces(600_000)]);

/** Documents of several collections, one of them edited and one deleted, by the system and by a user; and a resource. */
export async function fill(bus: Bus): Promise<{ uid: number; gid: number }> {
  const gid = await makeGroup(bus, { name: "crew" });
  const uid = await makeUser(bus, { user: "alice", groups: [gid] });
  await bus.call("users.setPassword", { uid, password: "alice's password" });
  const dashboards = bus.asUser(uid).collection("dashboards");
  await dashboards.put({ id: "ops", name: "Operations", data: { panels: [1, "é", null] } });
  await dashboards.patch("ops", { description: "What runs where" });
  await dashboards.put({ id: "old", name: "Old" });
  await dashboards.delete("old");
  await dashboards.put({ id: `long-${"x".repeat(300)}/é`, name: "A long id" });
  await bus.asUser(uid).collection("searches").put({ uid, userQuery: "errors", effectiveQuery: "level:error" });
  await bus.resources.upload(Readable.from([CONTENT]), { id: "table", name: "table.csv" });
  return { uid, gid };
}

const COLLECTIONS = ["users", "groups", "dashboards", "searches", "logins", "resources"] as const;

/** Every document, with its author and time: what must be the same after a restore. */
export async function contentOf(bus: Bus): Promise<Record<string, Omit<Change<unknown>, "revision">[]>> {
  const content: Record<string, Omit<Change<unknown>, "revision">[]> = {};
  for (const name of COLLECTIONS) {
    const { items } = await bus.collection(name).list({ limit: 1000 });
    const changes = bus.collection(name).changes({ since: 0 });
    content[name] = [];
    for (let n = 0; n < items.length; n++) {
      const { value } = await changes.next();
      assert.ok(value);
      const { revision: _elsewhere, ...rest } = value as Change<unknown>;
      // The first start of each datastore hashes the same password anew.
      // A restore ends all sessions.
      if (name === "users") rest.doc = { ...(rest.doc as object), sessionsFrom: undefined };
      const first = rest.by === 0 && (rest.doc as { defaultPassword?: boolean } | undefined)?.defaultPassword === true;
      content[name].push(first ? { ...rest, doc: { ...(rest.doc as object), password: undefined } } : rest);
    }
    await changes.return?.();
    content[name].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  return content;
}

/** A resource's content as a webserver has it. */
export async function contentAt(bus: Bus, id: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await bus.resources.open(id)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A backup without secrets that no datastore made: the first user, and dashboards with these ids. `at`: their commit time. */
export async function madeBackup(file: string, names: readonly string[], at: string, data = ""): Promise<void> {
  const record = (id: string, n: number): BackupRecord => {
    const about = { id, collection: "dashboards", version: `made:${id}`, at, created: at, by: 0, webserver: "made", seen: "" };
    return { ...about, revision: n + 1, doc: { id, name: `${id} at ${at}`, data } };
  };
  const header = {
    frontsync: "backup" as const,
    format: FORMAT,
    version: "0.1.0",
    generation: "made",
    revision: names.length,
    at,
  };
  const admin: BackupRecord = {
    ...{ collection: "users", id: "1", revision: 0, version: "made:1", at, created: at, by: 0, webserver: "made", seen: "" },
    doc: { uid: 1, user: "admin", admin: true },
  };
  const records = [admin, ...names.map(record)];
  const contents = Readable.from([]);
  const options = { encryption: undefined, signal: new AbortController().signal, onProgress: () => {} };
  await writeBackup(file, { ...header, withoutSecrets: true }, { contents, records }, options);
}
