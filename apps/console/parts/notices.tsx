/** What everybody should know: how this webserver is, in words, and what is wanted of whoever is logged in. */
import { useEffect, useState } from "preact/hooks";
import type { StatusReply } from "../../../schemas/types.ts";
import { href } from "../lib/router.ts";
import { connected, status } from "../live/events.ts";
import { me } from "../live/session.ts";
import { useValue } from "../live/use-value.ts";
import { Banner } from "./banner.tsx";

export type StateName = StatusReply["state"] | "offline" | "unknown";

const LOOKS: Record<
  StateName,
  { name: string; tone: "good" | "warn" | "bad" | ""; kind: "info" | "warn" | "bad"; words: string }
> = {
  synced: { name: "In sync", tone: "good", kind: "info", words: "Every webserver shows the same." },
  "catching-up": {
    name: "Catching up",
    tone: "warn",
    kind: "info",
    words: "This webserver is fetching what changed elsewhere. What you see may be a few moments old.",
  },
  degraded: {
    name: "Working on its own",
    tone: "warn",
    kind: "warn",
    words:
      "This webserver can't reach the others right now. You can go on: what you change is kept safely here, and goes to everybody when the connection is back. Only users, groups and passwords have to wait.",
  },
  held: {
    name: "On hold",
    tone: "bad",
    kind: "bad",
    words:
      "You can look at everything, but nothing can be changed until an administrator has settled which data count. Nothing of yours was deleted.",
  },
  offline: {
    name: "No connection",
    tone: "bad",
    kind: "bad",
    words: "This page can't reach its webserver. It tries again by itself; what you have typed stays here.",
  },
  unknown: { name: "Connecting", tone: "", kind: "info", words: "" },
};

export const stateLook = (state: StateName) => LOOKS[state];

/** Shorter breaks are not worth a word, ms. */
const BREAK_MS = 1500;

export function useStateName(): StateName {
  const [now, answers] = [useValue(status), useValue(connected)];
  const [gone, setGone] = useState(false);
  useEffect(() => {
    if (answers) return setGone(false);
    const timer = window.setTimeout(() => setGone(true), BREAK_MS);
    return () => window.clearTimeout(timer);
  }, [answers]);
  return gone ? "offline" : (now?.state ?? "unknown");
}

export function Notices() {
  const state = useStateName();
  const now = useValue(status);
  const self = useValue(me);
  const { name, kind, words } = LOOKS[state];
  const loud = state === "offline" || now?.alert === true;
  const calm = state === "synced" || state === "catching-up";
  return (
    <div class="notices" data-state={state}>
      <div role="status">
        {loud && (
          <Banner kind={calm ? "warn" : kind} title={calm ? "Please note." : `${name}.`}>
            {state === "offline" ? words : (now?.words ?? words)}
            {state !== "offline" && now && <span class="quiet"> ({now.webserver})</span>}
          </Banner>
        )}
      </div>
      {self?.defaultPassword && (
        <Banner kind="warn" title="Your password is still the one of the first start.">
          Anybody can look it up. <a href={href("account")}>Choose a new one now.</a>
        </Banner>
      )}
    </div>
  );
}
