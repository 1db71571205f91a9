/** TLS on the way to the datastore: what it is asked of, and what is said when it fails. */
import { checkServerIdentity, createSecureContext, type PeerCertificate } from "node:tls";
import { FrontsyncError } from "../../schemas/errors.ts";

/** How a datastore's certificate is looked at. */
export interface TlsOptions {
  /** Certificates (PEM) of those who may have signed it; default: those that Node knows. */
  ca?: string;
  /** Take any certificate: whoever is on the way can read and change everything. */
  skipVerify?: boolean;
}

/** The codes of OpenSSL and Node that mean: there was a certificate, and it is not good; with what to do. */
const FAULTS: Record<string, string> = {
  CERT_HAS_EXPIRED: "Its certificate has expired: renew it.",
  CERT_NOT_YET_VALID: "Its certificate is not valid yet: look at both clocks.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "Its certificate is signed by itself: give it as `ca` (Datastore-CA-File).",
  SELF_SIGNED_CERT_IN_CHAIN: "Nobody known here has signed its certificate: give who did as `ca` (Datastore-CA-File).",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Nobody known here has signed its certificate: give who did as `ca` (Datastore-CA-File).",
  UNABLE_TO_GET_ISSUER_CERT: "Nobody known here has signed its certificate: give who did as `ca` (Datastore-CA-File).",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "Nobody known here has signed its certificate: give who did as `ca` (Datastore-CA-File).",
  CERT_SIGNATURE_FAILURE: "Its certificate is not signed by the `ca` (Datastore-CA-File) that was given.",
  CERT_REVOKED: "Its certificate was revoked: get another.",
  ERR_TLS_CERT_ALTNAME_INVALID: "Its certificate is for another name: use the name that is in it as the address.",
  // Of the NATS client: we want TLS, and the server has none.
  SERVER_OPTION_NA: "It does not speak TLS: give it Certificate-File and Key-File.",
};

/** What is wrong with the other side's TLS, and what to do; undefined: the error is about something else. */
export function tlsFault(error: unknown): string | undefined {
  const { code = "", message = "" } = (error ?? {}) as { code?: string; message?: string };
  const todo = FAULTS[code];
  if (todo !== undefined) return `${todo} (${code})`;
  return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") ? `${message} (${code})` : undefined;
}

/** For Node's tls.connect. The client gives it no host when that is an address, so the names are looked at here: any of the datastore's is
 *  as good as another. */
export function tlsSettings({ ca, skipVerify = false }: TlsOptions, servers: readonly string[]): object {
  const hosts = servers.map((server) => server.slice(0, server.lastIndexOf(":")).replace(/^\[(.*)\]$/, "$1"));
  return {
    ...(ca !== undefined && { ca }),
    rejectUnauthorized: !skipVerify,
    checkServerIdentity(_host: string, certificate: PeerCertificate): Error | undefined {
      const faults = hosts.map((host) => checkServerIdentity(host, certificate));
      return faults.some((fault) => fault === undefined) ? undefined : faults[0];
    },
  };
}

/** Throws BAD_CONFIG that names the option. */
export function checkTls(tls: unknown): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  const { ca, skipVerify } = (tls ?? {}) as Record<string, unknown>;
  const wrong = typeof tls !== "object" || tls === null || (skipVerify !== undefined && typeof skipVerify !== "boolean");
  if (wrong) throw new FrontsyncError("BAD_CONFIG", "`tls` must be { ca?: PEM text, skipVerify?: true or false }.");
  if (ca !== undefined && !isCertificate(ca))
    throw new FrontsyncError("BAD_CONFIG", "`tls.ca` must be the text of one or more certificates (PEM).");
  return tls as TlsOptions;
}

function isCertificate(ca: unknown): boolean {
  if (typeof ca !== "string" || !ca.includes("-----BEGIN CERTIFICATE-----")) return false;
  try {
    createSecureContext({ ca });
    return true;
  } catch {
    return false;
  }
}
