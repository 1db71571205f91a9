/** Lines that are cut, messages that are lost. */
import { pause } from "../clock.ts";
import type { Direction } from "../cluster/proxy.ts";
import { defineFaults, type Means } from "./define.ts";

const CUT_MS = [50, 2500] as const;
const LOSE_MS = [300, 2000] as const;
const LOST_SHARE = 0.3;

export const NETWORK_FAULTS = defineFaults({
  cut: {
    at: "webserver",
    text: "a webserver's connection ends, and none is taken for a while",
    async inject({ webserver: { proxy }, dice }) {
      const before = proxy.cut;
      proxy.refuse();
      await pause(dice.number(...CUT_MS));
      proxy.mend(false);
      return proxy.cut > before ? `${proxy.cut - before} connections were cut` : undefined;
    },
  },
  "cut-out": {
    at: "webserver",
    text: "what a webserver sends gets nowhere for a while; then it arrives late, or is lost with the connection",
    inject: (means) => hold(means, "out"),
  },
  "cut-in": {
    at: "webserver",
    text: "what is sent to a webserver gets nowhere for a while; then it arrives late, or is lost with the connection",
    inject: (means) => hold(means, "in"),
  },
  "lost-live": {
    at: "webserver",
    text: "a third of the live messages to a webserver are lost for a while",
    async inject({ webserver, dice }) {
      const before = webserver.status?.lost ?? 0;
      webserver.lose(LOST_SHARE);
      await pause(dice.number(...LOSE_MS));
      webserver.lose(0);
      await pause(100);
      const lost = (webserver.status?.lost ?? 0) - before;
      return lost > 0 ? `${lost} messages were lost` : undefined;
    },
  },
});

async function hold({ webserver: { proxy }, dice }: Means, direction: Direction): Promise<string | undefined> {
  const before = proxy.heldBytes;
  proxy.hold(direction);
  await pause(dice.number(...CUT_MS));
  const arrives = dice.chance(0.5);
  proxy.mend(arrives);
  const held = proxy.heldBytes - before;
  return held > 0 ? `${held} bytes ${arrives ? "came late" : "were dropped"}` : undefined;
}
