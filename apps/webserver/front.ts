/** Where users connect: the application's server, and the one beside it that sends them from HTTP to HTTPS. */
import type { Server } from "node:http";
import type { FastifyInstance } from "fastify";
import { LAST_ANSWERS_MS } from "../http/limits.ts";
import type { Listening } from "../http/options.ts";
import { createRedirector, REDIRECTION } from "../http/redirect.ts";
import { closeServer, listen } from "../http/server.ts";
import { renewTls } from "../http/tls.ts";

export class Front {
  readonly #app: FastifyInstance;
  readonly #options: Listening;
  readonly #redirector: Server;
  address = "";
  redirectAddress: string | undefined;

  constructor(app: FastifyInstance, options: Listening) {
    this.#app = app;
    this.#options = options;
    this.#redirector = createRedirector(app.server);
  }

  /** Throws BAD_CONFIG. */
  async open(): Promise<void> {
    const { listen: host, port, redirectPort } = this.#options;
    this.address = await listen(this.#app.server, host, port, "The webserver", (at) => this.#app.listen(at));
    if (redirectPort !== undefined) this.redirectAddress = await listen(this.#redirector, host, redirectPort, REDIRECTION);
  }

  renewCertificate(): boolean {
    return renewTls(this.#app.server);
  }

  /** Answers under way have 10 s. */
  async close(): Promise<void> {
    const cut = setTimeout(() => this.#app.server.closeAllConnections(), LAST_ANSWERS_MS);
    try {
      await Promise.all([this.#app.close(), closeServer(this.#redirector)]);
    } finally {
      clearTimeout(cut);
    }
  }
}
