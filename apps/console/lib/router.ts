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
/** Which one of the browser's history is shown, counted: the ways back and forward look the same otherwise. */
let place = placeOf(window.history.state) ?? 0;
mark();

export function guardLeaving(guard: (() => boolean) | undefined): void {
  mayLeave = guard ?? (() => true);
}

window.addEventListener("hashchange", () => {
  if (window.location.hash === shown) return;
  const wanted = placeOf(window.history.state) ?? place + 1;
  if (window.location.hash === SKIP || !mayLeave()) {
    // Back to where it was: with another address in its stead, the page that somebody came from would be gone from the history.
    window.history.go(place - wanted || -1);
    return;
  }
  place = wanted;
  mark();
  shown = window.location.hash;
  mayLeave = () => true;
  route.set(read());
});

function placeOf(state: unknown): number | undefined {
  const { place: known } = (state ?? {}) as { place?: unknown };
  return typeof known === "number" ? known : undefined;
}

function mark(): void {
  window.history.replaceState({ place }, "");
}

/** Asks, if something of the page would be lost. */
export const mayLeavePage = (): boolean => mayLeave();

/** The address of a page, for links. */
export const href = (...steps: (string | number)[]): string => `#/${steps.map((step) => encodeURIComponent(step)).join("/")}`;

export function go(...steps: (string | number)[]): void {
  window.location.hash = href(...steps);
}
