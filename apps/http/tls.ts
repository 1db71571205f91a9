/** The certificate of an HTTPS server, from its files. */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import https from "node:https";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { FrontsyncError } from "../../bus/index.ts";

/** PEM files of a key and its certificate. */
export interface TlsFiles {
  keyFile: string;
  certificateFile: string;
}

/** Throws BAD_CONFIG when they are no key and certificate that belong together. */
export function readTls({ keyFile, certificateFile }: TlsFiles): SecureContextOptions {
  try {
    const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile), minVersion: "TLSv1.2" } as const;
    createSecureContext(tls);
    return tls;
  } catch (cause) {
    const what = `\`keyFile\` ${keyFile} and \`certificateFile\` ${certificateFile} must be PEM files that belong together`;
    throw new FrontsyncError("BAD_CONFIG", `${what}: ${(cause as Error).message}`, { cause });
  }
}

/** New connections are shown what is in the files now; those that are there stay. Throws BAD_CONFIG, and what was there before stays. Nothing for a
 *  server without TLS. */
export function renewTls(server: Server, files: TlsFiles | undefined): void {
  if (files && server instanceof https.Server) server.setSecureContext(readTls(files));
}
