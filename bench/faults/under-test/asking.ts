/** Does with a bus what the driver asks for. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { Bus, Collection } from "../../../bus/index.ts";
import type { Answer, Asked, Final, FinalRow, Seen } from "../check/history.ts";
import { marksIn } from "../check/history.ts";
import { contentOf } from "./content.ts";

const TIMEOUT_MS = 6000;
const PAGE = 500;

type Documents = Collection<Record<string, unknown>>;

/** Throws what the bus throws. */
export async function answer(bus: Bus, asked: Asked): Promise<Answer> {
  if (asked.kind === "call") {
    const options = { timeoutMs: TIMEOUT_MS, ...withId(asked) };
    const reply = (await bus.call(asked.name as "users.login", asked.request as never, options)) as { revision?: number };
    return reply.revision === undefined ? {} : { revision: reply.revision };
  }
  if (asked.kind === "digests") return await digests(bus);
  if (asked.kind === "open") return { sha256: await open(bus, asked.id) };
  if (asked.kind === "upload") {
    const content = Readable.from(contentOf(asked.mark, asked.bytes));
    const meta = { name: asked.id, description: asked.mark };
    return await bus.resources.upload(content, meta, { id: asked.id, timeoutMs: TIMEOUT_MS, ...withId(asked) });
  }
  const documents = bus.collection(asked.collection) as unknown as Documents;
  switch (asked.kind) {
    case "put":
      return await documents.put(asked.doc, { timeoutMs: TIMEOUT_MS, ...withId(asked) });
    case "patch":
      return await documents.patch(asked.id, asked.merge as never, { timeoutMs: TIMEOUT_MS, ...withId(asked) });
    case "delete":
      return await documents.delete(asked.id, { timeoutMs: TIMEOUT_MS, ...withId(asked) });
    case "read": {
      if (asked.revision !== undefined) await bus.caughtUp(asked.revision, { timeoutMs: TIMEOUT_MS });
      const entry = await documents.get(asked.id);
      return { entry: entry ? seen(entry) : null };
    }
    case "list": {
      const { items } = await documents.list({ limit: 20 });
      return { entries: items.map(seen) };
    }
  }
}

/** Everything that this webserver has. */
export async function final(bus: Bus, collections: readonly string[]): Promise<Omit<Final, "process">> {
  const rows: Record<string, FinalRow[]> = {};
  for (const name of collections) rows[name] = await all(bus.collection(name) as unknown as Documents);
  const contents: Final["contents"] = {};
  for (const { id, body } of rows.resources ?? []) {
    const said = (JSON.parse(body) as { sha256?: string }).sha256;
    if (said === undefined) continue;
    contents[id] = { said, read: await contentHash(bus, id).catch((error: { code?: string }) => error.code ?? String(error)) };
  }
  const { state, cursor, pending } = bus.status();
  const queued = (await bus.outbox.list()).map(({ mutationId }) => mutationId);
  const letters = await bus.deadLetters.list();
  const deadLetters = letters.map(({ mutationId, code, message }) => ({ mutationId, code, message }));
  return { state, cursor, pending, queued, deadLetters, digests: (await bus.digests()).digests, rows, contents };
}

async function all(documents: Documents): Promise<FinalRow[]> {
  const rows: FinalRow[] = [];
  for (let after: string | undefined; ; ) {
    const page = await documents.list({ limit: PAGE, ...(after !== undefined && { after }) });
    for (const { id, revision, pending, doc } of page.items) rows.push({ id, revision, pending, body: JSON.stringify(doc) });
    after = page.next;
    if (after === undefined) return rows;
  }
}

/** Only of a webserver that is in step: its digests are then of everything up to its cursor. */
async function digests(bus: Bus): Promise<Answer> {
  if (bus.status().state !== "synced") return {};
  const { cursor, digests: found } = await bus.digests();
  return { cursor, digests: found };
}

/** Its hash when that is what the document said before or after; empty when it is neither. */
async function open(bus: Bus, id: string): Promise<string> {
  const said = async () => ((await bus.collection("resources").get(id))?.doc as { sha256?: string } | undefined)?.sha256;
  const before = await said();
  const read = await contentHash(bus, id);
  return read === before || read === (await said()) ? read : "";
}

async function contentHash(bus: Bus, id: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of await bus.resources.open(id, { timeoutMs: TIMEOUT_MS })) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

function seen({ id, revision, pending, doc }: { id: string; revision: number; pending: boolean; doc: object }): Seen {
  return { id, revision, pending, marks: marksIn(JSON.stringify(doc)) };
}

function withId({ mutationId }: { mutationId?: string }): { mutationId?: string } {
  return mutationId === undefined ? {} : { mutationId };
}
