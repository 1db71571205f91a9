/** A NATS that somebody else runs: looks whether it can be used, so that the fault is told at once and not by every handler. */
import { within } from "../../bus/platform/deadline.ts";
import { Connection, type ConnectionEvent } from "../../bus/wire/nats.ts";
import { inboxPrefix } from "../../bus/wire/subjects.ts";
import type { TlsOptions } from "../../bus/wire/tls.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

const PROBE_MS = 5000;

export interface GivenNats {
  server: string;
  user: string;
  password: string;
  tls?: TlsOptions | undefined;
}

/** Throws DATASTORE_UNREACHABLE, AUTH_REFUSED, or BAD_CONFIG when it has no JetStream. */
export async function checkGivenNats({ server: address, user, password, tls }: GivenNats): Promise<void> {
  let last: { event: ConnectionEvent; detail: string } | undefined;
  const options = { servers: [address], user, password, inboxPrefix: inboxPrefix("probe"), name: "frontsync probe", tls };
  const connection = new Connection(options, (event, detail) => {
    last = { event, detail };
  });
  try {
    await within(connection.open(), "Connecting", { timeoutMs: PROBE_MS });
    if (!connection.info.jetstream) {
      throw new FrontsyncError(
        "BAD_CONFIG",
        `The NATS at ${address} runs without JetStream: start it with a jetstream block, or with -js.`,
      );
    }
  } catch (error) {
    if (!(error instanceof FrontsyncError) || error.code !== "TIMEOUT") throw error;
    if (last?.event === "refused") {
      throw new FrontsyncError(
        "AUTH_REFUSED",
        `The NATS at ${address} refuses the user '${user}': ${last.detail}. Give it Control-Auth as this user's password.`,
      );
    }
    throw new FrontsyncError(
      "DATASTORE_UNREACHABLE",
      `No NATS answers at ${address} (${last?.detail ?? "no answer"}). Start it, or correct the address.`,
    );
  } finally {
    await connection.close();
  }
}
