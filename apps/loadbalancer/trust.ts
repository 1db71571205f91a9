/** Which proxies in front are believed. */
import { BlockList, isIP } from "node:net";
import { FrontsyncError } from "../../bus/index.ts";

/** Whether an address is one of these, or in one of these networks (`10.0.0.0/8`). Throws BAD_CONFIG. */
export function trustIn(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = "", bits] = proxy.split("/");
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
    if (family === 0 || prefix < 0 || prefix > most)
      throw new FrontsyncError(
        "BAD_CONFIG",
        `A trusted proxy is an address or a network like 10.0.0.0/8, not ${JSON.stringify(proxy)}.`,
      );
    list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }
  return (address) => isIP(address) > 0 && list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/** The address of a socket; IPv4 as such, also where it came through IPv6. */
export function addressOf({ remoteAddress = "" }: { remoteAddress?: string | undefined }): string {
  return remoteAddress.replace(/^::ffff:(?=\d+\.)/i, "");
}
