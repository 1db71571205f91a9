/** Rows that a replica gives up are kept in a file beside it, one JSON line each: nothing goes without a trace. */
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { clock } from "../platform/clock.ts";
import type { Row } from "./row.ts";

/** What waits to be written, bytes. */
const MAX_WAITING = 1024 * 1024;

export class Recovery {
  readonly file: string;
  #waiting: string[] = [];
  #bytes = 0;

  constructor(dir: string) {
    this.file = join(dir, "recovery.jsonl");
  }

  /** It is on disk after `flush`. Throws what the file system says. */
  keep(collection: string, { id, headers, body }: Pick<Row, "id" | "headers" | "body">): void {
    const line = `${JSON.stringify({ setAside: new Date(clock.now()).toISOString(), collection, id, headers, body })}\n`;
    this.#waiting.push(line);
    this.#bytes += line.length;
    if (this.#bytes > MAX_WAITING) this.flush();
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    const file = openSync(this.file, "a", 0o600);
    try {
      for (const line of this.#waiting) writeSync(file, line);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    this.#waiting = [];
    this.#bytes = 0;
  }
}
