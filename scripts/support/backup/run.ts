/** A backup from start to end: a replica of its own, caught up and closed, so that its snapshots are the datastore at one revision. */

import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Status } from "../../../bus/api.ts";
import { clock } from "../../../bus/platform/clock.ts";
import { VERSION } from "../../../bus/platform/package.ts";
import { openSnapshots, type Snapshots } from "../../../bus/replica/snapshot.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import { loadSchemas } from "../../../schemas/index.ts";
import { catchUp } from "../catch-up.ts";
import { type Context, Failed } from "../cli.ts";
import type { Target } from "../config/target.ts";
import { count, formatBytes } from "../numbers.ts";
import { connectObserver } from "../observer.ts";
import { startProgress } from "../progress.ts";
import { inTemporaryFolder } from "../temporary-folder.ts";
import { unwritable } from "../unwritable.ts";
import { BackupContents, contentsOf } from "./contents.ts";
import { startEncryption } from "./encryption.ts";
import { type BackupHeader, type BackupRecord, FORMAT, recordOf } from "./format.ts";
import { writeBackup } from "./write.ts";

const TRIES = 5;

export interface BackupOptions {
  file: string;
  target: Target;
  schemas: readonly string[];
  omitSecrets: boolean;
  /** undefined: not encrypted. */
  password: string | undefined;
}

/** Writes the backup and says what is in it. Throws `Failed` when contents were missing, and what connectObserver throws,
 *  TIMEOUT, DISK_FULL, BAD_CONFIG, UNKNOWN_COLLECTION; SEEDING, RESTORING: the datastore is not whole. */
export async function runBackup(options: BackupOptions, context: Context): Promise<void> {
  const file = await mustBeWritable(options.file);
  await inTemporaryFolder(async (dir) => {
    const { snapshots, status } = await readStore(join(dir, "store"), "backup", options.target, context.stop.signal);
    try {
      mustBeWhole(status);
      await write(dir, { ...options, file }, snapshots, status, context);
    } finally {
      snapshots.close();
    }
  });
}

/** The datastore as it is at one revision: a bus that is closed between two pages has not read all of them, and is opened again. `dir`: of
 *  the replica; with one that is there already only what is new is read. */
export async function readStore(
  dir: string,
  purpose: string,
  target: Target,
  signal: AbortSignal,
): Promise<{ snapshots: Snapshots; status: Status }> {
  for (let attempt = 1; ; attempt++) {
    const { bus } = await connectObserver(purpose, { target, dir, signal });
    let status: Status;
    try {
      await catchUp(bus, signal);
      status = bus.status();
    } finally {
      await bus.close();
    }
    const failed = bus.status().warnings.find(({ code }) => code === "SNAPSHOT_FAILED");
    if (failed) throw new FrontsyncError("DISK_FULL", `${failed.message} TMPDIR names the folder for temporary files.`);
    const snapshots = await openSnapshots(dir);
    if (snapshots.settled && snapshots.revision >= status.cursor) return { snapshots, status };
    snapshots.close();
    if (attempt === TRIES)
      throw new FrontsyncError("TIMEOUT", "The datastore changes faster than it can be read. Try again at a quieter time.");
  }
}

async function write(
  dir: string,
  options: BackupOptions,
  snapshots: Snapshots,
  status: Status,
  { output, stop }: Context,
): Promise<void> {
  const { file, omitSecrets, password } = options;
  const { revision } = snapshots;
  const header: BackupHeader = {
    frontsync: "backup",
    format: FORMAT,
    version: VERSION,
    generation: status.generation,
    revision,
    at: new Date(clock.now()).toISOString(),
    withoutSecrets: omitSecrets,
  };
  const [counts, records] = recordsOf(snapshots, options);
  const contents = new BackupContents(contentsOf(snapshots), dir, options.target, stop.signal);
  const encryption = password === undefined ? undefined : await startEncryption(password);
  const progress = startProgress("document", process.stderr, clock.monotonic);
  const onProgress = (done: number) => progress.update(done, snapshots.count);
  const body = { contents: contents.files(), records };
  const written = await writeBackup(file, header, body, { encryption, signal: stop.signal, onProgress })
    .catch((error: unknown) => {
      throw unwritable(file, error);
    })
    .finally(() => progress.end());
  const documents = [...counts.values()].reduce((sum, each) => sum + each.documents, 0);
  const tombstones = count(written.records - documents, "tombstone");
  const withContents = written.contents > 0 ? `, ${count(written.contents, "content")} of resources` : "";
  output.line(
    `${file}: ${count(documents, "document")} and ${tombstones} at revision ${revision}${withContents}, ${formatBytes(written.bytes)}.`,
  );
  if (omitSecrets)
    output.line("Without secrets (--omit-secrets): who has no password where this is restored must be given another one.");
  if (encryption) output.line("Encrypted: without the password nobody can restore it.");
  if (!omitSecrets && !encryption) output.line("It holds the users' password hashes: keep it where nobody else reads it.");
  output.figures({
    ok: contents.missing.length === 0,
    file,
    encrypted: encryption !== undefined,
    ...header,
    ...written,
    documents,
    collections: Object.fromEntries(counts),
    missingContents: contents.missing,
  });
  for (const sha256 of contents.missing)
    output.note(`frontsync: CONTENT_MISSING: The content ${sha256} is not in the datastore, and so not in the backup.`);
  if (contents.missing.length > 0) throw new Failed();
}

/** What is there while a store is filled or restored is a part of the one and a part of the other: it would look like a whole backup, and take the place of
 *  the last one that is. */
function mustBeWhole({ warnings }: Status): void {
  for (const { code, message } of warnings)
    if (code === "SEEDING" || code === "RESTORING")
      throw new FrontsyncError(code, `No backup is made: the datastore is not whole now. ${message}`);
}

type Counts = Map<string, { documents: number; tombstones: number }>;

/** The records, and what has been counted when all of them are read. */
function recordsOf(snapshots: Snapshots, { omitSecrets, schemas: folders }: BackupOptions): [Counts, Iterable<BackupRecord>] {
  const counts: Counts = new Map();
  const schemas = loadSchemas(folders);
  function* records(): Generator<BackupRecord> {
    for (const version of snapshots.versions()) {
      const { collection, body } = version;
      const counted = counts.get(collection) ?? { documents: 0, tombstones: 0 };
      counts.set(collection, counted);
      counted[body === undefined ? "tombstones" : "documents"]++;
      // Never the keys that sessions are signed with: a restore ends all sessions, and whoever finds the file could make some.
      const schema = schemas.collections.get(collection);
      if (omitSecrets && !schema)
        throw new FrontsyncError(
          "UNKNOWN_COLLECTION",
          `Which fields of the collection "${collection}" are secret is not known here: give the folder of its schema (--schemas, or Schema-Folder).`,
        );
      yield recordOf(version, omitSecrets || schema?.access === "system" ? schema : undefined);
    }
  }
  return [counts, records()];
}

/** The file that is written in the end, behind any link. What is no file stays what it is: a rename would put the backup in place of a device. Said before
 *  all is read, and not after. */
async function mustBeWritable(file: string): Promise<string> {
  try {
    const there = await stat(file).catch(() => undefined);
    if (there?.isDirectory()) throw new FrontsyncError("BAD_CONFIG", `${file} is a folder. Name a file in it.`);
    if (there && !there.isFile())
      throw new FrontsyncError("BAD_CONFIG", `${file} is no file: a backup appears as a whole. Name a file.`);
    const behind = there ? await realpath(file) : file;
    await access(dirname(behind), constants.W_OK);
    return behind;
  } catch (error) {
    throw unwritable(file, error);
  }
}
