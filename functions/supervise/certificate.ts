/** The datastore's certificate and its key, looked at before nats-server is given them: its own messages are for those who know it. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { clock } from "../../bus/platform/clock.ts";
import { log } from "../../bus/platform/log.ts";
import { FrontsyncError } from "../../schemas/errors.ts";

const SOON_MS = 14 * 24 * 3600 * 1000;

/** Returns the certificate's fingerprint. Throws BAD_CONFIG when one can't be read, is no PEM, or they don't belong together. One that has
 *  expired, or will soon, is warned of: to refuse it would take away from those who do without it, too. */
export function checkCertificate({ certificateFile, keyFile }: { certificateFile: string; keyFile: string }): string {
  const certificate = read(certificateFile, "Certificate-File", "a certificate", (pem) => new X509Certificate(pem));
  const key = read(keyFile, "Key-File", "a private key without a password", (pem) => createPrivateKey(pem));
  if (!certificate.checkPrivateKey(key))
    throw new FrontsyncError("BAD_CONFIG", `Key-File ${keyFile} is not the key of Certificate-File ${certificateFile}.`);
  const left = Date.parse(certificate.validTo) - clock.now();
  if (left < 0) log.error({ certificateFile }, `the certificate expired on ${certificate.validTo}: webservers will not trust it`);
  else if (left < SOON_MS) log.warn({ certificateFile }, `the certificate expires on ${certificate.validTo}`);
  return certificate.fingerprint256;
}

function read<T>(file: string, name: string, what: string, parse: (pem: Buffer) => T): T {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `${name} ${file} can't be read: ${(cause as Error).message}.`, { cause });
  }
  try {
    return parse(pem);
  } catch (cause) {
    throw new FrontsyncError("BAD_CONFIG", `${name} ${file} is not ${what} (PEM): ${(cause as Error).message}.`, { cause });
  }
}
