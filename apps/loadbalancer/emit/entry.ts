/** A webserver as it stands in the configuration of another proxy. */
export interface Entry {
  webserver: string;
  /** `host:port`. */
  address: string;
  /** It speaks HTTPS. */
  secure: boolean;
}

/** A name that no syntax takes for something else; two webservers have two. */
export function nameIn(webserver: string): string {
  return /^[A-Za-z0-9_-]+$/.test(webserver) ? webserver : `x-${Buffer.from(webserver).toString("hex")}`;
}
