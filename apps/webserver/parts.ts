import type { FastifyInstance } from "fastify";
import type { Bus, Schemas } from "../../bus/index.ts";
import type { Backups } from "./backups.ts";
import type { Events } from "./events/index.ts";
import type { Health } from "./health.ts";
import type { CheckedOptions } from "./options.ts";
import type { Results } from "./search/results.ts";
import type { Searches } from "./search/searches.ts";
import type { Tokens } from "./sessions/tokens.ts";
import type { StatusView } from "./status.ts";

/** What routes work with. */
export interface Parts {
  readonly bus: Bus;
  readonly schemas: Schemas;
  readonly options: CheckedOptions;
  readonly tokens: Tokens;
  readonly health: Health;
  readonly status: StatusView;
  readonly events: Events;
  readonly backups: Backups;
  readonly searches: Searches;
  readonly results: Results;
  /** Waits a moment for what is on its way to this replica. */
  fresh(): Promise<void>;
}

/** One area of the API: adds its routes. */
export type Area = (app: FastifyInstance, parts: Parts) => void;
