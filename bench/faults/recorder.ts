/** Keeps the history: in memory for the checker, and in a file, one JSON object a line. */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Entry } from "./check/history.ts";

const FLUSH_BYTES = 256 * 1024;

export class Recorder {
  readonly entries: Entry[] = [];
  readonly #descriptor: number;
  /** Operations that were acknowledged, so far. */
  acknowledged = 0;
  #waiting = "";
  #ops = 0;

  constructor(file: string) {
    this.#descriptor = openSync(file, "w", 0o600);
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    if (entry.type === "ok") this.acknowledged++;
    this.#waiting += `${JSON.stringify(entry)}\n`;
    if (this.#waiting.length > FLUSH_BYTES) this.#flush();
  }

  /** A number for the next operation. */
  nextOp(): number {
    return ++this.#ops;
  }

  close(): void {
    this.#flush();
    closeSync(this.#descriptor);
  }

  #flush(): void {
    writeSync(this.#descriptor, this.#waiting);
    this.#waiting = "";
  }
}

/** A history as it was written. */
export function readHistory(file: string): Entry[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Entry);
}
