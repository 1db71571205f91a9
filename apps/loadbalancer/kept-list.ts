/** The webservers that the datastore last told of, on the balancer's own disk. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { log, type Schemas, type WebserversRecord, writeAtomically } from "../../bus/index.ts";

export type Listed = WebserversRecord["webservers"][number];

export class KeptList {
  readonly #file: string;
  #written = "";

  constructor(dir: string) {
    this.#file = join(dir, "webservers.json");
  }

  /** What was kept; nothing when there is no file, or a damaged one: the datastore tells it again. */
  read(schemas: Schemas): readonly Listed[] {
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch {
      return [];
    }
    try {
      const { webservers } = schemas.read("webservers.record", text);
      this.#written = text;
      return webservers;
    } catch (error) {
      log.warn({ err: error, file: this.#file }, "the kept list of webservers is damaged, and not used");
      return [];
    }
  }

  /** Writes it when it has changed. A disk that is full keeps the one before. */
  write(webservers: Listed[]): void {
    const text = JSON.stringify({ webservers } satisfies WebserversRecord);
    if (text === this.#written) return;
    try {
      writeAtomically(this.#file, text);
      this.#written = text;
    } catch (error) {
      log.warn({ err: error, file: this.#file }, "the list of webservers could not be kept");
    }
  }
}
