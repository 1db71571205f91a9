/** The reference webserver: a bus, and the HTTP API on it. */
import { join } from "node:path";
import { type Bus, connectBus, FrontsyncError, loadSchemas } from "../../bus/index.ts";
import { buildApp } from "./app.ts";
import type { Backups } from "./backups.ts";
import { followDrains } from "./drains.ts";
import { Events } from "./events/index.ts";
import { Front } from "./front.ts";
import { Health } from "./health.ts";
import { checkOptions, type WebserverOptions } from "./options.ts";
import { Peers } from "./search/peers.ts";
import { Results } from "./search/results.ts";
import { Searches } from "./search/searches.ts";
import { ResultStore } from "./search/store.ts";
import { sessionsOf } from "./sessions/authenticate.ts";
import { freshOf } from "./sessions/fresh.ts";
import { SigningKeys } from "./sessions/keys.ts";
import { Tokens } from "./sessions/tokens.ts";
import { StatusView } from "./status.ts";

export type { WebserverOptions } from "./options.ts";

/** A key is published so long before it signs, ms: longer than a webserver may be behind without saying that it should get no users. */
const KEY_LEAD_MS = 5 * 60_000;

export interface Webserver extends AsyncDisposable {
  /** Where it listens: `http://host:port`, or https. */
  readonly address: string;
  /** Where users are sent to HTTPS; undefined: nowhere. */
  readonly redirectAddress: string | undefined;
  readonly bus: Bus;
  /** Takes a renewed certificate from its files; connections that are there stay. Whether there is another one. Throws BAD_CONFIG; then the one
   *  before stays. */
  renewCertificate(): boolean;
  /** Says that it should get no users, for `drainSeconds`; then finishes what it is answering, and closes the bus. Idempotent. */
  close(): Promise<void>;
}

/** What a webserver can't do by itself. */
export interface Services {
  /** Without them /api/backup answers 501. */
  backups?: Backups;
}

/** Opens the bus in `dir` and listens. Resolves also without a datastore. Throws BAD_CONFIG, also for a port that is taken; DIR_IN_USE. */
export async function startWebserver(given: WebserverOptions, { backups = NO_BACKUPS }: Services = {}): Promise<Webserver> {
  const options = checkOptions(given);
  const bus = await connectBus(options.bus);
  const keys = new SigningKeys(bus, { sessionMs: options.sessionTimeoutMinutes * 60_000, leadMs: KEY_LEAD_MS });
  const { webserver } = options.bus;
  const health = new Health(bus, webserver);
  const status = new StatusView(bus, health, options.bus);
  const events = new Events({ bus, status, counts: sessionsOf(bus, webserver) });
  const fresh = freshOf(bus);
  const tokens = new Tokens(keys, fresh);
  const store = new ResultStore(join(options.bus.dir, "results"), options.resultsMaxSize);
  const searches = new Searches(bus, store, {
    ...{ logs: options.logs, webserver, maxBytes: options.resultMaxSize, keepHours: options.resultKeepHours },
  });
  const drains = new AbortController();
  let front: Front | undefined;
  let serves = false;
  let closing: Promise<void> | undefined;
  const shut = async () => {
    drains.abort();
    health.stopping = true;
    bus.setDraining(true);
    events.statusChanged();
    if (serves) await drain(options.drainSeconds);
    events.close();
    await front?.close();
    await searches.close();
    keys.close();
    await bus.close();
  };
  const close = () => (closing ??= shut());
  try {
    status.start();
    keys.start();
    searches.start();
    const onDrains = (drained: ReadonlySet<string>) => {
      health.drained = drained.has(webserver);
      bus.setDraining(health.draining);
      events.statusChanged();
    };
    void followDrains(bus, onDrains, drains.signal);
    const app = await buildApp({
      bus,
      schemas: loadSchemas(options.bus.schemas),
      options,
      tokens,
      health,
      status,
      events,
      backups,
      searches,
      results: new Results({
        bus,
        webserver,
        store,
        searches,
        peers: new Peers(bus, tokens, { secure: options.files !== undefined, skipVerify: options.peersSkipTlsVerify }),
        fresh,
      }),
      fresh,
    });
    const opened = new Front(app, options);
    front = opened;
    await opened.open();
    serves = true;
    const { address, redirectAddress } = opened;
    const renewCertificate = () => opened.renewCertificate();
    return { address, redirectAddress, bus, renewCertificate, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

const none = async () => {
  throw new FrontsyncError("UNKNOWN_CALL", "This webserver was started without backups.");
};
const NO_BACKUPS: Backups = { write: none, restore: none };

async function drain(seconds: number): Promise<void> {
  if (seconds > 0) await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
