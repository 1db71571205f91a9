/** Does what commands ask for of the folder that this process works in. They reach it by HTTP over a Unix socket, in a folder of its own that only the
 *  user who runs the webserver may enter: whoever may write the webserver's files may ask for a change of them, and nobody else. */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { asFrontsyncError, FrontsyncError } from "../schemas/errors.ts";
import type { Schemas } from "../schemas/index.ts";
import type { DeadLettersReply } from "../schemas/types.ts";
import type { DeadLetter } from "./api.ts";
import { type DeadLetters, lettersNamed } from "./dead-letters.ts";
import { makeFolder } from "./platform/files.ts";
import { log } from "./platform/log.ts";
import { inOrder } from "./resources/window.ts";

const FOLDER = "control";
/** What the systems allow for the path of a socket: the smaller of Linux's 107 and macOS's 103. */
const MAX_PATH_BYTES = 103;
/** 10,000 mutations. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const REQUEST_MS = 10_000;
const MAX_CONNECTIONS = 8;
/** Dead letters that are on their way at once. */
const WIDTH = 64;

/** Where the process that works in a folder listens, from that folder on. */
export const CONTROL_SOCKET = join(FOLDER, "socket");

export function controlSocket(dir: string): string {
  return join(dir, CONTROL_SOCKET);
}

export interface ControlParts {
  dir: string;
  schemas: Schemas;
  letters: DeadLetters;
}

export class Control {
  readonly #parts: ControlParts;
  readonly #server: Server;

  /** The folder must be locked: a socket that is there was left by a process that died. Where there can be none, it is logged, and commands
   *  say so. */
  constructor(parts: ControlParts) {
    this.#parts = parts;
    this.#server = createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAlive: false },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.unref();
    const cannot = (error: unknown) => log.warn({ err: error, dir: parts.dir }, "commands can't reach this webserver");
    this.#server.on("error", cannot);
    try {
      this.#listen();
    } catch (error) {
      cannot(error);
    }
  }

  /** What is under way is not answered any more; it may have been done. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #listen(): void {
    const path = controlSocket(this.#parts.dir);
    // Node would cut it off without a word.
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new Error(`${path} is longer than ${MAX_PATH_BYTES} bytes.`);
    const folder = join(this.#parts.dir, FOLDER);
    makeFolder(folder);
    chmodSync(folder, 0o700);
    rmSync(path, { force: true });
    this.#server.listen(path);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => response.destroy());
    const say = (reply: DeadLettersReply) => void response.write(`${JSON.stringify(reply)}\n`);
    try {
      const wish = this.#parts.schemas.read("dead-letters.request", await bodyOf(request));
      await this.#fulfil(wish, (reply) => {
        // Whoever asked has gone: the rest was not asked for any more.
        if (response.destroyed) throw new FrontsyncError("CLOSED", "The command went away.");
        say(reply);
      });
    } catch (thrown) {
      const { code, message } = asFrontsyncError(thrown);
      log.warn({ code, reason: message }, "what a command asked for was not done");
      say({ kind: "error", code, message });
    }
    response.end();
  }

  async #fulfil(
    { do: what, mutations }: { do: "retry" | "discard"; mutations: "all" | readonly string[] },
    say: (reply: DeadLettersReply) => void,
  ): Promise<void> {
    const { letters } = this.#parts;
    const meant = lettersNamed(letters.list, mutations);
    log.info({ do: what, letters: meant.length }, "a command asks for it");
    say({ kind: "meant", count: meant.length });
    await inOrder(meant.length, WIDTH, (n) => this.#one(what, meant[n] as DeadLetter), say);
    say({ kind: "end", count: letters.list.length });
  }

  async #one(what: "retry" | "discard", letter: DeadLetter): Promise<DeadLettersReply> {
    const { mutationId: mutation, collection, id } = letter;
    const { letters } = this.#parts;
    try {
      const written = what === "retry" ? await letters.retry(letter) : await letters.discard(letter);
      return { kind: "done", mutation, collection, id, ...(written && { revision: written.revision }) };
    } catch (thrown) {
      const { code, message } = asFrontsyncError(thrown);
      return { kind: "refused", mutation, collection, id, code, message };
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_REQUEST_BYTES)
      throw new FrontsyncError("TOO_LARGE", `A request has at most ${MAX_REQUEST_BYTES} bytes.`, { limit: MAX_REQUEST_BYTES });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
