/** The load balancer: a reverse proxy in front of the webservers, which needs no list of them. */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { type Bus, connectBus, FrontsyncError, loadSchemas, makeFolder, randomId, writeAtomically } from "../../bus/index.ts";
import { createRedirector, REDIRECTION } from "../http/redirect.ts";
import { closeServer, createServer, listen } from "../http/server.ts";
import { renewTls } from "../http/tls.ts";
import { followDrains } from "../webserver/drains.ts";
import { KeptList } from "./kept-list.ts";
import { type CheckedOptions, checkOptions, type LoadbalancerOptions } from "./options.ts";
import { ReverseProxy } from "./proxy.ts";
import { Roster } from "./roster.ts";
import { HEALTH_PATH, type Status, serveHealth, serveStatus, statusOf } from "./status.ts";
import { Stickiness } from "./stickiness.ts";
import { trustIn } from "./trust.ts";

export type { LoadbalancerOptions } from "./options.ts";
export type { RosterEvent } from "./roster.ts";

/** For the first answers of the webservers of the kept list, and for the datastore's, ms. */
const FIRST_MS = 5000;
const ID_CHARS = 12;

export interface Loadbalancer extends AsyncDisposable {
  /** Where users reach it: `http://host:port`, or https. */
  readonly address: string;
  /** Where its status is, and where users are sent to HTTPS; undefined: nowhere. */
  readonly statusAddress: string | undefined;
  readonly redirectAddress: string | undefined;
  /** undefined: it asks no datastore. */
  readonly bus: Bus | undefined;
  status(): Status;
  /** Takes a renewed certificate from its files; connections that are there stay. Whether there is another one. Throws BAD_CONFIG; then the one
   *  before stays. */
  renewCertificate(): boolean;
  /** Says for `drainSeconds` that it should get no users, finishes what is under way, and closes. Idempotent. */
  close(): Promise<void>;
}

/** Resolves when it listens, also without a datastore; then it knows the webservers that it had last. Throws BAD_CONFIG, also for a port that is
 *  taken; DIR_IN_USE. */
export async function startLoadbalancer(given: LoadbalancerOptions): Promise<Loadbalancer> {
  const options = checkOptions(given);
  const trusts = trustIn(options.trustedProxies);
  makeFolder(options.dir);
  const id = idIn(options.dir);
  const via = `frontsync-${randomId()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "")
    .slice(0, ID_CHARS)}`;
  const bus =
    options.bus &&
    (await connectBus({ ...options.bus, webserver: `balancer-${id}`, dir: join(options.dir, "bus"), resources: "lazy" }));
  const roster = new Roster({ fixed: options.fixed, tls: options.upstreamTls, via, onEvent: options.onEvent });
  const balancer = new Balancer(options, { bus, roster, via, trusts });
  try {
    await balancer.open();
    return balancer;
  } catch (error) {
    await balancer.close();
    throw error;
  }
}

interface Parts {
  bus: Bus | undefined;
  roster: Roster;
  via: string;
  trusts: (address: string) => boolean;
}

class Balancer implements Loadbalancer {
  readonly #options: CheckedOptions;
  readonly #parts: Parts;
  readonly #stop = new AbortController();
  readonly #main: Server;
  readonly #others: Server[] = [];
  #unsubscribe = () => {};
  #closing: Promise<void> | undefined;
  #draining = false;
  address = "";
  statusAddress: string | undefined;
  redirectAddress: string | undefined;

  constructor(options: CheckedOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    const { roster, via, trusts } = parts;
    const { accessLog, sessionTimeoutMinutes } = options;
    const proxy = new ReverseProxy({ roster, stickiness: new Stickiness(sessionTimeoutMinutes), via, trusts, accessLog });
    this.#main = createServer(
      {
        serve: (request, response) => {
          if (this.#draining) response.setHeader("connection", "close");
          if (request.url === HEALTH_PATH) serveHealth(this.status(), request, response);
          else void proxy.serve(request, response);
        },
        upgrade: (request, socket, head) => void proxy.upgrade(request, socket, head),
      },
      options.files,
    );
  }

  get bus(): Bus | undefined {
    return this.#parts.bus;
  }

  async open(): Promise<void> {
    const { bus, roster } = this.#parts;
    const { listen: host, port, redirectPort, status } = this.#options;
    if (bus) await this.#follow(bus);
    await roster.askAll();
    this.address = await listen(this.#main, host, port, "The load balancer");
    if (redirectPort !== undefined)
      this.redirectAddress = await listen(this.#also(createRedirector(this.#main)), host, redirectPort, REDIRECTION);
    if (status)
      this.statusAddress = await listen(this.#also(serveStatus(() => this.status())), status.host, status.port, "The status");
  }

  /** One more server that is closed with this one. */
  #also(server: Server): Server {
    this.#others.push(server);
    return server;
  }

  /** The kept list counts until the datastore says more. */
  async #follow(bus: Bus): Promise<void> {
    const { roster } = this.#parts;
    const kept = new KeptList(this.#options.dir);
    roster.recall(kept.read(loadSchemas()));
    const hear = () => roster.hear(bus.status(), kept);
    this.#unsubscribe = bus.onStatus(hear);
    void followDrains(bus, (webservers) => roster.drain(webservers), this.#stop.signal);
    await bus.caughtUp(null, { timeoutMs: FIRST_MS, signal: this.#stop.signal }).catch(() => {});
    hear();
  }

  status(): Status {
    return statusOf({ ...this.#parts, draining: this.#draining });
  }

  renewCertificate(): boolean {
    return renewTls(this.#main);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { bus, roster } = this.#parts;
    this.#draining = true;
    if (this.#main.listening) await new Promise((done) => setTimeout(done, this.#options.drainSeconds * 1000));
    const closed = Promise.all([this.#main, ...this.#others].map((server) => closeServer(server)));
    // They have no end of their own; their clients come again, to another load balancer.
    for (const backend of roster.backends) backend.endStreams();
    await closed;
    this.#stop.abort();
    this.#unsubscribe();
    roster.close();
    await bus?.close();
  }
}

/** This balancer's id among those who speak with the datastore: the same after a restart. Throws BAD_CONFIG. */
function idIn(dir: string): string {
  const file = join(dir, "balancer-id");
  try {
    const kept = readFileSync(file, "utf8").trim();
    if (/^[A-Za-z0-9_-]{1,32}$/.test(kept)) return kept;
    throw new FrontsyncError("BAD_CONFIG", `${file} holds no id. Remove it: another one is made.`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const made = randomId().slice(0, ID_CHARS);
  writeAtomically(file, `${made}\n`);
  return made;
}
