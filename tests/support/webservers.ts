/** Webservers for a test, on a deployment of their own, and a client that keeps its cookies as a browser does. */
import { join } from "node:path";
import { startWebserver, type Webserver, type WebserverOptions } from "../../apps/webserver/index.ts";
import { FrontsyncError } from "../../bus/index.ts";
import { freePorts } from "../../scripts/support/free-ports.ts";
import { commandBackups } from "../../scripts/support/webserver/backups.ts";
import { type Deployment, type DeployOptions, deploy, patient } from "./deployment.ts";
import { hashed, plant, QUICK } from "./passwords.ts";
import { makeUser } from "./people.ts";

const PORT_TRIES = 5;
export const PASSWORD = "open it, please";

export interface Web extends AsyncDisposable {
  readonly deployment: Deployment;
  readonly servers: readonly Webserver[];
  /** One more webserver, caught up. */
  open(name: string, options?: Partial<WebserverOptions>): Promise<Webserver>;
  /** One that says where it really is. */
  openReal(name: string, options?: Partial<WebserverOptions>): Promise<Webserver>;
  /** A new user with PASSWORD; the uid. */
  user(name: string, fields?: object): Promise<number>;
}

/** `count` webservers: web1, web2, … */
export async function webservers(count: number, options: Partial<WebserverOptions> = {}, on: DeployOptions = {}): Promise<Web> {
  const deployment = await deploy({ sync: "default", ...on });
  const servers: Webserver[] = [];
  const dispose = async () => {
    await Promise.all(servers.map((server) => server.close()));
    await deployment[Symbol.asyncDispose]();
  };
  const open = async (name: string, own: Partial<WebserverOptions> = {}) => {
    const about = {
      ...{ datastore: deployment.datastore.address, webserver: name, dir: join(deployment.dir, name) },
      ...{ externalAddr: `${name}.test:443`, port: 0, loginsPerMinute: 10_000, updateInterval: 1 },
      ...options,
      ...own,
    };
    const server = await startWebserver(about, { backups: commandBackups(about) });
    servers.push(server);
    await patient(server.bus).caughtUp();
    return server;
  };
  try {
    for (let n = 1; n <= count; n++) await open(`web${n}`);
  } catch (error) {
    await dispose();
    throw error;
  }
  const openReal = async (name: string, own: Partial<WebserverOptions> = {}) => {
    for (let tries = 0; ; tries++) {
      const [port = 0] = await freePorts([0]);
      try {
        return await open(name, { ...own, port, externalAddr: `127.0.0.1:${port}` });
      } catch (error) {
        // Somebody else may have taken the port meanwhile.
        if (tries >= PORT_TRIES || !(error instanceof FrontsyncError) || error.code !== "BAD_CONFIG") throw error;
      }
    }
  };
  const user = async (name: string, fields: object = {}) => {
    const { bus } = servers[0] as Webserver;
    const uid = await makeUser(bus, { user: name, ...fields });
    const revision = await plant(deployment, uid, { password: hashed(PASSWORD, QUICK) });
    await Promise.all(servers.map((server) => server.bus.caughtUp(revision)));
    return uid;
  };
  return { deployment, servers, open, openReal, user, [Symbol.asyncDispose]: dispose };
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

/** Somebody who asks a webserver. */
export class Client {
  readonly #address: string;
  #headers: Record<string, string>;

  constructor({ address }: { address: string }, headers: Record<string, string> = {}) {
    this.#address = address;
    this.#headers = headers;
  }

  /** The same one, at another webserver. */
  at({ address }: { address: string }): Client {
    return new Client({ address }, this.#headers);
  }

  with(headers: Record<string, string>): Client {
    return new Client({ address: this.#address }, { ...this.#headers, ...headers });
  }

  async ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const json = body === undefined || body instanceof FormData ? {} : { "content-type": "application/json" };
    const response = await fetch(`${this.#address}${path}`, {
      method,
      headers: { ...json, ...this.#headers },
      ...(body !== undefined && { body: body instanceof FormData ? body : JSON.stringify(body) }),
      redirect: "manual",
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : { text }) as T };
  }

  /** What it sends with each request. */
  get headers(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  /** Logs in; from then on this client carries the token. */
  async login(User: string, Pass = PASSWORD): Promise<Answer> {
    const answer = await this.ask("POST", "/api/login", { User, Pass });
    if (answer.status === 200) this.#headers = { ...this.#headers, authorization: `Bearer ${answer.body.JWT}` };
    return answer;
  }
}

/** The cookie that an answer sets, as a request sends it back. */
export function cookieOf({ headers }: Answer): string {
  return headers
    .getSetCookie()
    .map((cookie) => cookie.split(";", 1)[0])
    .join("; ");
}
