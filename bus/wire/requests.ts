/** Requests and their answers over one inbox. The client has its own, which costs an error object with its stack and two timers for each
 *  request, and lets requests run into their timeouts when the connection breaks; here they fail at once. */
import { FrontsyncError } from "../../schemas/errors.ts";

interface Waiting {
  resolve(message: unknown): void;
  reject(error: FrontsyncError): void;
  timer: NodeJS.Timeout;
}

export class Requests<M> {
  readonly #waiting = new Map<string, Waiting>();
  /** `<inbox prefix>.<of this connection>.`; a request's token follows. */
  readonly prefix: string;
  #next = 0;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** Sends by `publish(reply)` and waits. Throws TIMEOUT; what `publish` throws; what `fail` is called with. */
  send(publish: (reply: string) => void, subject: string, timeoutMs: number): Promise<M> {
    const token = (this.#next++).toString(36);
    return new Promise<M>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(token);
        reject(new FrontsyncError("TIMEOUT", `No answer on '${subject}' within ${Math.round(timeoutMs)} ms.`));
      }, timeoutMs);
      this.#waiting.set(token, { resolve: resolve as (message: unknown) => void, reject, timer });
      try {
        publish(this.prefix + token);
      } catch (error) {
        clearTimeout(timer);
        this.#waiting.delete(token);
        reject(error);
      }
    });
  }

  /** An answer has come. `error`: instead of it. */
  answer(replySubject: string, message: M, error?: FrontsyncError): void {
    const token = replySubject.slice(this.prefix.length);
    const waiting = this.#waiting.get(token);
    if (!waiting) return; // too late
    this.#waiting.delete(token);
    clearTimeout(waiting.timer);
    if (error) waiting.reject(error);
    else waiting.resolve(message);
  }

  /** The connection broke: whether the requests under way arrived is not known. */
  fail(): void {
    for (const [token, { reject, timer }] of [...this.#waiting]) {
      this.#waiting.delete(token);
      clearTimeout(timer);
      reject(new FrontsyncError("TIMEOUT", "The connection to the datastore broke before an answer came."));
    }
  }
}
