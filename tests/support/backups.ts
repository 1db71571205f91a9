/** What the tests of backups store, and what they compare. */
import { strict as assert } from "node:assert";
import type { Bus, Change } from "../../bus/index.ts";
import { makeGroup, makeUser } from "./people.ts";

/** Documents of several collections, one of them edited and one deleted, by the system and by a user. */
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
  return { uid, gid };
}

const COLLECTIONS = ["users", "groups", "dashboards", "searches", "logins"] as const;

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
      const first = rest.by === 0 && (rest.doc as { defaultPassword?: boolean } | undefined)?.defaultPassword === true;
      content[name].push(first ? { ...rest, doc: { ...(rest.doc as object), password: undefined } } : rest);
    }
    await changes.return?.();
    content[name].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
  return content;
}
