/** What makes it unsafe to be reached from other machines. */
import { DEFAULT_CONTROL_AUTH, isLoopback } from "../../../bus/wire/address.ts";
import { FrontsyncError } from "../../../schemas/errors.ts";
import type { Settings } from "./index.ts";

type Exposed = Pick<
  Settings,
  "datastoreListenAddress" | "datastoreNats" | "controlAuth" | "keyFile" | "certificateFile" | "datastoreInsecureDisableTls"
>;

/** Why a datastore with these settings must not start, and what to do: one sentence or two for each reason. */
export function dangers(settings: Exposed): string[] {
  const {
    datastoreListenAddress: listen,
    datastoreNats,
    controlAuth,
    keyFile,
    certificateFile,
    datastoreInsecureDisableTls,
  } = settings;
  const found: string[] = [];
  if ((keyFile === undefined) !== (certificateFile === undefined))
    found.push(`${keyFile ? "Key-File" : "Certificate-File"} needs ${keyFile ? "Certificate-File" : "Key-File"} beside it.`);
  if (datastoreNats !== undefined || isLoopback(listen)) return found;
  if (controlAuth === DEFAULT_CONTROL_AUTH)
    found.push(
      `the well-known default of Control-Auth is no secret: set Control-Auth to one of your own, the same on every webserver (\`openssl rand -hex 32\` makes one).`,
    );
  if (certificateFile === undefined && !datastoreInsecureDisableTls)
    found.push(
      "there is no TLS: set Certificate-File and Key-File; or, on a network that you trust, Datastore-Insecure-Disable-TLS = true here and on every webserver.",
    );
  return found;
}

/** Throws BAD_CONFIG when a datastore with these settings would be open to whoever reaches it. */
export function checkExposure(settings: Exposed): void {
  const found = dangers(settings);
  if (found.length === 0) return;
  const where = `The datastore would listen on ${settings.datastoreListenAddress}`;
  const instead = isLoopback(settings.datastoreListenAddress)
    ? ""
    : " Or listen on this machine alone: Datastore-Listen-Address = 127.0.0.1.";
  throw new FrontsyncError("BAD_CONFIG", `${where}, and ${found.join(" And ")}${instead}`);
}
