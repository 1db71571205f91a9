// Goal: each page of the console can be read by everybody: WCAG AA in light and dark, on a screen and a phone. Method: axe-core in a real browser on a
// furnished deployment. With FRONTSYNC_SCREENSHOTS=<folder> each page is also written there as a picture.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { type Browsing, findBrowser, openBrowser } from "./support/browser.ts";
import { furnish, type Place, twoWebservers } from "./support/console-data.ts";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const SCREEN = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const FOLDER = process.env.FRONTSYNC_SCREENSHOTS;

/** What is seen when a page has come. */
const PAGES: readonly [name: string, hash: string, seen: string][] = [
  ["dashboards", "#/dashboards", "text=Web traffic"],
  ["dashboard", "#/dashboards/web-traffic", "text=Slowest pages"],
  ["dashboard-edit", "#/dashboards/web-traffic/edit", "role=button[name=Save]"],
  ["dashboard-versions", "#/dashboards/web-traffic/versions", "text=Current"],
  ["search", "#/search", "role=heading[name=Results]"],
  ["result", "", ".lines li"],
  ["history", "#/history", "text=Search again"],
  ["resources", "#/resources", "text=hosts.csv"],
  ["preferences", "#/preferences", "text=emailSettings"],
  ["account", "#/account", "role=heading[name=Sessions]"],
  ["conflicts", "#/conflicts", "text=Save what is merged"],
  ["users", "#/users", "text=Ben Okafor"],
  ["user", "#/users/3", "role=heading[name=Access]"],
  ["groups", "#/groups", "text=Operations"],
  ["group", "#/groups/1", "text=Save the members"],
  ["status", "#/status", "role=rowheader[name=/web2/]"],
];

describe("each page of the console", { skip: findBrowser() === undefined && "there is no Chromium" }, () => {
  let place: Place;
  let browsing: Browsing;
  let page: Page;
  let result: string;

  before(async () => {
    place = await twoWebservers();
    await furnish(place);
    browsing = await openBrowser();
    page = await browsing.visit(place.a, "anna", { viewport: SCREEN });
    const searched = await page.request.post("/api/searchctrl", { data: { query: "status=500 path=/cart" } });
    result = `#/search/${((await searched.json()) as { id: string }).id}`;
  });
  after(async () => {
    await browsing?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  async function faultsOf(name: string): Promise<string[]> {
    await page.evaluate(axe.source);
    const found = await page.evaluate(async (rules) => {
      const { axe } = globalThis as unknown as {
        axe: {
          run(
            where: unknown,
            options: unknown,
          ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
        };
      };
      const { violations } = await axe.run({ exclude: [[".toasts"]] }, { runOnly: rules });
      return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
      );
    }, RULES);
    return found.map((fault) => `${name}: ${fault}`);
  }

  async function picture(name: string): Promise<void> {
    if (FOLDER === undefined) return;
    mkdirSync(FOLDER, { recursive: true });
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  }

  async function look(name: string, hash: string, seen: string): Promise<string[]> {
    await page.goto(`/${hash}`);
    await page.locator(seen).first().waitFor();
    const faults: string[] = [];
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      faults.push(...(await faultsOf(`${name}, ${scheme}`)));
      await picture(`${name}-${scheme}`);
    }
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: "light" });
    const wide = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    if (wide > 0) faults.push(`${name}: on a phone it is ${wide} pixels too wide`);
    await picture(`${name}-phone`);
    await page.setViewportSize(SCREEN);
    return faults;
  }

  for (const [name, hash, seen] of PAGES)
    it(`${name} is for everybody`, async () => {
      assert.deepEqual(await look(name, hash || result, seen), []);
    });

  it("the login is for everybody", async () => {
    await page.request.put("/api/logout");
    assert.deepEqual(await look("login", "", "role=button[name='Log in']"), []);
  });

  it("has not complained", () => {
    assert.deepEqual(browsing.faults, []);
  });
});
