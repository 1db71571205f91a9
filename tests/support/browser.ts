/** A browser for tests: the system's Chromium, one process. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Webserver } from "../../apps/webserver/index.ts";
import { PASSWORD } from "./webservers.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"],
];
/** Machines are slow at times; what is waited for is a condition. */
export const SOON_MS = 60_000;

/** The path of a Chromium: CHROMIUM, or where systems have it. Without one tests are skipped, unless FRONTSYNC_BROWSER is `required`. */
export function findBrowser(): string | undefined {
  const found = [process.env.CHROMIUM ?? "", ...PLACES].find((path) => path !== "" && existsSync(path));
  if (found === undefined && process.env.FRONTSYNC_BROWSER === "required")
    throw new Error(
      `There is no Chromium (looked for ${PLACES.join(", ")}), and FRONTSYNC_BROWSER says that browser tests must run.`,
    );
  return found;
}

export interface Browsing extends AsyncDisposable {
  /** Somebody at a webserver, in a context of their own; logged in when `user` is given. */
  visit(server: Pick<Webserver, "address">, user?: string, options?: BrowserContextOptions): Promise<Page>;
  /** What pages have complained of: exceptions, errors on the console, violations of the policy. */
  readonly faults: readonly string[];
}

/** Answers that pages ask for although they may be refused: browsers write those to the console, too. */
const EXPECTED = /Failed to load resource: (the server responded with a status of (401|404|409|416|422|502|503)|net::ERR)/;

export async function openBrowser(): Promise<Browsing> {
  const faults: string[] = [];
  const browser = await chromium.launch({ executablePath: findBrowser() ?? "", args: FLAGS, timeout: 2 * SOON_MS });
  const contexts: BrowserContext[] = [];
  return {
    faults,
    async visit({ address }, user, options = {}) {
      const context = await browser.newContext({ baseURL: address, acceptDownloads: true, reducedMotion: "reduce", ...options });
      contexts.push(context);
      context.setDefaultTimeout(SOON_MS);
      if (user !== undefined) {
        const answer = await context.request.post("/api/login", { data: { User: user, Pass: PASSWORD } });
        if (!answer.ok()) throw new Error(`${user} can't log in: ${await answer.text()}`);
      }
      const page = await context.newPage();
      page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.stack ?? error.message}`));
      page.on("console", (message) => {
        if (message.type() === "error" && !EXPECTED.test(message.text())) faults.push(`${page.url()}: ${message.text()}`);
      });
      await page.goto("/");
      return page;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(contexts.map((context) => context.close()));
      await browser.close();
    },
  };
}

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const SCHEMES = ["light", "dark"] as const;
export const SCREEN = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const FOLDER = process.env.FRONTSYNC_SCREENSHOTS;

/** Whether pictures are taken. */
export const TAKES_PICTURES = FOLDER !== undefined;

/** What keeps somebody from using the page as it is now: in light and dark, and on a phone. Takes its pictures, when they are wanted. */
export async function barriersOf(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  await page.setViewportSize(SCREEN);
  for (const scheme of SCHEMES) {
    await page.emulateMedia({ colorScheme: scheme });
    found.push(...(await violations(page)).map((fault) => `${name}, ${scheme}: ${fault}`));
    await picture(page, `${name}-${scheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(PHONE);
  const wide = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
  if (wide > 0) found.push(`${name}: on a phone it is ${wide} pixels too wide`);
  await picture(page, `${name}-phone`);
  await page.setViewportSize(SCREEN);
  return found;
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return await page.evaluate(async (rules) => {
    const { axe: rule } = globalThis as unknown as { axe: typeof axe };
    const { violations: broken } = await rule.run({ exclude: [[".toasts"]] }, { runOnly: rules });
    return broken.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
  }, RULES);
}

async function picture(page: Page, name: string): Promise<void> {
  if (FOLDER === undefined) return;
  mkdirSync(FOLDER, { recursive: true });
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
}
