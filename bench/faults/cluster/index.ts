/** All that is under test in one round: a datastore with two handlers, three webservers, each behind a proxy of its own. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { until } from "../clock.ts";
import type { Recorder } from "../recorder.ts";
import { Datastore } from "./datastore.ts";
import { CutProxy } from "./proxy.ts";
import { Volume } from "./volume.ts";
import { Webserver } from "./webserver.ts";

export const WEBSERVERS = ["web1", "web2", "web3"];
const HANDLERS = 2;
const IN_STEP_MS = 120_000;
/** Seconds between check-ins: a lost message must not wait for longer than a round. */
const UPDATE_INTERVAL_S = 0.5;

export interface ClusterOptions {
  folder: string;
  recorder: Recorder;
  collections: readonly string[];
  sync: "always" | "default";
  broken: string | undefined;
  /** Whose folders are file systems of their own: names of webservers, and `datastore`. */
  volumes: ReadonlySet<string>;
}

export class Cluster {
  readonly datastore: Datastore;
  readonly webservers: Webserver[] = [];
  readonly #options: ClusterOptions;
  readonly #volumes: Volume[] = [];
  readonly #proxies: CutProxy[] = [];
  #newcomer: Webserver | undefined;
  #memory: Promise<unknown> = Promise.resolve();

  private constructor(options: ClusterOptions) {
    this.#options = options;
    const { folder, sync } = options;
    const order = { dir: join(folder, "datastore", "store"), handlers: HANDLERS, sync };
    this.datastore = new Datastore(folder, order, this.#volumeFor("datastore"));
  }

  /** Resolves when all of them are in step. Throws what keeps one of them from starting. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      for (const name of WEBSERVERS) cluster.webservers.push(await cluster.#webserver(name));
      await Promise.all([cluster.datastore, ...cluster.webservers].map((one) => one.start()));
      const inStep = await until(IN_STEP_MS, () => cluster.webservers.every(({ status }) => status?.state === "synced"));
      if (!inStep) throw new Error(`the webservers were not in step within ${IN_STEP_MS} ms, before any fault`);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Waits until nobody else is at work that makes webservers forget, or that needs what they remember. */
  withMemory<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#memory.then(work);
    this.#memory = done.catch(() => {});
    return done;
  }

  /** One more will come. */
  async expect(name: string): Promise<void> {
    this.#newcomer = await this.#webserver(name);
    this.#newcomer.warm();
  }

  /** It comes, and has nothing yet. */
  async join(): Promise<void> {
    if (!this.#newcomer) throw new Error("nobody is expected");
    this.webservers.push(this.#newcomer);
    await this.#newcomer.start();
  }

  /** One that is there for a while, and that nobody else asks. */
  async withGuest(name: string, work: (guest: Webserver) => Promise<void>): Promise<void> {
    const guest = await this.#webserver(name);
    try {
      await guest.start();
      await until(IN_STEP_MS, () => guest.status?.state === "synced");
      await work(guest);
      await guest.close();
    } finally {
      await guest.kill();
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.webservers, this.#newcomer, this.datastore].map((one) => one?.stop()));
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    for (const volume of this.#volumes) volume.remove();
  }

  async #webserver(webserver: string): Promise<Webserver> {
    const { folder, collections, recorder, broken } = this.#options;
    const proxy = await CutProxy.start(() => this.datastore.port);
    this.#proxies.push(proxy);
    const volume = this.#volumeFor(webserver);
    const dir = join(folder, webserver, "replica");
    const datastore = `127.0.0.1:${proxy.port}`;
    const order = { datastore, webserver, dir, updateInterval: UPDATE_INTERVAL_S, collections, broken };
    return new Webserver(folder, order, { recorder, proxy, volume });
  }

  #volumeFor(name: string): Volume | undefined {
    const { folder, volumes } = this.#options;
    mkdirSync(join(folder, name), { recursive: true });
    if (!volumes.has(name)) return undefined;
    const volume = Volume.make(join(folder, name));
    this.#volumes.push(volume);
    return volume;
  }
}
