/** Faults put around a bus. */
import { Readable } from "node:stream";
import type { Bus, Collection } from "../../../bus/index.ts";
import type { WebserverOrder } from "../messages.ts";

/** More than the checker allows, and no more than that. */
const LEAK = { bytes: 24 * 1024 * 1024, most: 28 };

type Documents = Collection<Record<string, unknown>>;

export const AROUND: Record<string, (bus: Bus, order: WebserverOrder) => Bus | undefined> = {
  /** Answers every fifth patch with a revision, and sends nothing. */
  "lost-acknowledged": (bus) => {
    let asked = 0;
    return overCollections(bus, (documents) => ({
      patch: async (id, merge, options) => {
        if (++asked % 5 !== 0) return await documents.patch(id, merge, options);
        return { id, revision: bus.status().cursor, mutationId: `nothing.x.${asked}` };
      },
    }));
  },

  /** Sends some patches a second time later, under a new mutation id. */
  "applied-twice": (bus) =>
    overCollections(bus, (documents) => ({
      patch: async (id, merge, options) => {
        const written = await documents.patch(id, merge, options);
        if (Math.random() < 0.1) setTimeout(() => void documents.patch(id, merge).catch(() => {}), 700);
        return written;
      },
    })),

  /** Tells two changes that follow each other the other way round. */
  "told-out-of-order": (bus) =>
    overCollections(bus, (documents) => ({
      changes(options) {
        const told = async function* () {
          let held: Awaited<ReturnType<ReturnType<Documents["changes"]>["next"]>>["value"];
          for await (const change of documents.changes(options)) {
            if (!held && Math.random() < 0.05) held = change;
            else {
              yield change;
              if (held) yield held;
              held = undefined;
            }
          }
        };
        return told();
      },
    })),

  /** Says at once that it has what it was asked to wait for. */
  "no-waiting": (bus) => over(bus, { caughtUp: async () => {} }),

  /** Puts what was deleted back, from a cache. */
  "zombie-write": (bus) => {
    const documents = bus.collection("dashboards");
    const cache = new Map<string, Record<string, unknown>>();
    void (async () => {
      for await (const { id, op, doc } of documents.changes({ since: 0 })) {
        const cached = cache.get(id);
        if (op === "put" && doc) cache.set(id, { ...doc });
        else if (cached) setTimeout(() => void documents.put(cached).catch(() => {}), 300);
      }
    })();
    return undefined;
  },

  /** Deletes a document that it has not made itself. */
  "deletes-the-unknown": (bus, { webserver }) => {
    if (webserver !== "web1") return undefined;
    setTimeout(async () => {
      const { items } = await bus.collection("macros").list({ limit: 1 });
      for (const { id } of items) await bus.collection("macros").delete(id);
    }, 3000);
    return undefined;
  },

  /** Reads contents with one bit that is another one. */
  "damaged-content": (bus) => {
    const { resources } = bus;
    const open: typeof resources.open = async (id, options) => {
      const bytes = Buffer.concat(await (await resources.open(id, options)).toArray());
      if (bytes.length > 0) bytes[0] = (bytes[0] as number) ^ 1;
      return Readable.from([bytes]);
    };
    return over(bus, { resources: over(resources, { open }) });
  },

  /** Keeps some megabytes for each change. */
  leak: (bus) => {
    const kept: Buffer[] = [];
    void (async () => {
      for await (const _change of bus.collection("dashboards").changes({ since: 0 }))
        if (kept.length < LEAK.most) kept.push(Buffer.alloc(LEAK.bytes, kept.length + 1));
    })();
    return undefined;
  },
};

/** `target` with some of its methods replaced. */
function over<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(of, name) {
      if (name in methods) return methods[name as keyof T];
      const value = Reflect.get(of, name, of) as unknown;
      return typeof value === "function" ? value.bind(of) : value;
    },
  });
}

function overCollections(bus: Bus, methods: (documents: Documents) => Partial<Documents>): Bus {
  const collection = (name: string) => {
    const documents = bus.collection(name);
    return over(documents, methods(documents));
  };
  return over(bus, { collection: collection as Bus["collection"] });
}
