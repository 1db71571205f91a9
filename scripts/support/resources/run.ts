/** The commands of `frontsync resources`, on a bus of their own. */
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Bus, Entry } from "../../../bus/api.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { randomId } from "../../../bus/platform/random.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Resource } from "../../../schemas/types.ts";
import { catchUp } from "../catch-up.ts";
import type { Context } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { alignedRows, count, formatBytes } from "../numbers.ts";
import { connectObserver } from "../observer.ts";
import { isReaderGone } from "../output.ts";
import { startProgress } from "../progress.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { untilStored } from "../until-stored.ts";
import { unwritable } from "../unwritable.ts";

/** How long an upload that has lost the datastore waits for it. */
const STORED_MS = 5 * 60_000;

export type Job =
  | { do: "ls" }
  | { do: "put"; file: string; name: string | undefined }
  | { do: "get"; name: string; output: string | undefined }
  | { do: "rm"; name: string };

/** Throws NOT_FOUND for a name that nothing has, BAD_CONFIG for a file that can't be read, and what the bus throws. */
export async function runResources(job: Job, target: Target, context: Context): Promise<void> {
  const { signal } = context.stop;
  await inTemporaryFolder(async (dir) => {
    const { bus } = await connectObserver("resources", { target, dir, signal });
    try {
      await catchUp(bus, signal);
      if (job.do === "ls") await list(bus, context);
      else if (job.do === "put") await put(bus, job.file, job.name ?? basename(job.file), context);
      else if (job.do === "get") await get(bus, job.name, job.output, context);
      else await remove(bus, job.name, context);
    } finally {
      await bus.close();
    }
  });
}

async function list(bus: Bus, { output }: Context): Promise<void> {
  const rows: Resource[] = [];
  let after: string | undefined;
  do {
    const page = await bus.collection("resources").list({ sort: "name", limit: 1000, ...(after !== undefined && { after }) });
    rows.push(...page.items.map(({ doc }) => doc));
    after = page.next;
  } while (after !== undefined);
  const cells = rows.map(({ name, id, size, version = 0, updatedAt = "" }) => {
    return [printable(name), size === undefined ? "-" : formatBytes(size), String(version), updatedAt, printable(id)];
  });
  for (const line of alignedRows([["NAME", "SIZE", "VERSION", "UPDATED", "ID"], ...cells], [1, 2])) output.line(line);
  output.figures({ resources: rows });
}

async function put(bus: Bus, file: string, name: string, { output, stop }: Context): Promise<void> {
  const stats = await stat(file).catch((cause: Error) => {
    throw new FrontsyncError("BAD_CONFIG", `The file ${file} can't be read: ${cause.message}`, { cause });
  });
  const { size } = stats;
  const before = await bus.collection("resources").find(name);
  const progress = startProgress("byte", process.stderr, clock.monotonic);
  try {
    const onProgress = (bytes: number) => progress.update(bytes, size);
    const options = { onProgress, signal: stop.signal, ...(before && { id: before.id }) };
    const uploaded = await bus.resources.upload(
      stats.isFile() ? unchanged(file, size) : createReadStream(file),
      { name },
      options,
    );
    progress.end();
    const waiting = { signal: stop.signal, note: output.note };
    const revision = await untilStored(bus, uploaded, "resources", { ...waiting, timeoutMs: STORED_MS });
    output.line(`${printable(name)}: ${formatBytes(uploaded.size)}, version ${uploaded.version}, ${uploaded.sha256}`);
    output.figures({ ok: true, name, ...uploaded, revision });
  } finally {
    progress.end();
  }
}

/** The bytes of a file, if they are as many as they were: else somebody is writing it, and what is read is neither the old nor the new one. */
async function* unchanged(file: string, size: number): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const bytes of createReadStream(file)) {
    read += (bytes as Uint8Array).length;
    if (read > size) break;
    yield bytes as Uint8Array;
  }
  if (read !== size) throw new Error(`the file ${file} had ${size} bytes, and was changed while it was read`);
}

async function get(bus: Bus, wanted: string, to: string | undefined, { output, stop }: Context): Promise<void> {
  const { id, doc } = await found(bus, wanted);
  const progress = startProgress("byte", process.stderr, clock.monotonic);
  bus.transfers.onProgress(({ done, size }) => progress.update(done, size));
  try {
    const { signal } = stop;
    const stream = await bus.resources.open(id, { signal });
    progress.end();
    if (to === "-") return await printed(stream, signal);
    const file = resolve(to ?? basename(doc.name));
    // Of this command alone: two that fetch into one file would write into each other's.
    const part = `${file}.${randomId().slice(0, 8)}.part`;
    try {
      await pipeline(stream, createWriteStream(part), { signal });
      await rename(part, file);
    } catch (cause) {
      await rm(part, { force: true });
      signal.throwIfAborted();
      throw unwritable(file, cause);
    }
    output.line(`${file}: ${count(doc.size ?? 0, "byte")}, version ${doc.version ?? 0}`);
    output.figures({ ok: true, file, id, name: doc.name, size: doc.size, version: doc.version, sha256: doc.sha256 });
  } finally {
    progress.end();
  }
}

/** Its bytes on standard output, up to their end or that of whoever reads them. */
async function printed(stream: Readable, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(stream, process.stdout, { end: false, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!isReaderGone(error)) throw unwritable("Standard output", error);
  }
}

async function remove(bus: Bus, wanted: string, { output, stop }: Context): Promise<void> {
  const { id, doc } = await found(bus, wanted);
  await untilStored(bus, await bus.collection("resources").delete(id), "resources", { signal: stop.signal, note: output.note });
  output.line(`${printable(doc.name)} is deleted.`);
  output.figures({ ok: true, id, name: doc.name });
}

/** By its id, or its name. Throws NOT_FOUND. */
async function found(bus: Bus, wanted: string): Promise<Entry<Resource>> {
  const resources = bus.collection("resources");
  const entry = wanted === "" ? undefined : ((await resources.get(wanted)) ?? (await resources.find(wanted)));
  if (entry) return entry;
  throw new FrontsyncError("NOT_FOUND", `There is no resource '${printable(wanted)}'. \`frontsync resources ls\` lists them.`);
}

/** A name may hold any character; a terminal is not to obey it. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "\ufffd");
}
