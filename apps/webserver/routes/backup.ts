/** Backup and restore, for admins. One of them at a time. */
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { finished, pipeline } from "node:stream/promises";
import type { FastifyRequest } from "fastify";
import { type Bus, FrontsyncError, makeFolder, randomId } from "../../../bus/index.ts";
import { RESTORE_MODES, type RestoreMode } from "../backups.ts";
import { describe } from "../openapi.ts";
import type { Area } from "../parts.ts";
import { isAdmin } from "../sessions/authenticate.ts";
import { untilClosed } from "./requests.ts";
import { fileOf } from "./uploads.ts";

const TAG = "backup";
const PATH = "/api/backup";
const PASSWORD = "frontsync-backup-password";
const MAX_BYTES = 2 ** 40;
const RESTORE =
  "Brings a backup back, the field `file`, and ends all sessions. `mode` merge (the default): what is newer stays; replace: everything becomes what the backup has, and what it has not is deleted. The counts of documents are answered.";

export const backupRoutes: Area = (app, { bus, options, backups }) => {
  const turns = new Turns(options.bus.dir);
  const flag = { type: "boolean" };

  app.get(
    PATH,
    {
      config: { streams: true },
      exposeHeadRoute: false,
      schema: describe(TAG, "backup", `One file with everything; encrypted when the header ${PASSWORD} has a password.`, {
        query: { omitSecrets: flag },
        binary: true,
      }),
    },
    async (request, reply) => {
      await checkAdmin(bus, request);
      const omitSecrets = flagOf(request, "omitSecrets");
      const file = await turns.begin();
      const remove = () => rm(file, { force: true });
      try {
        await backups.write(file, { password: passwordOf(request), omitSecrets, signal: untilClosed(reply) });
        const { size } = await stat(file);
        void reply.headers({
          "content-type": "application/octet-stream",
          "content-length": size,
          "content-disposition": 'attachment; filename="frontsync.backup"',
        });
        const content = createReadStream(file);
        // However it ends, the file is of no more use.
        void finished(content).then(remove, remove);
        return await reply.send(content);
      } catch (error) {
        await remove();
        throw error;
      } finally {
        turns.end();
      }
    },
  );

  app.post(
    PATH,
    {
      config: { streams: true },
      schema: describe(TAG, "restore", RESTORE, {
        query: { dryRun: flag, mode: { enum: RESTORE_MODES } },
        consumes: "multipart/form-data",
        body: { type: "object", required: ["file"], properties: { file: { type: "string", format: "binary" } } },
        reply: { type: "object" },
      }),
    },
    async (request, reply) => {
      await checkAdmin(bus, request);
      const [dryRun, mode] = [flagOf(request, "dryRun"), modeOf(request)];
      const file = await turns.begin();
      try {
        await pipeline(await fileOf(request, MAX_BYTES), createWriteStream(file, { mode: 0o600 }));
        // Once begun it goes to its end, whoever waits for it: half a restore keeps everybody out.
        const signal = dryRun ? untilClosed(reply) : new AbortController().signal;
        return await backups.restore(file, { password: passwordOf(request), mode, dryRun, signal });
      } finally {
        await rm(file, { force: true });
        turns.end();
      }
    },
  );
};

/** One at a time; each has a file of its own. */
class Turns {
  readonly #folder: string;
  #taken = false;
  #swept = false;

  constructor(dir: string) {
    this.#folder = join(dir, "backups");
  }

  /** The name of a file that is not there yet. Throws TOO_MANY_REQUESTS. */
  async begin(): Promise<string> {
    if (this.#taken)
      throw new FrontsyncError("TOO_MANY_REQUESTS", "Another backup or restore is under way here: wait for its end.");
    this.#taken = true;
    try {
      // What a crash has left.
      if (!this.#swept) await rm(this.#folder, { recursive: true, force: true });
      this.#swept = true;
      makeFolder(this.#folder);
    } catch (error) {
      this.#taken = false;
      throw error;
    }
    return join(this.#folder, randomId());
  }

  end(): void {
    this.#taken = false;
  }
}

/** Throws NOT_ALLOWED. */
async function checkAdmin(bus: Bus, request: FastifyRequest): Promise<void> {
  if (!(await isAdmin(bus, request))) throw new FrontsyncError("NOT_ALLOWED", "Only an admin may make a backup or restore one.");
}

function flagOf({ query }: FastifyRequest, name: string): boolean {
  const value = (query as Record<string, unknown>)[name] ?? "false";
  if (value === "true" || value === "false") return value === "true";
  throw new FrontsyncError("BAD_MESSAGE", `The parameter '${name}' must be true or false.`, { path: `/${name}` });
}

function modeOf({ query }: FastifyRequest): RestoreMode {
  const { mode = "merge" } = query as Record<string, unknown>;
  const known = RESTORE_MODES.find((name) => name === mode);
  if (known) return known;
  throw new FrontsyncError("BAD_MESSAGE", "The parameter 'mode' must be merge or replace.", { path: "/mode" });
}

function passwordOf({ headers }: FastifyRequest): string | undefined {
  const value = headers[PASSWORD];
  if (value === undefined) return undefined;
  // Headers are bytes: what is not ASCII comes percent-encoded.
  const password = /^[\x20-\x7e]{1,3072}$/.test(String(value)) ? decoded(String(value)) : "";
  if (password !== "") return password;
  throw new FrontsyncError("BAD_MESSAGE", `The header ${PASSWORD} must be a password of ASCII, what is not percent-encoded.`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
