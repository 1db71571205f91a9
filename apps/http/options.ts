/** What every server here is told of where it listens. */
import { FrontsyncError } from "../../bus/index.ts";
import { readTls, type TlsFiles } from "./tls.ts";

export interface ListenOptions {
  /** The address to listen on; default 127.0.0.1. */
  listen?: string;
  /** Default 8080, with a certificate 8443; 0: a free one. */
  port?: number;
  /** PEM files of the key and the certificate, both or none: with them it speaks HTTPS alone. */
  keyFile?: string;
  certificateFile?: string;
  /** With HTTPS: who comes to this port over HTTP is sent there; 0: a free one. Default: none. */
  redirectPort?: number;
}

export interface Listening {
  listen: string;
  port: number;
  files: TlsFiles | undefined;
  redirectPort: number | undefined;
}

const PORTS = { plain: 8080, tls: 8443 };

/** Throws BAD_CONFIG that names the option. */
export function checkListening(options: ListenOptions): Listening {
  const { listen = "127.0.0.1", keyFile, certificateFile, redirectPort } = options;
  if (typeof listen !== "string" || listen === "") throw badOption("`listen` must be an address to listen on.");
  if ((keyFile === undefined) !== (certificateFile === undefined))
    throw badOption(
      `\`${keyFile === undefined ? "keyFile" : "certificateFile"}\` is missing: HTTPS needs the key and the certificate.`,
    );
  const files = keyFile !== undefined && certificateFile !== undefined ? { keyFile, certificateFile } : undefined;
  // Before anything is begun with it.
  if (files) readTls(files);
  if (redirectPort !== undefined && !files)
    throw badOption("`redirectPort` sends users to HTTPS: it needs `keyFile` and `certificateFile`.");
  return {
    listen,
    files,
    port: checkNumber("port", options.port ?? (files ? PORTS.tls : PORTS.plain), 0, 65_535),
    redirectPort: redirectPort === undefined ? undefined : checkNumber("redirectPort", redirectPort, 0, 65_535),
  };
}

/** A whole number within these limits. Throws BAD_CONFIG. */
export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw badOption(`\`${name}\` must be a whole number from ${min} to ${max}, not ${JSON.stringify(value)}.`);
}

export function badOption(message: string): FrontsyncError {
  return new FrontsyncError("BAD_CONFIG", message);
}
