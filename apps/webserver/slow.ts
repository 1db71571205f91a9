/** Slow clients: how long each part of a request may take. */
import { Transform, type TransformCallback } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Its body, or its answer, may be long, and take as long as bytes go on coming. */
    streams?: true;
  }
}

const STREAM_IDLE_MS = 30 * 60_000;
/** Of a body that is read as a whole, ms. */
const BODY_MS = 30_000;

/** A body that comes byte by byte would hold its connection, and what is read of it, for ever. */
export function limitBodies(app: FastifyInstance, bodyMs = BODY_MS): void {
  app.addHook("preParsing", async (request, _reply, payload) => {
    // What is fetched or made first takes longer than a client may be silent otherwise.
    if (request.routeOptions.config.streams) request.raw.socket.setTimeout(STREAM_IDLE_MS);
    if (request.routeOptions.config.streams || !hasBody(request)) return payload;
    const timed = new TimedBody(bodyMs);
    payload.on("error", (error) => timed.destroy(error));
    // Whoever reads it is told, too; nobody may be reading.
    timed.on("error", () => {});
    return payload.pipe(timed);
  });
}

function hasBody({ method, headers }: FastifyRequest): boolean {
  return (
    method !== "GET" &&
    method !== "HEAD" &&
    (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined)
  );
}

class TimedBody extends Transform {
  /** Of what came over the wire: the framework compares it with Content-Length. */
  receivedEncodedLength = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    super();
    this.#timer = setTimeout(() => this.destroy(new SlowBody(ms)), ms);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.receivedEncodedLength += chunk.length;
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    clearTimeout(this.#timer);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    done(error);
  }
}

class SlowBody extends Error {
  readonly statusCode = 408;

  constructor(ms: number) {
    super(`The body did not come within ${ms} ms.`);
  }
}
