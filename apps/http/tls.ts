/** The certificate of an HTTPS server, from its files. */
import { readFileSync } from "node:fs";
import type { Server, ServerOptions } from "node:http";
import https from "node:https";
import { createSecureContext } from "node:tls";
import { FrontsyncError } from "../../bus/index.ts";
import { HANDSHAKE_MS } from "./limits.ts";

/** PEM files of a key and its certificate. */
export interface TlsFiles {
  keyFile: string;
  certificateFile: string;
}

/** What each server shows. */
const shown = new WeakMap<Server, { files: TlsFiles; cert: Buffer }>();

/** Not listening yet. Throws BAD_CONFIG as readTls does. */
export function secureServer(options: ServerOptions, files: TlsFiles): Server {
  const tls = readTls(files);
  const server = https.createServer({ ...options, ...tls, handshakeTimeout: HANDSHAKE_MS });
  shown.set(server, { files, cert: tls.cert });
  return server;
}

/** Reads the files of a server's certificate again: new connections are shown what is in them now, those that are there stay. Whether it is another
 *  certificate; false for a server without TLS. Throws BAD_CONFIG, and what was shown before stays. */
export function renewTls(server: Server): boolean {
  const before = shown.get(server);
  if (!before) return false;
  const { files } = before;
  const tls = readTls(files);
  (server as https.Server).setSecureContext(tls);
  shown.set(server, { files, cert: tls.cert });
  return !tls.cert.equals(before.cert);
}

/** Throws BAD_CONFIG when they are no key and certificate that belong together. */
export function readTls({ keyFile, certificateFile }: TlsFiles) {
  try {
    const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile), minVersion: "TLSv1.2" } as const;
    createSecureContext(tls);
    return tls;
  } catch (cause) {
    const what = `\`keyFile\` ${keyFile} and \`certificateFile\` ${certificateFile} must be PEM files that belong together`;
    throw new FrontsyncError("BAD_CONFIG", `${what}: ${(cause as Error).message}`, { cause });
  }
}
