/** Faults put over the bus's own classes. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Drift } from "../../../bus/drift.ts";
import { Delivery } from "../../../bus/outbox/delivery.ts";
import { StoredVersion } from "../../../bus/wire/version.ts";
import type { WebserverOrder } from "../messages.ts";

export const WITHIN: Record<string, (order: WebserverOrder) => void> = {
  /** Begins each life without the outbox of the one before. */
  "forgotten-outbox": ({ dir }) => rmSync(join(dir, "outbox"), { force: true }),

  /** Takes some changes for those of another document, and never compares digests. */
  "other-row": ({ webserver }) => {
    if (webserver !== "web1") return;
    Drift.prototype.heard = () => {};
    overLive((live) =>
      live.subject.includes(".dashboards.") && Math.random() < 0.2
        ? StoredVersion.of(`${live.subject}0`, live.revision, live.headers, live.body)
        : live,
    );
  },

  /** Never sends some of what waits. */
  "stuck-outbox": () => {
    const deliver = Delivery.prototype.deliver;
    Delivery.prototype.deliver = async function (this: Delivery, wish, kept, waits) {
      if (waits() && Math.random() < 0.3) await new Promise(() => {});
      return await deliver.call(this, wish, kept, waits);
    };
  },

  /** Applies another letter than the one that was stored, and never looks at bodies. */
  "flipped-body": ({ webserver }) => {
    if (webserver !== "web1") return;
    Drift.prototype.heard = () => {};
    overLive((live) => {
      if (!live.subject.includes(".dashboards.") || live.deleted) return live;
      const body = Buffer.from(Buffer.from(live.body).toString().replace('"name":"', '"name":"!'));
      return StoredVersion.of(live.subject, live.revision, live.headers, body);
    });
  },
};

function overLive(change: (live: StoredVersion) => StoredVersion): void {
  const fromLive = StoredVersion.fromLive;
  StoredVersion.fromLive = (subject, raw) => {
    const live = fromLive.call(StoredVersion, subject, raw);
    return live && change(live);
  };
}
