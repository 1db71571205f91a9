/** Certificates for a test, made by openssl in the test's folder. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  certificateFile: string;
  keyFile: string;
}

const TIMEOUT_MS = 120_000;

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { stdio: "pipe", timeout: TIMEOUT_MS });
}

function keyOf(folder: string, name: string): string {
  const keyFile = join(folder, `${name}.key`);
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", keyFile);
  return keyFile;
}

/** Somebody who signs certificates. */
export function makeAuthority(folder: string, name: string): Certificate {
  const [certificateFile, keyFile] = [join(folder, `${name}.pem`), keyOf(folder, name)];
  openssl("req", "-x509", "-key", keyFile, "-subj", `/CN=${name}`, "-days", "30", "-out", certificateFile);
  return { certificateFile, keyFile };
}

/** A certificate for these names (`IP:127.0.0.1`, `DNS:localhost`). `days` below 0: it has expired. */
export function makeCertificate(
  folder: string,
  name: string,
  authority: Certificate,
  names: readonly string[],
  days = 30,
): Certificate {
  const [certificateFile, keyFile] = [join(folder, `${name}.pem`), keyOf(folder, name)];
  const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
  writeFileSync(extensions, `subjectAltName=${names.join(",")}\n`);
  openssl("req", "-new", "-key", keyFile, "-subj", `/CN=${name}`, "-out", request);
  openssl(
    ...["x509", "-req", "-in", request, "-CA", authority.certificateFile, "-CAkey", authority.keyFile, "-CAcreateserial"],
    ...["-extfile", extensions, "-days", String(days), "-out", certificateFile],
  );
  return { certificateFile, keyFile };
}
