/** Asking over HTTPS, and which certificate was shown. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import type { TLSSocket } from "node:tls";

export interface Secure {
  status: number | undefined;
  text: string;
  headers: IncomingMessage["headers"];
  /** Of the certificate that was shown when the connection began. */
  serial: string;
  /** It went over a connection that was there already. */
  reused: boolean;
}

/** `ca`: who must have signed the certificate. Without an agent each request has a connection of its own. */
export async function getSecure(url: string, ca: string, options: RequestOptions = {}): Promise<Secure> {
  const asking = request(url, { ca, agent: false, ...options }).end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  const { serialNumber: serial } = (response.socket as TLSSocket).getPeerCertificate();
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  return { status: response.statusCode, text, headers: response.headers, serial, reused: asking.reusedSocket };
}
