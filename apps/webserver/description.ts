/** The API's description, without a webserver. */
import type { Bus, Schemas } from "../../bus/index.ts";
import { buildApp } from "./app.ts";
import type { Backups } from "./backups.ts";
import type { Events } from "./events/index.ts";
import type { Health } from "./health.ts";
import { checkOptions } from "./options.ts";
import type { Results } from "./search/results.ts";
import type { Searches } from "./search/searches.ts";
import type { Tokens } from "./sessions/tokens.ts";
import type { StatusView } from "./status.ts";

/** As /api/openapi.json answers it. */
export async function describeApi(schemas: Schemas): Promise<object> {
  const options = checkOptions({ datastore: "127.0.0.1", webserver: "description", dir: ".", externalAddr: "127.0.0.1" });
  // Nobody asks this application anything: its routes work with nothing.
  const app = await buildApp({
    schemas,
    options,
    bus: {} as Bus,
    tokens: {} as Tokens,
    health: {} as Health,
    status: {} as StatusView,
    events: {} as Events,
    backups: {} as Backups,
    searches: {} as Searches,
    results: {} as Results,
    fresh: async () => {},
  });
  try {
    return app.swagger();
  } finally {
    await app.close();
  }
}
