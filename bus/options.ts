/** The options of connectBus, checked. */
import { resolve } from "node:path";
import { isObject } from "../schemas/document.ts";
import { FrontsyncError } from "../schemas/errors.ts";
import { schemaFolders } from "../schemas/index.ts";
import type { BusOptions } from "./api.ts";
import { checkInterval } from "./check-in.ts";
import { checkControlAuth, DEFAULT_CONTROL_AUTH, parseAddress } from "./wire/address.ts";
import { WEBSERVER_ID } from "./wire/subjects.ts";
import { checkTls, type TlsOptions } from "./wire/tls.ts";

const DEFAULT_INTERVAL_S = 10;
const MAX_ADDR = 512;
const DEFAULT_OUTBOX_BYTES = 4 * 1024 ** 3;
/** Users of the embedded nats-server's own. */
const RESERVED = ["functions", "auth"];

export interface CheckedOptions {
  servers: readonly string[];
  webserver: string;
  dir: string;
  externalAddr: string | undefined;
  updateInterval: number;
  controlAuth: string;
  tls: TlsOptions | undefined;
  schemas: readonly string[];
  /** Contents of resources come before somebody asks for them. */
  eager: boolean;
  /** Bytes of contents that may wait for the datastore. */
  resourceOutboxMaxBytes: number;
}

/** Throws BAD_CONFIG that names the option. */
export function checkOptions(options: BusOptions): CheckedOptions {
  if (!isObject(options))
    throw new FrontsyncError("BAD_CONFIG", "connectBus needs options: at least `datastore`, `webserver` and `dir`.");
  const {
    datastore,
    webserver,
    dir,
    externalAddr,
    updateInterval = DEFAULT_INTERVAL_S,
    controlAuth = DEFAULT_CONTROL_AUTH,
    tls,
    schemas,
    resources = "eager",
    resourceOutboxMaxBytes = DEFAULT_OUTBOX_BYTES,
  } = options;
  const addresses = typeof datastore === "string" ? [datastore] : datastore;
  if (!Array.isArray(addresses) || addresses.length === 0)
    throw new FrontsyncError("BAD_CONFIG", "`datastore` is missing: host[:9405] of the datastore.");
  if (typeof webserver !== "string" || !WEBSERVER_ID.test(webserver)) {
    throw new FrontsyncError(
      "BAD_CONFIG",
      `\`webserver\` must be 1 to 64 characters of [A-Za-z0-9_-], not ${JSON.stringify(webserver)}.`,
    );
  }
  if (RESERVED.includes(webserver))
    throw new FrontsyncError("BAD_CONFIG", `\`webserver\` can't be "${webserver}": the datastore itself has this name.`);
  if (typeof dir !== "string" || dir === "")
    throw new FrontsyncError("BAD_CONFIG", "`dir` is missing: a folder for the local replica.");
  if (externalAddr !== undefined && (typeof externalAddr !== "string" || externalAddr === "" || externalAddr.length > MAX_ADDR)) {
    throw new FrontsyncError("BAD_CONFIG", `\`externalAddr\` must be an address of 1 to ${MAX_ADDR} characters.`);
  }
  if (resources !== "eager" && resources !== "lazy")
    throw new FrontsyncError("BAD_CONFIG", `\`resources\` must be "eager" or "lazy", not ${JSON.stringify(resources)}.`);
  if (!Number.isSafeInteger(resourceOutboxMaxBytes) || resourceOutboxMaxBytes < 0)
    throw new FrontsyncError(
      "BAD_CONFIG",
      `\`resourceOutboxMaxBytes\` must be a number of bytes, 0 or more, not ${JSON.stringify(resourceOutboxMaxBytes)}.`,
    );
  return {
    resourceOutboxMaxBytes,
    eager: resources === "eager",
    servers: addresses.map(parseAddress),
    webserver,
    dir: resolve(dir),
    externalAddr,
    updateInterval: checkInterval(updateInterval),
    controlAuth: checkControlAuth(controlAuth),
    tls: checkTls(tls),
    schemas: schemaFolders(schemas),
  };
}
