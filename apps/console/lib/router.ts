/** Which page is shown: the part of the address behind `#`, so that every address of the console is one file of the webserver. */
import { Value } from "../live/value.ts";

export interface Route {
  /** Of the path, decoded: ["dashboards", "ops"]. */
  steps: readonly string[];
  query: URLSearchParams;
}

const read = (): Route => {
  const [path = "", query = ""] = window.location.hash.replace(/^#\/?/, "").split("?", 2);
  return { steps: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
};

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

export const route = new Value<Route>(read());

/** Leads to the content of the page that is shown, and is no page. */
const SKIP = "#main";

/** Asked before a page is left; false: stay. */
let mayLeave: () => boolean = () => true;
let shown = window.location.hash;

export function guardLeaving(guard: (() => boolean) | undefined): void {
  mayLeave = guard ?? (() => true);
}

window.addEventListener("hashchange", () => {
  if (window.location.hash === shown) return;
  const stay = window.location.hash === SKIP || !mayLeave();
  if (stay) {
    window.history.replaceState(undefined, "", shown || "#/");
    return;
  }
  shown = window.location.hash;
  mayLeave = () => true;
  route.set(read());
});

/** The address of a page, for links. */
export const href = (...steps: (string | number)[]): string => `#/${steps.map((step) => encodeURIComponent(step)).join("/")}`;

export function go(...steps: (string | number)[]): void {
  window.location.hash = href(...steps);
}
